"""What lies in the trash takes space under its own name, and figures go on telling of it."""

import pytest
from pytest_django import DjangoAssertNumQueries

from jobs.live.listed import Listed
from jobs.live.view import View
from jobs.models import Job
from jobs.services import figures, storage_use, trash
from tests import factories

pytestmark = pytest.mark.django_db
S = Job.Status


def test_it_counts_as_used_space_under_its_own_name(talk, cut):
    before = storage_use.of(talk.owner)
    trash.remove(talk)
    use = storage_use.of(talk.owner)
    assert (use.recordings, use.results, use.trash) == (0, 0, talk.size + 5)
    assert use.total == before.total
    assert [(one.trash, one.total) for one in storage_use._by_owner()] == [(use.trash, use.total)]


def test_figures_go_on_telling_of_the_work(talk, cut):
    period = figures.PERIODS["day"]
    before = figures.figures(talk.owner, period).all.done
    trash.remove(talk)
    assert figures.figures(talk.owner, period).all.done == before == 1


def test_lists_take_as_many_queries_as_before(talk, cut, django_assert_num_queries: DjangoAssertNumQueries):
    for _ in range(3):
        trash.remove(factories.job(talk.owner, status=S.SUCCEEDED))
    with django_assert_num_queries(4):
        assert len(Listed(talk.owner, View("queue")).part(50).rows) == 4 - 3
