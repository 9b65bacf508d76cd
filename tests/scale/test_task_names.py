"""An app of two tasks, and one of a thousand: instructions of app-worker's supervisor and
of its handler process."""
from counted import CountedWorker, cost
from crowd import Crowd, to

from support.program import BUILD

MANY = f"{BUILD}/tests/many.so"
SAMPLE = 200


def test_task_names(stage, broker, alike):
    bridge = stage.bridge(broker)

    def ask(prefix, tasks):
        worker = stage.keep(CountedWorker(stage.folder, broker, "--processes", "1", app=MANY,
                                          arguments=[prefix, str(tasks)])).start()
        handler, = worker.children()
        requests = [to(f"{prefix}{i % tasks}") for i in range(max(tasks, SAMPLE))]
        with Crowd(bridge) as front:
            front.ask(requests)  # the first ones make buffers and tables
            return cost({"supervisor": worker.pid, "handler": handler}, len(requests),
                        lambda: front.ask(requests))

    alike("tasks", ask("few", 2), ask("many", 1000))
