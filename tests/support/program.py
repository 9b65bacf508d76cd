"""A program of the build tree, started by a test."""
import ctypes
import os
import signal
import socket
import subprocess
import tempfile
import threading

from support.waiting import wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("CREW_BUILD") or os.path.join(ROOT, "build")
STOP_BOUND_S = 20
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
# Time bounds are multiplied by it: sanitizers make programs slower.
SLOWNESS = 3 if os.environ.get("CREW_SANITIZE") else 1


def binary(name):
    return os.path.join(BUILD, "bin", name)


def example(name):
    return os.path.join(BUILD, "examples", name)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def die_with_parent():
    """Kill the program when the test run is killed."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def on_main_thread():
    """PR_SET_PDEATHSIG refers to the parent thread, so only the main thread may use it."""
    return threading.current_thread() is threading.main_thread()


class Program:
    """A running program: its log is a file, it reports readiness to NOTIFY_SOCKET.

    Subclasses define the command line. stop sends SIGTERM, or stop_signal, and after
    STOP_BOUND_S SIGKILL, which fails the test, as does an exit status other than 0
    (sanitizers report errors so, too).
    """

    name = "program"
    stop_signal = signal.SIGTERM

    def __init__(self, folder, environment=None):
        self.folder = tempfile.mkdtemp(prefix=f"{self.name}-", dir=folder)
        self.environment = environment or {}
        self.process = None
        self.ready_socket = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def command(self):
        raise NotImplementedError

    # ---- start and stop

    def launch(self, **popen):
        """Start without waiting for readiness."""
        self.ready_socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = self.path("notify")
        if os.path.exists(address):
            os.unlink(address)
        self.ready_socket.bind(address)
        self.ready_socket.setblocking(False)
        outside = {name: value for name, value in os.environ.items()
                   if not name.startswith("CREW_")}
        environment = outside | {"NOTIFY_SOCKET": address} | self.environment
        with open(self.path("log"), "ab") as log:
            preexec = die_with_parent if on_main_thread() else None
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env=environment,
                                            start_new_session=True,
                                            preexec_fn=preexec, **popen)
        return self

    def start(self, bound_s=15.0, **popen):
        """Start and wait for READY=1."""
        self.launch(**popen)
        self.wait_ready(bound_s)
        return self

    def notified(self, line):
        """Whether LINE was received on the notify socket since the last call."""
        while True:
            try:
                if line.encode() in self.ready_socket.recv(4096).split(b"\n"):
                    return True
            except BlockingIOError:
                return False

    def wait_ready(self, bound_s=15.0):
        def ready_or_ended():
            return self.notified("READY=1") or not self.alive()

        wait_until(ready_or_ended, bound_s * SLOWNESS, what=f"{self.name} ready")
        assert self.alive(), f"{self.name} ended with {self.process.returncode}:\n{self.log()}"

    def alive(self):
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self):
        return self.process.pid

    def signal(self, signum):
        self.process.send_signal(signum)

    def wait(self, bound_s=STOP_BOUND_S):
        return self.process.wait(timeout=bound_s * SLOWNESS)

    def stop(self):
        """Stop the program, even if it is paused; returns the exit status."""
        if not self.alive():
            return self.process.returncode if self.process else None
        self.signal(signal.SIGCONT)
        self.signal(self.stop_signal)
        try:
            status = self.wait()
            assert status == 0, f"{self.name} ended with {status}:\n{self.log()}"
            return status
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} does not stop:\n{self.log()}") from None
        finally:
            self.ready_socket.close()

    def kill(self):
        """kill -9."""
        if self.alive():
            self.signal(signal.SIGKILL)
            self.process.wait()

    # ---- looking at it

    def log(self):
        try:
            with open(self.path("log"), encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def wait_log(self, text, bound_s=10.0):
        wait_until(lambda: text in self.log(), bound_s * SLOWNESS, what=f"'{text}' in the log")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def rss_bytes(self):
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def children(self):
        """Process ids of its children, the handler processes of a worker."""
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit() and parent_of(int(name)) == self.pid:
                found.append(int(name))
        return sorted(found)


def parent_of(pid):
    """The parent's process id; 0 when there is no such process, or only a zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            words = file.read().rpartition(")")[2].split()
            return 0 if words[0] == "Z" else int(words[1])
    except OSError:
        return 0
