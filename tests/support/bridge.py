"""An fcgi-bridge."""
import os
import signal

from support.program import Program, binary
from support.waiting import wait_until


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

    def stop(self):
        """Stop the bridge and its successors after SIGHUP."""
        status = super().stop()
        if self.process:
            wait_until(self.group_has_ended, 20, what="successors of the bridge stop")
        return status

    def group_has_ended(self):
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
        except ProcessLookupError:
            return True
        return False
