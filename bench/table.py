"""Tables: medians over the rounds, and ratios."""
import statistics

from scenarios import (BESIDE, LONE, LONE_CALL, LONE_REQUEST, SLOW, SLOW_MS,
                       SLOW_PROCESSES)

MARKS = ("bare-kept", "bare-each", "php-fpm", "uwsgi")  # what requests are compared with
TEXT_COLUMNS = ("chain", "path", "way", "CPU µs")


def median(loads, what):
    return statistics.median(getattr(load, what) for load in loads)


def ratio(loads, marks):
    """The median of the ratios within each round: the machine may drift between rounds."""
    if not marks:
        return "-"
    return f"{statistics.median(a.rate / b.rate for a, b in zip(loads, marks)):.2f}"


def cpu(loads):
    """Each kind of process in words, the median of each."""
    return ", ".join(
        f"{kind} {statistics.median(load.cpu_us[kind] for load in loads):.1f}"
        for kind in loads[0].cpu_us)


def figures(loads):
    return {"p50 ms": f"{median(loads, 'p50_ms'):.2f}",
            "p99 ms": f"{median(loads, 'p99_ms'):.2f}", "CPU µs": cpu(loads)}


def what_is_asked(one):
    return one.path, one.connections, one.body_bytes, one.rate, one.beside


def described(one):
    size = f", {one.body_bytes:,} bytes" if one.body_bytes else ""
    rate = f" at {one.rate:,}/s" if one.rate else ""
    beside = f" beside {one.beside}" if one.beside else ""
    return one.path + size + rate + beside


def request_rows(results):
    """RESULTS is {Request: [Load, one for each round]}."""
    found = {(one.chain, what_is_asked(one)): loads for one, loads in results.items()}
    marks = [mark for mark in MARKS if any(one.chain == mark for one in results)]
    for one, loads in results.items():
        yield {"path": described(one), "connections": str(one.connections), "chain": one.chain,
               "requests/s": f"{median(loads, 'rate'):,.0f}",
               **{f"of {mark}": ratio(loads, found.get((mark, what_is_asked(one))))
                  for mark in marks},
               **figures(loads)}


def call_rows(results):
    """RESULTS is {Call: [Load, one for each round]}."""
    pump = {(one.under_way, one.body_bytes): loads for one, loads in results.items()
            if one.chain == "pump"}
    for one, loads in results.items():
        yield {"body": f"{one.body_bytes // 1024} KB", "under way": str(one.under_way),
               "chain": one.chain, "way": one.way, "calls/s": f"{median(loads, 'rate'):,.0f}",
               "of pump": ratio(loads, pump.get((one.under_way, one.body_bytes))),
               **figures(loads)}


def alone(results):
    """In words: one request at a time, beside the two parts it is made of at least."""
    if all(one in results for one in (LONE, LONE_CALL, LONE_REQUEST)):
        crew, call, request = (median(results[one], "p50_ms")
                               for one in (LONE, LONE_CALL, LONE_REQUEST))
        yield (f"one at a time, median: crew {crew:.2f} ms; a call of pump {call:.2f} and a "
               f"request of bare-kept {request:.2f} are {call + request:.2f} ms")


def beside_slow_ones(results):
    """In words: what requests that take long cost those beside them."""
    alone_, *beside = BESIDE
    for one in beside:
        if one in results and alone_ in results:
            yield (f"beside {one.beside} {alone_.connections} connections keep "
                   f"{ratio(results[one], results[alone_])} of their rate")
    if SLOW in results:
        ideal = SLOW_PROCESSES * 1000 / SLOW_MS
        yield (f"handlers of {SLOW_MS} ms, {SLOW_PROCESSES} processes in two workers: "
               f"{median(results[SLOW], 'rate') / ideal:.3f} of the {ideal:.0f} a second that "
               f"are possible")


def print_table(rows, markdown):
    rows = list(rows)
    if not rows:
        return
    table = [list(rows[0])] + [list(row.values()) for row in rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for number, row in enumerate(table):
        cells = [cell.ljust(width) if name in TEXT_COLUMNS else cell.rjust(width)
                 for name, cell, width in zip(table[0], row, widths)]
        print("| " + " | ".join(cells) + " |" if markdown else "  ".join(cells).rstrip())
        if number == 0 and markdown:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    print()
