import pytest

from jobs.models import Job
from tests import factories
from tests.api import Api, error

pytestmark = pytest.mark.django_db
S = Job.Status


@pytest.fixture
def operator():
    return factories.account("root@example.org", is_staff=True)


@pytest.fixture
def ann(operator):
    account = factories.account("ann@example.org")
    factories.job(account, status=S.SUCCEEDED)
    factories.job(account, status=S.FAILED, operation="silence-cut")
    factories.job(account, status=S.RUNNING)
    return account


def test_figures_count_what_is_mine(ann):
    factories.job(factories.account("bob@example.org"), status=S.SUCCEEDED)
    found = Api(ann).get("/stats").json()
    assert (found["period"], found["whose"], found["owners"]) == ("day", "mine", None)
    assert (found["all"]["done"], found["all"]["failed"], found["all"]["done_share"]) == (1, 1, 0.5)
    assert found["now"] == {"waiting": 0, "queued": 0, "running": 1}
    assert sum(step["done"] + step["failed"] for step in found["steps"]) == 2
    assert (found["use"]["count"], found["use"]["recordings"]) == (3, 3000)
    assert found["free_bytes"] > 0


@pytest.mark.parametrize(("period", "steps"), [("day", 24), ("month", 30), ("year", 12)])
def test_a_period_has_its_steps(ann, period, steps):
    assert len(Api(ann).get("/stats", period=period).json()["steps"]) == steps


def test_an_account_without_work_has_figures_too():
    found = Api(factories.account()).get("/stats").json()
    assert found["all"]["wait_seconds"] == {"median": None, "p95": None}
    assert found["all"]["done_share"] is None


def test_figures_of_everybody_are_for_operators(ann, operator):
    assert error(Api(ann).get("/stats", whose="everybody")) == (403, "forbidden")
    found = Api(operator).get("/stats", whose="everybody").json()
    assert found["all"]["done"] == 1
    assert [(one["email"], one["total"]) for one in found["owners"]] == [("ann@example.org", 3000)]
    assert Api(operator).get("/stats").json()["all"]["done"] == 0


@pytest.mark.parametrize("query", [{"period": "week"}, {"whose": "bob"}])
def test_other_figures_are_not_known(ann, query):
    assert error(Api(ann).get("/stats", **query)) == (422, "invalid")
