"""An app of two tasks and one of a thousand: instructions of app-worker's supervisor and of its
handler process."""
from callgrind import CountedWorker, cost
from load import Load, to

from support.program import BUILD

MANY = f"{BUILD}/tests/many_tasks.so"
SAMPLE = 200


def test_task_names(environment, broker, compare):
    bridge = environment.bridge(broker)

    def ask(prefix, tasks):
        worker = environment.keep(CountedWorker(environment.folder, broker,
                                                "--processes", "1", app=MANY,
                                                arguments=[prefix, str(tasks)])).start()
        handler, = worker.children()
        requests = [to(f"{prefix}{i % tasks}") for i in range(max(tasks, SAMPLE))]
        with Load(bridge) as front:
            front.ask(requests)  # the first ones allocate buffers and tables
            return cost({"supervisor": worker.pid, "handler": handler}, len(requests),
                        lambda: front.ask(requests))

    compare("tasks", ask("few", 2), ask("many", 1000))
