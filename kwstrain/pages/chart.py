"""Draw small SVG charts that follow the page's light and dark colours.

Drawn by hand rather than with a plotting library: the page stays small, text stays text, and the same numbers give the
same bytes.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape

from markupsafe import Markup

Point = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """From data to pixels along one direction: `start` is where `low` lies, `end` where `high` lies."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """Return the pixel of `value`, kept inside the axis."""
        value = min(max(value, self.low), self.high)
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


@dataclass
class Chart:
    """One chart: axes first, marks in the order they are added, each clipped to the axes."""

    title: str  # for readers who do not see it
    x: Axis
    y: Axis
    width: float
    height: float
    _body: list[str] = field(default_factory=list)

    def ticks_x(self, values: Sequence[float], label: Callable[[float], str], name: str) -> None:
        """Draw grid lines at `values`, their labels below, and the axis's name."""
        bottom, top = self.y.start, self.y.end
        for value in values:
            x = self.x.at(value)
            self._body.append(f'<path class="grid" d="M{x:.1f} {top:.1f}V{bottom:.1f}"/>')
            self.text(x, bottom + 17, label(value), "tick middle")
        self.text((self.x.start + self.x.end) / 2, bottom + 37, name, "name middle")

    def ticks_y(self, values: Sequence[float], label: Callable[[float], str], name: str) -> None:
        """Draw grid lines at `values`, their labels at the left, and the axis's name above them."""
        left, right = self.x.start, self.x.end
        for value in values:
            y = self.y.at(value)
            self._body.append(f'<path class="grid" d="M{left:.1f} {y:.1f}H{right:.1f}"/>')
            self.text(left - 7, y + 4, label(value), "tick end")
        self.text(4, self.y.end - 12, name, "name")

    def line(self, points: Sequence[Point], css: str) -> None:
        """Draw a line through `points` (in data units)."""
        if points:
            path = "L".join(f"{self.x.at(x):.1f} {self.y.at(y):.1f}" for x, y in points)
            self._body.append(f'<path class="line {css}" d="M{path}"/>')

    def area(self, points: Sequence[Point], css: str) -> None:
        """Fill below the line through `points`."""
        if points:
            path = "L".join(f"{self.x.at(x):.1f} {self.y.at(y):.1f}" for x, y in points)
            first, last = self.x.at(points[0][0]), self.x.at(points[-1][0])
            self._body.append(
                f'<path class="area {css}" d="M{first:.1f} {self.y.start:.1f}L{path}L{last:.1f} {self.y.start:.1f}Z"/>'
            )

    def box(self, x0: float, x1: float, y0: float, y1: float, css: str) -> None:
        """Fill the rectangle between data values x0..x1 and y0..y1."""
        left, right = sorted((self.x.at(x0), self.x.at(x1)))
        top, bottom = sorted((self.y.at(y0), self.y.at(y1)))
        self._body.append(
            f'<rect class="{css}" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}"/>'
        )

    def across(self, x: float, css: str) -> None:
        """Draw a vertical line at `x`."""
        self._body.append(f'<path class="{css}" d="M{self.x.at(x):.1f} {self.y.start:.1f}V{self.y.end:.1f}"/>')

    def level(self, y: float, css: str) -> None:
        """Draw a horizontal line at `y`."""
        self._body.append(f'<path class="{css}" d="M{self.x.start:.1f} {self.y.at(y):.1f}H{self.x.end:.1f}"/>')

    def dot(self, x: float, y: float, css: str, says: str) -> None:
        """Draw a dot; `says` is shown when the pointer rests on it."""
        self._body.append(
            f'<circle class="dot {css}" cx="{self.x.at(x):.1f}" cy="{self.y.at(y):.1f}" r="5">'
            f"<title>{escape(says)}</title></circle>"
        )

    def image(self, uri: str) -> None:
        """Put the image `uri` under everything that follows, over the whole of the axes."""
        self._body.append(
            f'<image href="{uri}" x="{self.x.start:.1f}" y="{self.y.end:.1f}" width="{self.x.end - self.x.start:.1f}" '
            f'height="{self.y.start - self.y.end:.1f}" preserveAspectRatio="none"/>'
        )

    def text(self, x: float, y: float, says: str, css: str) -> None:
        """Write at pixel x, y (the baseline)."""
        self._body.append(f'<text class="{css}" x="{x:.1f}" y="{y:.1f}">{escape(says)}</text>')

    def svg(self) -> Markup:
        """Return the chart as an <svg> element that scales with its place on the page."""
        return Markup(
            f'<svg class="chart" viewBox="0 0 {self.width:g} {self.height:g}" role="img" '
            f'aria-label="{escape(self.title)}">{"".join(self._body)}</svg>'
        )


def steps(points: Sequence[Point]) -> list[Point]:
    """Return a staircase through `points`, each value held until the next one's x."""
    out: list[Point] = []
    for x, y in points:
        if out:
            out.append((x, out[-1][1]))
        out.append((x, y))
    return out


def decades(low: float, high: float) -> list[float]:
    """Return the powers of ten in [low, high]."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    return [10.0**power for power in range(first, last + 1)]


def round_ticks(high: float, about: int = 5) -> list[float]:
    """Return about `about` + 1 round values from 0 up to at least `high`."""
    raw = high / about
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= raw * 0.999)
    return [round(step * place, 12) for place in range(math.ceil(high / step - 1e-9) + 1)]
