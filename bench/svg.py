"""Line plots as SVG, readable on light and dark pages."""
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 80, 150, 40, 50
COLOURS = ("#1f77b4", "#d95f02", "#2ca02c", "#9467bd", "#c2a500", "#8c564b")
INK = "#808080"


def nice_steps(most):
    """From 0 to MOST in about five steps of 1, 2 or 5."""
    step = 10 ** math.floor(math.log10(most / 5))
    step *= next(factor for factor in (1, 2, 5, 10) if most / 5 <= factor * step)
    return [step * number for number in range(math.ceil(most / step) + 1)]


def text(x, y, words, anchor="middle", colour=INK):
    return (f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{colour}">'
            f"{escape(words)}</text>")


def line_plot(title, x_name, y_name, series):
    """SERIES is {name: [(x, y)]}; x is spaced by its logarithm."""
    xs = sorted({x for points in series.values() for x, _ in points})
    steps = nice_steps(max(y for points in series.values() for _, y in points))
    low, high = math.log(xs[0]), math.log(xs[-1])

    def place(x, y):
        across = (math.log(x) - low) / (high - low) if high > low else 0.5
        return (LEFT + across * (WIDTH - LEFT - RIGHT),
                HEIGHT - BOTTOM - y / steps[-1] * (HEIGHT - TOP - BOTTOM))

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
             f'font-family="sans-serif" font-size="13">',
             text(WIDTH / 2, 20, title), text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, x_name),
             text(LEFT, TOP - 8, y_name)]
    for step in steps:
        _, y = place(xs[0], step)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.0f}" y2="{y:.0f}" '
                     f'stroke="{INK}" stroke-opacity="0.3"/>')
        parts.append(text(LEFT - 6, y + 4, f"{step:,g}", "end"))
    for x in xs:
        parts.append(text(place(x, 0)[0], HEIGHT - BOTTOM + 18, f"{x:,}"))
    for number, (name, points) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        places = [place(x, y) for x, y in sorted(points)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" '
                     f'stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
                  for x, y in places]
        parts.append(text(WIDTH - RIGHT + 12, TOP + 16 + 20 * number, name, "start", colour))
    return "\n".join(parts) + "\n</svg>\n"
