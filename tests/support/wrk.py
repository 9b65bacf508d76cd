"""Load generated with wrk."""
import re
import subprocess


class Wrk:
    """wrk at work in the background."""

    def __init__(self, url, connections, seconds):
        self.process = subprocess.Popen(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", url],
            stdout=subprocess.PIPE, text=True)
        self.output = ""

    def running(self):
        return self.process.poll() is None

    def finish(self):
        """(requests answered, what failed as wrk's own lines)"""
        self.output, _ = self.process.communicate()
        failed = re.findall(r"(?:Socket errors|Non-2xx).*", self.output)
        return int(re.search(r"(\d+) requests in", self.output)[1]), failed
