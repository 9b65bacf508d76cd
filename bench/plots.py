"""The charts of a run. A chart without data is left out."""
import os

from scenarios import BODIES, RATES, SERVERS, Footprint, Request, echo, hello, sleep
from svg import Chart
from table import FOOTPRINTS, LATENCIES, bytes_text, latency, median, rate

COLOURS = {"crew": 0, "crew-single": 5, "bare-kept": 1, "bare-each": 4, "php-fpm": 2, "uwsgi": 3}
KINDS = {"nginx": "nginx", "bridge": "bridge", "supervisor": "supervisor",
         "handlers": "handlers", "broker": "broker", "bare": "handlers", "php": "handlers",
         "uwsgi": "handlers"}


def counts_of(results, kind, **wanted):
    """All numbers of connections of such scenarios."""
    return sorted({one.connections for one in results if isinstance(one, kind)
                   and all(getattr(one, name) == value for name, value in wanted.items())})


def series(results, chains, scenarios, figure):
    """{chain: a figure of each of its scenarios}; SCENARIOS(chain) is a list."""
    rows = {chain: [figure(results[one]) if one in results else None
                    for one in scenarios(chain)] for chain in chains}
    return {chain: row for chain, row in rows.items() if any(value is not None for value in row)}


def over_connections(results, chains, title):
    counts = counts_of(results, Request, path="/hello", rate=0, beside=None)
    found = series(results, chains, lambda chain: [hello(chain, count) for count in counts], rate)
    if len(counts) < 2 or len(found) < 2:
        return None
    return Chart(title, "connections", "requests/s", [f"{count:,}" for count in counts], found,
                 colours=COLOURS).lines()


def speed(results):
    return over_connections(results, ("crew", "bare-kept", "bare-each", "php-fpm", "uwsgi"),
                            "A small page")


def batches(results):
    return over_connections(results, ("crew", "crew-single"),
                            "Several requests in a message (crew), and one (crew-single)")


def handlers(results):
    def of_ideal(loads):
        return median(loads, lambda load: load.rate / load.ideal_rate)

    times = 1, 50
    found = series(results, SERVERS, lambda chain: [sleep(chain, ms, 64) for ms in times],
                   of_ideal)
    return found and Chart("Handlers that take time, 64 connections", "handler",
                           "of the ideal rate", [f"{ms} ms" for ms in times], found,
                           colours=COLOURS).groups()


def bodies(results):
    found = series(results, SERVERS, lambda chain: [echo(chain, size, 16) for size in BODIES],
                   rate)
    return found and Chart("Bodies that come back, 16 connections", "bytes each way",
                           "requests/s", [bytes_text(size) for size in BODIES], found, log=True,
                           colours=COLOURS).lines()


def latencies(each):
    """The latencies at this rate."""
    def draw_latencies(results):
        found = {chain: [latency(results[one], name) for name in LATENCIES]
                 for chain in SERVERS if (one := hello(chain, 64, rate=each)) in results}
        return found and Chart(f"Latency at {each:,} requests/s, 64 connections",
                               "percentile", "ms", LATENCIES, found, log=True,
                               colours=COLOURS).lines()

    return draw_latencies


def cpu(results):
    """What a request costs, by kind of process."""
    measured = {chain: results[hello(chain, 64)] for chain in COLOURS
                if hello(chain, 64) in results}
    kinds = dict.fromkeys(KINDS.values())
    found = {kind: [sum(median(loads, lambda load: load.cpu_us[name])
                        for name in loads[0].cpu_us if KINDS[name] == kind)
                    for loads in measured.values()] for kind in kinds}
    return measured and Chart("What a small page costs at 64 connections", "",
                              "CPU µs for each request", [*measured], found).stacks()


def memory(results):
    counts = counts_of(results, Footprint)
    at = {count: results[Footprint("crew-anew", count)] for count in counts}
    found = {name: [median(at[count], lambda load: load.memory_bytes["busy"][kind]) / 1e6
                    for count in counts] for kind, name in FOOTPRINTS.items()}
    return counts and Chart("Memory with a request on each connection", "connections", "MB",
                            [f"{count:,}" for count in counts], found).lines()


PLOTS = {"speed": speed, "batches": batches, "handlers": handlers, "bodies": bodies,
         **{f"latency-{each}": latencies(each) for each in RATES}, "cpu": cpu, "memory": memory}


def draw(results, folder):
    os.makedirs(folder, exist_ok=True)
    for name, plot in PLOTS.items():
        if drawn := plot(results):
            with open(os.path.join(folder, f"{name}.svg"), "w", encoding="utf-8") as file:
                file.write(drawn)
