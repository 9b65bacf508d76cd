"""Line and bar charts as SVG, without a library.

Colours follow the reader's light or dark mode (prefers-color-scheme); programs without support
for it show the light one.
"""
import math
from html import escape

WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 84, 20, 84, 52  # around the plot
LIGHT = ("#0067b0", "#c25400", "#00805c", "#a63a86", "#7a6a00", "#4d5b66")
DARK = ("#5cb3ff", "#ff9d4d", "#3fd1a4", "#f08ad2", "#d9c53f", "#a9b8c4")
STEPS = (1, 2, 2.5, 5, 10)
BAR_PART = 0.6  # of the place that a category has


def colours(paper, ink, grid, series):
    rules = [f".paper{{fill:{paper}}}", f"text{{fill:{ink}}}", f".grid{{stroke:{grid}}}"]
    for number, colour in enumerate(series):
        rules.append(f".l{number}{{stroke:{colour}}}.f{number}{{fill:{colour}}}")
    return "".join(rules)


STYLE = ("text{font:13px system-ui,sans-serif}.title{font-size:16px;font-weight:600}"
         "polyline{fill:none;stroke-width:2.5;stroke-linejoin:round}"
         + colours("#ffffff", "#24292f", "#d0d7de", LIGHT)
         + "@media (prefers-color-scheme:dark){"
         + colours("#0d1117", "#e6edf3", "#30363d", DARK) + "}")


def number_text(value):
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:g}"


def linear_ticks(most):
    """From 0 to the first tick that is not below MOST, about five of them."""
    rough = max(most, 1e-9) / 5
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * step for step in STEPS if power * step >= rough * 0.999)
    return [step * number for number in range(math.ceil(most / step - 1e-9) + 1)]


def log_ticks(least, most):
    """The powers of ten around both."""
    return [10.0 ** power for power in range(math.floor(math.log10(least)),
                                             max(math.ceil(math.log10(most)),
                                                 math.floor(math.log10(least)) + 1) + 1)]


class Chart:
    """SERIES is {name: [value or None for each of the categories]}, at most six of them;
    their colours follow COLOURS, {name: number}, or their order."""

    def __init__(self, title, x_title, y_title, categories, series, log=False, colours=None):
        self.title, self.x_title, self.y_title = title, x_title, y_title
        self.categories, self.series, self.log = categories, series, log
        self.colours = colours or {name: number for number, name in enumerate(series)}
        self.ticks = []
        self.parts = []

    # ---- places

    def x(self, number):
        """The middle of a category."""
        return LEFT + (number + 0.5) * (WIDTH - LEFT - RIGHT) / len(self.categories)

    def y(self, value):
        low, high = self.ticks[0], self.ticks[-1]
        if self.log:
            low, high, value = (math.log10(each) for each in (low, high, value))
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    # ---- parts

    def text(self, x, y, words, anchor="middle", more=""):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>'
                          f'{escape(words)}</text>')

    def frame(self):
        self.parts.append(f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>')
        self.text(LEFT, 26, self.title, "start", ' class="title"')
        for tick in self.ticks:
            y = self.y(tick)
            self.parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" '
                              f'x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
            self.text(LEFT - 8, y + 4, number_text(tick), "end")
        for number, name in enumerate(self.categories):
            self.text(self.x(number), HEIGHT - BOTTOM + 20, name)
        self.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, self.x_title)
        middle = (TOP + HEIGHT - BOTTOM) / 2
        self.text(18, middle, self.y_title, more=f' transform="rotate(-90 18 {middle:.1f})"')

    def bar(self, name, left, width, low, high):
        """From LOW to HIGH on the scale of values."""
        top = self.y(high)
        self.parts.append(f'<rect class="f{self.colours[name]}" x="{left:.1f}" y="{top:.1f}" '
                          f'width="{width:.1f}" height="{self.y(low) - top:.1f}"/>')

    def legend(self):
        x = LEFT
        for name in self.series:
            self.parts.append(f'<rect class="f{self.colours[name]}" x="{x}" y="44" '
                              'width="14" height="14" rx="3"/>')
            self.text(x + 20, 56, name, "start")
            x += 44 + 7 * len(name)

    def whole(self):
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
                f'width="{WIDTH}" height="{HEIGHT}" role="img">\n'
                f"<title>{escape(self.title)}</title>\n<style>{STYLE}</style>\n"
                + "\n".join(self.parts) + "\n</svg>\n")

    # ---- charts

    def lines(self):
        known = [value for values in self.series.values() for value in values
                 if value is not None]
        self.ticks = log_ticks(min(known), max(known)) if self.log else linear_ticks(max(known))
        self.frame()
        self.legend()
        for name, values in self.series.items():
            points = [(self.x(number), self.y(value)) for number, value in enumerate(values)
                      if value is not None]
            colour = self.colours[name]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            self.parts.append(f'<polyline class="l{colour}" points="{path}"/>')
            self.parts += [f'<circle class="f{colour}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
                           for x, y in points]
        return self.whole()

    def groups(self):
        """Bars side by side, a group for each category."""
        self.ticks = linear_ticks(max(value or 0 for values in self.series.values()
                                      for value in values))
        self.frame()
        self.legend()
        whole = BAR_PART * (WIDTH - LEFT - RIGHT) / len(self.categories)
        width = whole / len(self.series)
        for place, (name, values) in enumerate(self.series.items()):
            for number, value in enumerate(values):
                if value is not None:
                    left = self.x(number) - whole / 2 + place * width
                    self.bar(name, left, width - 2, 0, value)
                    self.text(left + width / 2, self.y(value) - 6, f"{value:.2f}")
        return self.whole()

    def stacks(self):
        """Bars on one another, a stack for each category, the first series below."""
        heights = [sum(values[number] for values in self.series.values())
                   for number in range(len(self.categories))]
        self.ticks = linear_ticks(max(heights))
        self.frame()
        self.legend()
        width = BAR_PART * (WIDTH - LEFT - RIGHT) / len(self.categories)
        for number, height in enumerate(heights):
            below = 0
            for name, values in self.series.items():
                self.bar(name, self.x(number) - width / 2, width, below, below + values[number])
                below += values[number]
            self.text(self.x(number), self.y(height) - 6, f"{height:,.0f}")
        return self.whole()
