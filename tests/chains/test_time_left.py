"""How long until a chain has come to its end."""

import pytest

from jobs.models import Experience, Job, Video
from jobs.services import runs, time_left
from tests import factories
from tests.chains.conftest import MARK, STILLS, TRIM, chain

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def film(ann) -> Video:
    return factories.video(ann)


@pytest.fixture
def learnt() -> None:
    """A trim takes ten seconds, a conversion forty, pictures five: always the same recording."""
    for slug, seconds in (("trim", 10), ("convert", 40), ("thumbnails", 5)):
        for kind in (slug,):
            Experience.objects.create(kind=kind, runs=[[seconds, 10, 3.6]] * 20, profile=[])


def test_steps_add_up_along_the_longest_way(film, learnt):
    run = runs.start(film.owner, film, chain(TRIM, MARK, {**STILLS, "input": "Trim"}), "Three")
    left = time_left.of(run)
    assert left.low < left.likely < left.high
    assert left.likely == pytest.approx(50, rel=0.15), "the pictures are done beside the conversion"


def test_what_is_done_counts_no_more(film, learnt):
    run = runs.start(film.owner, film, chain(TRIM, MARK), "Two")
    Job.objects.filter(run=run, step="Trim").update(status=Job.Status.SUCCEEDED)
    assert time_left.of(run).likely == pytest.approx(40, rel=0.15)


def test_nothing_is_said_while_nobody_knows_or_when_it_is_over(film):
    run = runs.start(film.owner, film, chain(TRIM), "One")
    assert time_left.of(run) is None
    runs.cancel(run)
    assert time_left.of(run) is None
