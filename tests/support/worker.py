"""An app-worker."""
from support.program import Program, binary, example
from support.waiting import wait_until


class Worker(Program):
    name = "app-worker"

    def __init__(self, folder, broker, *options, app="probe.so", arguments=(), **rest):
        super().__init__(folder, **rest)
        self.broker = broker
        self.options = list(options)
        self.app = app if "/" in app else example(app)
        self.arguments = list(arguments)

    def command(self):
        return [binary("app-worker"), "--url", self.broker.url, *self.options, self.app,
                *self.arguments]

    def wait_handlers(self, count, bound_s=10.0):
        wait_until(lambda: len(self.children()) == count, bound_s,
                   what=f"{count} handler processes")
