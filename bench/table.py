"""Tables: medians over the rounds, and ratios."""
import statistics
from dataclasses import replace

from scenarios import KB, LONE, LONE_CALL, LONE_REQUEST, MB, Call, Footprint, Waiting

# What requests are compared with.
COMPARED = ("bare-kept", "bare-each", "php-fpm", "uwsgi", "crew-single")
LATENCIES = ("p50", "p90", "p99", "p99.9", "longest")
FOOTPRINTS = {"bridge": "bridge", "supervisor": "supervisor", "handlers": "a handler"}
TEXT_COLUMNS = ("mark", "path", "beside", "mode", "chain", "way", "CPU µs")


def median(loads, figure):
    return statistics.median(map(figure, loads))


def rate(loads):
    return median(loads, lambda load: load.rate)


def latency(loads, name):
    """Milliseconds; None when it is not known."""
    if name not in loads[0].latency_ms:
        return None
    return median(loads, lambda load: load.latency_ms[name])


def ratio(loads, others, figure=lambda load: load.rate):
    """The median of the ratios within each round: the machine may drift between rounds."""
    return statistics.median(figure(a) / figure(b) for a, b in zip(loads, others))


# ---- cells; an empty one says nothing

def of(loads, others, figure=lambda load: load.rate):
    return f"{ratio(loads, others, figure):.2f}" if others else ""


def of_ideal(loads):
    return (f"{median(loads, lambda load: load.rate / load.ideal_rate):.2f}"
            if loads[0].ideal_rate else "")


def cpu(loads):
    """Each kind of process in words, the median of each."""
    return ", ".join(f"{kind} {median(loads, lambda load: load.cpu_us[kind]):.1f}"
                     for kind in loads[0].cpu_us)


def milliseconds(loads, name):
    time = latency(loads, name)
    return "" if time is None else f"{time:.2f}"


def bytes_text(count):
    if count is None:
        return ""
    return f"{count // MB} MB" if count >= MB else f"{count // KB} KB" if count else "0"


def latencies(loads):
    return {f"{name} ms": milliseconds(loads, name) for name in LATENCIES}


def beside(request):
    return f"{request.connections} × {request.path}" if request else ""


# ---- rows, one for each scenario

def request_row(one, loads, results):
    others = {} if one.rate else {
        f"of {chain}": of(loads, results.get(replace(one, chain=chain)))
        for chain in COMPARED if any(other.chain == chain for other in results)}
    return {"path": one.path, "body": bytes_text(one.body_bytes),
            "connections": str(one.connections), "beside": beside(one.beside),
            "chain": one.chain, "due/s": f"{one.rate:,}" if one.rate else "",
            "requests/s": f"{rate(loads):,.0f}", **others,
            "of alone": of(loads, one.beside and results.get(replace(one, beside=None))),
            "of ideal": of_ideal(loads), **latencies(loads), "CPU µs": cpu(loads)}


def call_row(one, loads, results):
    pump = results.get(replace(one, chain="pump", way="async"))
    return {"body": bytes_text(one.body_bytes), "under way": str(one.under_way),
            "chain": one.chain, "way": one.way, "calls/s": f"{rate(loads):,.0f}",
            "of pump": of(loads, pump), **latencies(loads), "CPU µs": cpu(loads)}


def footprint_row(one, loads, _):
    def at(state, kind):
        return median(loads, lambda load: load.memory_bytes[state][kind])

    row = {"connections": str(one.connections)}
    for kind, name in FOOTPRINTS.items():
        for state in "rest", "busy", "kept":
            row[f"{name}, {state}"] = f"{at(state, kind) / 1e6:.1f} MB"
    more = at("busy", "bridge") - at("rest", "bridge")
    return row | {"bridge, a connection": f"{more / one.connections / KB:.1f} KB"}


def waiting_row(one, loads, results):
    nchan = results.get(replace(one, chain="nchan")) if one.chain != "nchan" else None
    each = {f"{kind}, KB each": f"{parked_bytes(one, loads, kind) / KB:.1f}"
            for kind in loads[0].memory_bytes["parked"] if kind != "broker"}
    return {"mode": one.mode, "readers": f"{one.readers:,}", "channels": f"{one.channels:,}",
            "messages": str(one.messages), "chain": one.chain, **each,
            **{f"{name} ms": milliseconds(loads, name) for name in ("half", "last")},
            "last, of nchan": of(loads, nchan, lambda load: load.latency_ms["last"]),
            "answers/s": f"{rate(loads):,.0f}",
            "refused": str(max(load.refused for load in loads) or ""), "CPU µs": cpu(loads)}


def parked_bytes(one, loads, kind):
    """What a request that waits takes in processes of this kind."""
    return median(loads, lambda load: load.memory_bytes["parked"][kind]
                  - load.memory_bytes["rest"][kind]) / one.readers


ROWS = {Call: call_row, Footprint: footprint_row, Waiting: waiting_row}


def tables(results):
    """For each kind of scenario a list of rows, without the columns that say nothing."""
    found = {}
    for one, loads in results.items():
        row = ROWS.get(type(one), request_row)(one, loads, results)
        found.setdefault(type(one), []).append(row)
    for rows in found.values():
        speaking = {name for row in rows for name, cell in row.items() if cell}
        columns = dict.fromkeys(name for row in rows for name in row if name in speaking)
        yield [{name: row.get(name, "") for name in columns} for row in rows]


def alone(results):
    """In words: one request at a time, beside the two parts it is made of at least."""
    if all(one in results for one in (LONE, LONE_CALL, LONE_REQUEST)):
        crew, call, request = (latency(results[one], "p50")
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
