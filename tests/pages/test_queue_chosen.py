"""What is done with several rows of the queue at once."""

import io
import zipfile

import pytest
from asgiref.sync import async_to_sync
from django.urls import reverse

from jobs import storage
from jobs.models import Artifact, Job, Removal
from tests import factories
from tests.markup import squeezed
from tests.pages.rows import HTMX, S, artifact

pytestmark = pytest.mark.django_db


def stored(job, name, content):
    """A result with its bytes."""
    made = artifact(job, name=name, size=len(content))
    made.key = f"{storage.artifacts_key(job.pk)}/{name}"
    made.save(update_fields=["key"])
    storage.put_new(content, made.key)


async def whole(blocks):
    return b"".join([block async for block in blocks])


def test_the_results_of_all_that_was_chosen_come_as_one_zip_file(client, ann, eve):
    first, second = (factories.job(ann, status=S.SUCCEEDED) for _ in range(2))
    hers = factories.job(eve, status=S.SUCCEEDED)
    for job in (first, second, hers):
        stored(job, "one.jpg", f"of {job.pk}".encode())
    artifact(second, name="gone.jpg")
    answer = client.post(reverse("queue-zip"), {"pk": [job.pk for job in (first, second, hers)]})
    body = async_to_sync(whole)(answer.streaming_content)
    assert len(body) == int(answer["Content-Length"])
    file = zipfile.ZipFile(io.BytesIO(body))
    *names, told = file.namelist()
    assert names == ["Weekly review, Thumbnails/one.jpg", "Weekly review, Thumbnails/one (2).jpg"]
    assert {file.read(name).decode() for name in names} == {f"of {first.pk}", f"of {second.pk}"}
    assert told == "left out.txt" and "Weekly review, Thumbnails/gone.jpg" in file.read(told).decode()
    used = Artifact.objects.exclude(used_at=None).values_list("job", flat=True)
    assert set(used) == {first.pk, second.pk}, "who downloads a result uses it"


def test_what_has_no_results_says_so_instead(client, ann):
    job = factories.job(ann, status=S.FAILED)
    answer = client.post(reverse("queue-zip"), {"pk": job.pk}, follow=True)
    assert "Nothing that you chose has results" in answer.content.decode()


def test_all_that_was_chosen_is_run_again_as_far_as_it_can_be(client, ann):
    failed, running = factories.job(ann, status=S.FAILED), factories.job(ann, status=S.RUNNING)
    page = client.post(reverse("queue-again"), {"pk": [failed.pk, running.pk]}, **HTMX).content.decode()
    assert "1 started again." in page
    assert "still under way" in page
    assert Job.objects.get(retry_of=failed).status == S.QUEUED


def test_what_is_removed_together_comes_back_together(client, ann):
    jobs = [factories.job(ann, status=S.SUCCEEDED) for _ in range(3)]
    page = squeezed(client.post(reverse("queue-remove"), {"pk": [job.pk for job in jobs]}, **HTMX).content.decode())
    assert "Removed 3." in page
    assert not Job.objects.exists()
    client.post(page.split('class="note row wrap success" method="post" action="')[1].split('"')[0])
    assert Job.objects.count() == 3
    assert not Removal.objects.exists()


def test_without_a_trash_removing_asks_first(client, ann, settings):
    settings.TRASH_DAYS = 0
    job = factories.job(ann, status=S.SUCCEEDED)
    page = squeezed(client.post(reverse("queue-remove"), {"pk": job.pk}).content.decode())
    assert "gone for good" in page
    assert f'<input type="hidden" name="pk" value="{job.pk}">' in page
    assert Job.objects.exists()
    client.post(reverse("queue-remove"), {"pk": job.pk, "sure": "yes"})
    assert not Job.objects.exists()


@pytest.mark.parametrize("name", ["queue-zip", "queue-again", "queue-remove"])
def test_what_belongs_to_others_is_not_there(client, ann, eve, name):
    hers = factories.job(eve, status=S.SUCCEEDED)
    for pk in (hers.pk, "nonsense"):
        assert client.post(reverse(name), {"pk": pk}).status_code == 404
    assert Job.objects.of(eve).count() == 1


def test_clearing_takes_what_ended_off_the_page_and_can_be_undone(client, ann):
    ended, running = factories.job(ann, status=S.SUCCEEDED), factories.job(ann, status=S.RUNNING)
    page = squeezed(client.post(reverse("queue-clear"), **HTMX).content.decode())
    shown = client.get("/queue/").content.decode()
    assert str(ended.pk) not in shown
    assert str(running.pk) in shown
    assert "is not shown here" in shown
    assert 'id="number-done">0</span>' in squeezed(shown)
    assert Job.objects.filter(pk=ended.pk).exists(), "nothing is removed"
    client.post(page.split('action="')[1].split('"')[0])
    assert str(ended.pk) in client.get("/queue/").content.decode()


def test_what_ends_later_is_shown_again(client, ann):
    job = factories.job(ann, status=S.RUNNING)
    client.post(reverse("queue-clear"))
    job.cancel()
    assert str(job.pk) in client.get("/queue/").content.decode()
