"""One word for several recordings: the same work on each, joined, as one file, to the trash and back."""

import io
import uuid
import zipfile

import pytest

from jobs import storage, zip_stream
from jobs.errors import InputError
from jobs.models import Artifact, Job, Removal, Run, Video
from jobs.services import shipped, together
from tests import factories

pytestmark = pytest.mark.django_db
S = Job.Status


@pytest.fixture
def ann():
    return factories.account()


@pytest.fixture
def three(ann):
    """The second one is sound alone."""
    return [
        factories.video(ann, title="One"),
        factories.video(ann, title="Two", facts=factories.info(video=None)),
        factories.video(ann, title="Three"),
    ]


def kept(video, content=b"bytes") -> None:
    path = storage.path(video.key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def unpacked(entries) -> dict[str, bytes]:
    whole = b"".join(zip_stream.stream(entries))
    assert len(whole) == zip_stream.length(entries)
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_chosen_are_those_of_the_owner_in_their_order_and_once(ann, three):
    theirs = factories.video(factories.account("eve@example.org"))
    one, _, three_ = three
    asked = [str(three_.pk), "x", str(theirs.pk), str(one.pk), str(uuid.uuid4()), str(three_.pk)]
    assert together.chosen(ann, asked) == [three_, one]


def test_what_is_offered_says_how_many_can(three):
    offers = {offer.operation.slug: offer.fitting for offer in together.offers(three)}
    assert (offers["silence-cut"], offers["thumbnails"], offers["join"]) == (3, 2, 3)
    assert "swap-audio" not in offers, "the sound of another recording is no work for many"
    assert "join" not in {offer.operation.slug for offer in together.offers(three[:1])}


def test_the_same_work_begins_on_each_that_allows_it_and_once(three):
    for _ in range(2):
        outcome = together.start(three, "thumbnails", {"count": 3}, "monday")
        assert outcome.begun == 2
        assert [(video.title, "sound only" in words) for video, words in outcome.refused] == [("Two", True)]
    assert [job.params["count"] for job in Job.objects.all()] == [3, 3]


def test_an_account_without_room_is_asked_once(three, settings):
    settings.QUOTA_JOBS = 1
    outcome = together.start(three, "silence-cut", {}, "monday")
    assert (outcome.begun, len(outcome.refused), len({words for _, words in outcome.refused})) == (1, 2, 1)


def test_a_chain_runs_on_each(three):
    outcome = together.start_chain([three[0], three[2]], shipped.find("podcast"), "monday")
    assert (outcome.begun, Run.objects.count()) == (2, 2)
    together.start_chain([three[0]], shipped.find("podcast"), "monday")
    assert Run.objects.count() == 2


def test_all_are_joined_in_their_order(three):
    first, other, second = three[2], three[0], factories.video(three[0].owner)
    for number, video in enumerate([first, second, other, three[1]]):
        Video.objects.filter(pk=video.pk).update(key=f"videos/{number}/source.mp4")
        video.refresh_from_db()
        kept(video)
    together.join([first, second, other], {}, "monday")
    job = Job.objects.get()
    assert (job.video, job.params["recordings"]) == (first, [str(second.pk), str(other.pk)])
    with pytest.raises(InputError, match="alone"):
        together.join(three[:1], {}, "tuesday")


def test_a_zip_file_holds_each_under_a_name_of_its_own_and_says_what_is_missing(ann):
    videos = [
        factories.video(ann, title=title, key=f"videos/{number}/source.mp4")
        for number, title in enumerate(["Talk", "talk", "a/b: c", "Gone"])
    ]
    for video in videos[:3]:
        kept(video, video.title.encode())
    found = unpacked(together.packed(videos))
    told = found.pop("left out.txt").decode()
    assert found == {"Talk.mp4": b"Talk", "talk (2).mp4": b"talk", "a_b_ c.mp4": b"a/b: c"}
    assert told.splitlines()[1:] == ["Gone.mp4"]
    with pytest.raises(InputError, match="missing"):
        together.packed(videos[3:])


def test_the_newest_version_of_each_stands_for_it(ann):
    cut, plain = (factories.video(ann, title=title, key=f"videos/{title}/source.mp4") for title in ("cut", "plain"))
    job = factories.job(ann, video=cut, operation="silence-cut", status=S.SUCCEEDED)
    facts = {"name": "cut (short).mp4", "key": "artifacts/x/1.mp4", "size": 5, "media_type": "video/mp4"}
    kept(Artifact.objects.create(job=job, kind="video", **facts), b"short")
    kept(plain)
    assert unpacked(together.packed([cut, plain], newest=True)) == {"cut (short).mp4": b"short", "plain.mp4": b"bytes"}


def test_what_was_removed_together_comes_back_together(ann, three):
    other = together.remove([factories.video(ann)]).together
    gone = together.remove([*three, three[0]])
    assert (gone.count, gone.refused) == (3, []), "one that is gone already is none of it"
    gone = gone.together
    assert (Video.objects.count(), Removal.objects.filter(together=gone).count()) == (0, 3)
    assert together.restore(factories.account("eve@example.org"), gone) == 0
    assert (together.restore(ann, gone), together.restore(ann, gone)) == (3, 0)
    assert (set(Video.objects.all()), Removal.objects.get().together) == (set(three), other)


def test_what_does_not_let_itself_be_removed_is_told_and_the_others_go(ann):
    done, running = (factories.job(ann, status=status) for status in (S.SUCCEEDED, S.RUNNING))
    removed = together.remove([running, done])
    assert (removed.count, len(removed.refused), list(Job.objects.all())) == (1, 1, [running])
    assert together.restore(ann, removed.together) == 1


def test_a_job_that_ends_with_several_is_counted_once_in_two_queries(ann, three, django_assert_num_queries):
    params = {"recordings": [str(three[2].pk)]}
    factories.job(ann, video=three[0], operation="join", status=S.QUEUED, params=params)
    factories.job(ann, video=factories.video(ann), operation="join", status=S.QUEUED, params=params)
    with django_assert_num_queries(2):
        assert together.stops(three) == 2


def test_without_a_trash_all_are_gone_for_good(three, settings):
    settings.TRASH_DAYS = 0
    assert together.remove(three).together is None
    assert not Video.with_trash.exists()
