"""Load generators, and the parsing of their output."""
import re
import subprocess

from measure import Load
from support.program import die_with_parent

TIME_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60000.0}


def wrk(url, connections, seconds):
    """Requests over HTTP, as fast as they are answered."""
    done = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency",
                           "--timeout", "30s", url], capture_output=True, text=True,
                          check=True).stdout
    if " 0 requests in" in done:
        raise SystemExit(f"{url}: no answer at {connections} connections\n{done}")
    latency_ms = {f"p{percent}": milliseconds(time)
                  for percent, time in re.findall(r"(?m)^ +(\d\d)%\s+(\S+)", done)}
    latency_ms["longest"] = milliseconds(re.search(r"Latency +\S+ +\S+ +(\S+)", done)[1])
    return Load(count=int(re.search(r"(\d+) requests in", done)[1]),
                rate=float(re.search(r"Requests/sec:\s+([\d.]+)", done)[1]),
                latency_ms=latency_ms,
                wrong=re.findall(r"(?:Socket errors|Non-2xx).*", done))


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * TIME_UNITS_MS[unit]


def caller(command):
    """A program that prints the line of samples.h."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr.strip() or f"{command}: status {done.returncode}")
    said = {name: float(value) for name, value in re.findall(r"(\S+)=([\d.]+)", done.stdout)}
    load = Load(count=int(said.pop("calls")), rate=said.pop("rate"), latency_ms={},
                cpu_us={"client": said.pop("cpu_us")})
    if wrong := int(said.pop("wrong", 0)):
        load.wrong.append(f"{wrong} wrong answers")
    load.latency_ms = {name: value / 1000 for name, value in said.items()}
    return load


class Readers:
    """The program readers.c, which is told line by line what to do."""

    def __init__(self, program, port, mode, count, channels):
        self.process = subprocess.Popen(
            [program, str(port), mode, f"/{mode}?channel=parked.", "/publish?channel=parked.",
             str(count), str(channels)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, bufsize=1, preexec_fn=die_with_parent)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        said = self.process.stdout.readline()
        if not said:
            raise SystemExit(f"{line}: no answer from readers")
        return said

    def ask(self, settle):
        """All that are not waiting; SETTLE() returns when their requests have arrived. How
        many were refused and asked again."""
        asked = []
        while not asked or asked[-1]:
            asked.append(int(self.tell("ask").partition("=")[2]))
            settle()
        return sum(asked[1:])

    def publish(self, messages):
        """So many on each channel; {accepted, half, last: milliseconds} until the publisher
        knows it, half of the readers have all of theirs, and all of them."""
        return {name: int(us) / 1000
                for name, us in re.findall(r"(\w+)=(\d+)", self.tell(f"publish {messages}"))}
