"""Figures as charts, each with the words and the table that say the same."""

import dataclasses
from collections.abc import Callable, Sequence
from datetime import date

from django.utils import dateformat
from django.utils.safestring import SafeString

from jobs import charts, wording
from jobs.charts import Chart, Series
from jobs.services.figures import Figures, Group, Spread

STEPS = {"hour": "an hour", "day": "a day", "month": "a month"}


@dataclasses.dataclass(frozen=True)
class Graph:
    """`table` has a row for each time, newest first: its name and its figures in words, as `columns` calls them."""

    name: str
    title: str
    drawing: SafeString
    key: Sequence[tuple[str, str]]
    """What each series is called, and the class of its marks."""
    columns: Sequence[str]
    table: Sequence[Sequence[str]]
    is_empty: bool
    about: str = ""
    """All of it in a few words, for beside the title."""


def jobs(figures: Figures) -> Graph:
    """Stacked from below: failed, done, cancelled."""
    steps, every = figures.steps, figures.all
    series = [
        Series("Failed", "bad", [step.failed for step in steps]),
        Series("Done", "ok", [step.done for step in steps]),
        Series("Cancelled", "off", [step.cancelled for step in steps]),
    ]
    told = f"{wording.count(every.done)} done, {wording.count(every.failed)} failed, {every.cancelled} cancelled"
    highest = max(step.ended for step in steps)
    busiest = next(step.name for step in steps if step.ended == highest)
    about = f"{told}. The most at {busiest}: {wording.count(highest)}." if highest else "No job ended."
    title = f"Jobs {STEPS[figures.period.step]}"
    return _graph(figures, "jobs", title, about, series, charts.round_count(highest), wording.count, charts.columns)


def waits(figures: Figures) -> Graph:
    return _times(figures, "waits", "Wait before the start", lambda group: group.wait)


def runs(figures: Figures) -> Graph:
    return _times(figures, "runs", "Time at work", lambda group: group.run)


def removed(figures: Figures) -> Graph:
    seconds = [step.removed_seconds for step in figures.steps]
    total = figures.all.removed_seconds
    about = f"{wording.brief(total)} of silence were taken out." if total else "No silence was taken out."
    series = [Series("Removed", "run", seconds)]
    top = charts.round_time(max(seconds))
    return _graph(figures, "removed", "Silence removed", about, series, top, wording.brief, charts.columns)


def worked(days: Sequence[tuple[date, float]]) -> Graph:
    """Recordings worked on day by day, in seconds."""
    labels, seconds = [dateformat.format(day, "j M") for day, _ in days], [each for _, each in days]
    total = sum(seconds)
    about = f"{wording.span(total)} in {len(days)} days" if total else f"Nothing in {len(days)} days"
    top = charts.round_time(max(seconds))
    series = [Series("Worked on", "ok", seconds)]
    chart = Chart("worked", "Recordings worked on, by day", f"{about}.", labels, 7, series, top, wording.brief)
    rows = [(label, wording.span(each) if each else "–") for label, each in zip(labels, seconds, strict=True)]
    columns = ["Day", "Recordings"]
    return Graph("worked", "Worked on", charts.columns(chart), [], columns, rows[::-1], not total, about)


def _times(figures: Figures, name: str, title: str, spread: Callable[[Group], Spread]) -> Graph:
    spreads = [spread(step) for step in figures.steps]
    series = [
        Series("Half", "run", [one.median for one in spreads]),
        Series("95 of 100", "warn", [one.p95 for one in spreads]),
    ]
    every = spread(figures.all)
    median, p95 = every.median, every.p95
    about = f"Half within {wording.brief(median)}, 95 of 100 within {wording.brief(p95)}."
    if median is None:
        about = "No job was there to be measured."
    highest = max((value for value in series[1].values if value is not None), default=0)
    return _graph(figures, name, title, about, series, charts.round_time(highest), wording.brief, charts.lines)


def _graph(
    figures: Figures,
    name: str,
    title: str,
    about: str,
    series: list[Series],
    top: float,
    say: Callable[[float], str],
    draw: Callable[[Chart], SafeString],
) -> Graph:
    labels = [step.name for step in figures.steps]
    about = f"The last {figures.period.title}: {about}"
    chart = Chart(name, title, about, labels, figures.period.every, series, top, say)
    cells = [["–" if value is None else say(value) for value in one.values] for one in series]
    table = list(zip(labels, *cells, strict=True))[::-1]
    is_empty = not any(value for one in series for value in one.values)
    key = [(one.name, one.look) for one in series] if len(series) > 1 else []
    columns = [figures.period.step.capitalize(), *(one.name for one in series)]
    return Graph(name, title, draw(chart), key, columns, table, is_empty)
