"""Charts are right, valid, and keep to the policy that forbids inline styles."""

from xml.etree import ElementTree

import pytest

from jobs import charts
from jobs.charts import Chart, Series

HOSTILE = 'a "b" <script>alert(1)</script> & c'


def chart(*values, top=10.0, looks=("ok", "bad")):
    series = [Series(look.upper(), look, one) for look, one in zip(looks, values, strict=False)]
    labels = [f"{place}:00" for place in range(len(values[0]))]
    return Chart("jobs", "Jobs", HOSTILE, labels, 3, series, top, lambda value: f"{value:g}")


def parsed(svg):
    root = ElementTree.fromstring(svg)
    assert all("style" not in element.attrib for element in root.iter())
    return root


def of_class(root, look):
    return [element for element in root.iter() if look in element.get("class", "").split()]


@pytest.mark.parametrize("draw", [charts.columns, charts.lines])
def test_a_chart_is_valid_and_named_and_described(draw):
    root = parsed(draw(chart([1, None, 4, 2])))
    assert root.get("role") == "img"
    named = {element.get("id"): element.text for element in root.iter() if element.get("id")}
    assert [named[name] for name in root.get("aria-labelledby").split()] == ["Jobs", HOSTILE]


def test_columns_stand_on_each_other_and_are_as_high_as_their_values():
    root = parsed(charts.columns(chart([2.5, 0], [5, 0])))
    (below,), (above,) = of_class(root, "ok"), of_class(root, "bad")
    whole = charts.BOTTOM - charts.TOP
    assert float(below.get("height")) == pytest.approx(whole / 4)
    assert float(above.get("height")) == pytest.approx(whole / 2)
    assert float(below.get("y")) == pytest.approx(charts.BOTTOM - whole / 4)
    assert float(above.get("y")) == pytest.approx(charts.BOTTOM - whole * 3 / 4)


def test_what_is_little_beside_much_can_be_seen():
    (column,) = of_class(parsed(charts.columns(chart([1], top=100_000))), "ok")
    assert float(column.get("height")) >= 1


def test_a_line_is_broken_where_nothing_was_measured():
    root = parsed(charts.lines(chart([1, 2, None, 3, None, 4, 5])))
    assert [len(line.get("points").split()) for line in of_class(root, "line")] == [2, 2]
    assert len(of_class(root, "dot")) == 1


def test_a_line_goes_through_its_values():
    (line,) = of_class(parsed(charts.lines(chart([0, 10]))), "line")
    assert line.get("points") == f"250.0,{charts.BOTTOM}.0 750.0,{charts.TOP}.0"


def test_whoever_points_at_a_time_is_told_its_figures():
    root = parsed(charts.columns(chart([2, 0], [1, None])))
    titles = [element.text for element in root.iter("title") if not element.get("id")]
    assert titles == ["0:00: ok 2, bad 1", "1:00: ok 0"]


def test_the_last_time_is_always_written_below():
    root = parsed(charts.columns(chart([1] * 8)))
    assert [element.text for element in root.iter("text") if ":" in element.text] == ["1:00", "4:00", "7:00"]


@pytest.mark.parametrize(("highest", "top"), [(0, 2), (1, 2), (3, 4), (7, 10), (11, 20), (41, 60), (101, 200)])
def test_an_axis_of_counts_ends_at_an_even_number_above(highest, top):
    assert charts.round_count(highest) == top


@pytest.mark.parametrize(
    ("highest", "top"),
    [(0, 0.02), (0.3, 0.5), (1, 1), (1.5, 2), (25, 30), (61, 120), (5000, 7200), (90_000, 172_800), (400_000, 518_400)],
)
def test_an_axis_of_times_ends_at_a_round_one_above(highest, top):
    assert charts.round_time(highest) == top


def test_a_share_is_as_long_as_it_says():
    (part,) = of_class(parsed(charts.bar(0.25)), "part")
    assert part.get("width") == "25.00%"
    assert not of_class(parsed(charts.bar(0)), "part")


def test_shares_lie_beside_each_other_and_never_past_the_end():
    root = parsed(charts.shares("disk", "Disk", [("ok", 0.5), ("run", 0.75)]))
    assert [one.get("x") for look in ("ok", "run") for one in of_class(root, look)] == ["0.000%", "50.000%"]
    assert of_class(root, "run")[0].get("width") == "50.000%"


def test_a_spark_goes_from_the_bottom_to_the_top_of_its_line():
    root = parsed(charts.spark(HOSTILE, [0, 5, 10]))
    (drawn,) = [element for element in root.iter() if element.tag.endswith("polyline")]
    assert drawn.get("points") == "0.0,22.0 48.0,12.0 96.0,2.0"
    assert root.findtext("{*}title") == HOSTILE


def test_a_spark_of_nothing_lies_at_the_bottom():
    assert 'points="0.0,22.0 96.0,22.0"' in charts.spark("Nothing", [0, 0])
