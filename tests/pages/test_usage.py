"""What an account has used, by page and API."""

import uuid
from datetime import timedelta

import pytest

from jobs import storage
from jobs.models import Artifact, DailyUse, Image, Job, Room, Run
from jobs.services import allowance, quota, storage_use, trash, uploads, usage
from tests import factories
from tests.api import Api

pytestmark = pytest.mark.django_db
PAGE = "/account/usage/"
GB = 1024**3
DONE = Job.Status.SUCCEEDED


def result(job, size, kind="video", **fields):
    facts = {"name": "a", "key": f"none/{uuid.uuid4()}", "media_type": "video/mp4", "sha256": "0" * 64}
    return Artifact.objects.create(job=job, size=size, kind=kind, **{**facts, **fields})


@pytest.fixture
def full(ann):
    """A bit of everything."""
    video = factories.video(ann, size=5 * GB, title="Keynote")
    done = factories.job(ann, status=DONE, video=video)
    first = result(done, 2 * GB)
    result(factories.job(ann, status=DONE, video=video), 2 * GB, body=first.pk)
    result(done, 1000, "captions")
    factories.video(ann, size=6 * GB, title="Interview")
    step = {"name": "Cut", "operation": "trim", "params": {}, "input": None, "keep": False}
    later = {"name": "More", "operation": "trim", "params": {}, "input": "Cut", "keep": True}
    run = Run.objects.create(owner=ann, video=video, name="Chain", steps=[step, later], status=DONE)
    result(factories.job(ann, status=DONE, video=video, run=run, step="Cut"), GB)
    Image.objects.create(owner=ann, name="logo", key="images/x", size=300, sha256="1" * 64, width=1, height=1)
    uploads.begin(ann, name="b.mp4", length=100)
    gone = factories.video(ann, size=GB, title="Gone", sha256="2" * 64)
    trash.remove(gone)
    return ann


def test_the_page_tells_what_takes_the_room(client, full, settings):
    settings.QUOTA_BYTES, settings.QUOTA_MINUTES = 20 * GB, 60
    page = client.get(PAGE).content.decode()
    text = " ".join(page.split())
    assert "15 GB of 20 GB" in text and "nothing of 1 h worked on" in text and "0 of 1 000 jobs" in text
    results = storage_use.results(full)
    use = storage_use.of(full, results)
    sizes = {part.key: part.size for part in usage.parts(full, use, results)}
    assert sizes == {
        "recordings": 11 * GB,
        "versions": 2 * GB,
        "others": 1000,
        "passing": GB,
        "images": 300,
        "trash": GB,
    }
    assert sum(sizes.values()) == storage_use.of(full).total == use.total
    assert page.index("Keynote") < page.index("Interview"), "the largest with all that was made of it is first"
    assert 'href="/trash/"' in page and "8 GB with 3 versions" in text
    assert text.count('<b class="medium clip">') == 2


@pytest.mark.parametrize(
    ("size", "look", "said"), [(5, "done", ""), (9, "near", "Little is left"), (11, "full", "Nothing is left")]
)
def test_it_is_said_when_little_is_left(client, ann, settings, size, look, said):
    settings.QUOTA_BYTES = 10 * GB
    factories.video(ann, size=size * GB)
    for address in (PAGE, "/"):
        assert f'class="{look}"' in client.get(address).content.decode()
    assert said in client.get(PAGE).content.decode()
    assert ("Little is left" in client.get(PAGE).content.decode()) == (look == "near")


def test_without_a_quota_the_library_has_no_meter(client, ann):
    factories.video(ann, size=GB)
    page = client.get("/").content.decode()
    assert 'id="shelf-total"' in page and "<progress" not in page


def test_the_work_of_thirty_days_is_drawn(client, ann):
    today = allowance.today(ann)
    DailyUse.objects.create(owner=ann, day=today - timedelta(days=29), seconds=7200)
    DailyUse.objects.create(owner=ann, day=today - timedelta(days=30), seconds=99999)
    DailyUse.objects.create(owner=factories.account("eve@example.org"), day=today, seconds=99999)
    page = client.get(PAGE).content.decode()
    assert "2 h in 30 days" in page
    assert page.count('class="ok"') == 1


def test_caches_are_measured_on_the_disk_and_count_for_nothing(client, ann):
    video = factories.video(ann, size=10, key=f"videos/{uuid.uuid4()}/source.mp4", sha256="a" * 64)
    (storage.cache_dir(video.sha256) / "levels.npy").write_bytes(bytes(5000))
    poster = storage.path(storage.poster_key(video.pk))
    storage.make_folder(poster.parent)
    poster.write_bytes(bytes(700))
    (storage.cache_dir("b" * 64) / "levels.npy").write_bytes(bytes(9000))
    assert usage.caches(ann) == 5700
    assert quota.taken_bytes(ann) == 10
    assert "Previews and measurements" in client.get(PAGE).content.decode()


def test_the_api_tells_the_same(full, settings):
    settings.QUOTA_BYTES = 20 * GB
    Room.objects.filter(pk=full.pk).update(jobs=4)
    told = Api(full).get("/usage", limit=1).json()
    assert (told["quota_bytes"], told["quota_minutes"], told["quota_jobs"]) == (20 * GB, None, 4)
    assert told["used_bytes"] == 15 * GB + 1000 + 300 + 100
    assert {part["key"]: part["bytes"] for part in told["parts"]}["passing"] == GB
    assert (told["count"], [item["title"] for item in told["items"]]) == (2, ["Keynote"])
    assert told["items"][0]["bytes"] == 8 * GB + 1000
    me = Api(full).get("/me").json()
    assert {name: me[name] for name in usage.facts(full)} == usage.facts(full)


def test_nothing_of_others_is_told(client, ann):
    eve = factories.account("eve@example.org")
    factories.video(eve, size=GB, title="Secret")
    assert "Secret" not in client.get(PAGE).content.decode()
    assert Api(ann).get("/usage").json()["items"] == []


def test_an_account_of_three_hundred_is_told_in_few_questions(client, ann, django_assert_max_num_queries):
    for number in range(30):
        factories.video(ann, size=number)
    with django_assert_max_num_queries(53):
        client.get(PAGE)
