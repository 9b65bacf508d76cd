"""Plots of what was measured: which there are depends on the scenarios of the run."""
import os
from collections import defaultdict

from scenarios import Request
from svg import line_plot
from table import median


def is_hello(one):
    return isinstance(one, Request) and one.path == "/hello" and not one.beside


def by_chain(results, chosen, x, y):
    """{chain: [(x, y)]} of those with more than one x."""
    series = defaultdict(list)
    for one, loads in results.items():
        if chosen(one):
            series[one.chain].append((x(one), y(loads)))
    return {name: points for name, points in series.items() if len(points) > 1}


def cpu_by_kind(results):
    series = defaultdict(list)
    for one, loads in results.items():
        if is_hello(one) and not one.rate and one.chain == "crew":
            for kind in loads[0].cpu_us:
                used = sorted(load.cpu_us[kind] for load in loads)[len(loads) // 2]
                series[kind].append((one.connections, used))
    return {name: points for name, points in series.items() if len(points) > 1}


def at_full_speed(one):
    return is_hello(one) and not one.rate


def at_a_rate(one):
    return is_hello(one) and one.rate > 0


def plots(results):
    """(file name, svg) of all that there is something for."""
    connections = by_chain(results, at_full_speed, lambda one: one.connections,
                           lambda loads: median(loads, "rate"))
    drawn = [
        ("rate", "A small page: requests a second", "connections", "requests/s", connections),
        ("cpu", "crew: processor time for each request", "connections", "µs",
         cpu_by_kind(results)),
        ("latency-p50", "A small page at a fixed rate: median latency", "requests/s", "ms",
         by_chain(results, at_a_rate, lambda one: one.rate,
                  lambda loads: median(loads, "p50_ms"))),
        ("latency-p99", "A small page at a fixed rate: 99th percentile", "requests/s", "ms",
         by_chain(results, at_a_rate, lambda one: one.rate,
                  lambda loads: median(loads, "p99_ms"))),
    ]
    return [(f"{name}.svg", line_plot(title, x, y, series))
            for name, title, x, y, series in drawn if series]


def write_plots(results, folder):
    os.makedirs(folder, exist_ok=True)
    for name, drawing in plots(results):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(drawing)
