"""An fcgi-bridge."""
from support.program import Program, binary


class Bridge(Program):
    name = "fcgi-bridge"

    def __init__(self, folder, broker, *options, **rest):
        super().__init__(folder, **rest)
        self.broker = broker
        self.options = list(options)
        self.socket = self.path("fcgi.sock")

    def command(self):
        return [binary("fcgi-bridge"), "--url", self.broker.url, "--listen",
                f"unix:{self.socket}", "--socket-mode", "0666", *self.options]

    def wait_connected(self, bound_s=15.0):
        self.wait_log("broker: connected", bound_s)
