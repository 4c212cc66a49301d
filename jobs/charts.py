"""Charts as SVG, drawn on the server: columns and lines over time.

What lies along the time is in percent of the width and what lies along the height in pixels, so that letters and lines
keep their size at any width. There is no inline style: `static/app.css` colours the classes. Everybody who cannot see a
chart has its title and description, and the page a table of the same figures.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from django.utils.safestring import SafeString, mark_safe

TOP, BOTTOM, HEIGHT = 10, 138, 160
"""Pixels from above: where the highest value and zero lie, and the whole height with the words below."""
WIDE = 1000
"""Units of the width within which lines are drawn; they are then stretched."""
ROUND_TIMES = (1, 2, 4, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400)
"""Seconds that an axis may end at."""


@dataclasses.dataclass(frozen=True)
class Series:
    """`look` is the class of its marks; a value of None is a time without any."""

    name: str
    look: str
    values: Sequence[float | None]


@dataclasses.dataclass(frozen=True)
class Chart:
    """`name` is unique on its page. `labels` name the times, one for each value, of which every `every`-th is written
    below, counted so that the last one is. `say` puts a value into words, `top` is where the axis ends (see `round_*`).
    """

    name: str
    title: str
    description: str
    labels: Sequence[str]
    every: int
    series: Sequence[Series]
    top: float
    say: Callable[[float], str]

    def heading(self, place: int) -> str:
        """What is told of one time: “14:00: done 12, failed 1”."""
        values = [(one.name.lower(), one.values[place]) for one in self.series]
        told = [f"{name} {self.say(value)}" for name, value in values if value is not None]
        return f"{self.labels[place]}: {', '.join(told) or 'nothing'}"


def round_count(highest: float) -> float:
    """The end of an axis of whole numbers, which has a whole number in its middle."""
    if highest <= 2:
        return 2
    power = 10 ** math.floor(math.log10(highest))
    steps = [step * power for step in (1, 2, 4, 6, 10)]
    return next(float(step) for step in steps if step >= highest and step % 2 == 0)


def round_time(highest: float) -> float:
    """The end of an axis of seconds."""
    if highest <= 1:
        return next((top for top in (0.02, 0.1, 0.2, 0.5) if top >= highest), 1.0)
    days = 2 * math.ceil(highest / 172_800)
    return next((float(top) for top in ROUND_TIMES if top >= highest), days * 86_400.0)


def columns(chart: Chart) -> SafeString:
    """Each series on top of the one before it."""
    svg = _sheet(chart)
    width = 100 / len(chart.labels)
    for place in range(len(chart.labels)):
        group = SubElement(svg, "g")
        SubElement(group, "title").text = chart.heading(place)
        _whole_height(group, place * width, width)
        base = float(BOTTOM)
        for series in chart.series:
            height = _height(chart, series.values[place] or 0)
            if not height:
                continue
            base -= height
            box = {"x": f"{(place + 0.12) * width:.3f}%", "width": f"{0.76 * width:.3f}%"}
            SubElement(group, "rect", {"class": series.look, **box, "y": f"{base:.1f}", "height": f"{height:.1f}"})
    return _markup(svg)


def lines(chart: Chart) -> SafeString:
    """Each series as a line, broken where there is no value; a value between two gaps is a dot."""
    svg = _sheet(chart)
    count = len(chart.labels)
    stretched = SubElement(svg, "svg", {"viewBox": f"0 0 {WIDE} {HEIGHT}", "preserveAspectRatio": "none"})
    stretched.attrib |= {"width": "100%", "height": str(HEIGHT)}
    for series in chart.series:
        for run in _runs(series.values):
            points = [(place, BOTTOM - _height(chart, series.values[place] or 0)) for place in run]
            if len(points) == 1:
                place, y = points[0]
                centre = {"cx": f"{(place + 0.5) * 100 / count:.3f}%", "cy": f"{y:.1f}", "r": "3"}
                SubElement(svg, "circle", {"class": f"dot {series.look}", **centre})
                continue
            drawn = " ".join(f"{(place + 0.5) * WIDE / count:.1f},{y:.1f}" for place, y in points)
            SubElement(stretched, "polyline", {"class": f"line {series.look}", "points": drawn})
    for place in range(count):
        group = SubElement(svg, "g")
        SubElement(group, "title").text = chart.heading(place)
        _whole_height(group, place * 100 / count, 100 / count)
    return _markup(svg)


def bar(share: float, look: str = "") -> SafeString:
    """A share (0 to 1) of something, for beside its figure in words."""
    svg = Element("svg", {"class": "share", "width": "100%", "height": "6", "aria-hidden": "true"})
    SubElement(svg, "rect", {"class": "all", "width": "100%", "height": "6", "rx": "3"})
    if share > 0:
        width = f"{100 * min(1.0, share):.2f}%"
        SubElement(svg, "rect", {"class": f"part {look}".strip(), "width": width, "height": "6", "rx": "3"})
    return _markup(svg)


def spark(title: str, values: Sequence[float]) -> SafeString:
    """How something went, in the height of a line: from the oldest to the newest, the highest at the top."""
    svg = Element("svg", {"class": "spark", "viewBox": "0 0 96 24", "preserveAspectRatio": "none", "role": "img"})
    SubElement(svg, "title").text = title
    most = max(values, default=0) or 1
    step = 96 / max(1, len(values) - 1)
    drawn = " ".join(f"{place * step:.1f},{22 - value / most * 20:.1f}" for place, value in enumerate(values))
    SubElement(svg, "polyline", {"points": drawn})
    return _markup(svg)


def shares(name: str, title: str, parts: Sequence[tuple[str, float]]) -> SafeString:
    """Parts of a whole beside each other, each with its class; what they leave of 1 stays empty."""
    svg = Element("svg", {"class": "shares", "width": "100%", "height": "20", "role": "img"})
    svg.attrib["aria-labelledby"] = f"{name}-title"
    SubElement(svg, "title", {"id": f"{name}-title"}).text = title
    SubElement(svg, "rect", {"class": "all", "width": "100%", "height": "20"})
    begin = 0.0
    for look, share in parts:
        share = max(0.0, min(share, 1 - begin))
        SubElement(
            svg, "rect", {"class": look, "x": f"{100 * begin:.3f}%", "width": f"{100 * share:.3f}%", "height": "20"}
        )
        begin += share
    return _markup(svg)


def _sheet(chart: Chart) -> Element:
    """The chart without its marks: its words, three lines across, and times below."""
    named = f"{chart.name}-title {chart.name}-about"
    svg = Element("svg", {"class": "chart", "role": "img", "aria-labelledby": named, "height": str(HEIGHT)})
    SubElement(svg, "title", {"id": f"{chart.name}-title"}).text = chart.title
    SubElement(svg, "desc", {"id": f"{chart.name}-about"}).text = chart.description
    for share in (0, 0.5, 1):
        y = f"{BOTTOM - share * (BOTTOM - TOP):.1f}"
        SubElement(svg, "line", {"class": "across", "x1": "0", "x2": "100%", "y1": y, "y2": y})
        at = {"x": "-8", "y": y, "dy": "4", "text-anchor": "end", "aria-hidden": "true"}
        SubElement(svg, "text", at).text = chart.say(share * chart.top)
    count = len(chart.labels)
    for place in range((count - 1) % chart.every, count, chart.every):
        at = {"x": f"{(place + 0.5) * 100 / count:.3f}%", "y": str(HEIGHT - 4), "text-anchor": "middle"}
        SubElement(svg, "text", {**at, "aria-hidden": "true"}).text = chart.labels[place]
    return svg


def _whole_height(group: Element, left: float, width: float) -> None:
    """Something to point at."""
    box = {"x": f"{left:.3f}%", "width": f"{width:.3f}%", "y": str(TOP), "height": str(BOTTOM - TOP)}
    SubElement(group, "rect", {"class": "reach", **box})


def _height(chart: Chart, value: float) -> float:
    """In pixels; what there is at all can be seen."""
    return max(1.5, value / chart.top * (BOTTOM - TOP)) if value else 0.0


def _runs(values: Sequence[float | None]) -> list[list[int]]:
    """The places of values that follow each other without a gap."""
    found: list[list[int]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            found.append([])
        else:
            found[-1].append(place)
    return [run for run in found if run]


def _markup(svg: Element) -> SafeString:
    return mark_safe(ElementTree.tostring(svg, encoding="unicode"))  # noqa: S308 all text went through ElementTree
