"""Tables: medians over the rounds, and ratios."""
import statistics

from scenarios import LONE, LONE_CALL, LONE_REQUEST

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


def request_rows(results):
    """RESULTS is {Request: [Load, one for each round]}."""
    found = {(one.chain, one.path, one.connections): loads for one, loads in results.items()}
    marks = [mark for mark in MARKS if any(one.chain == mark for one in results)]
    for one, loads in results.items():
        yield {"path": one.path, "connections": str(one.connections), "chain": one.chain,
               "requests/s": f"{median(loads, 'rate'):,.0f}",
               **{f"of {mark}": ratio(loads, found.get((mark, one.path, one.connections)))
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
