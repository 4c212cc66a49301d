"""Results as recordings: their pages, and what the page of the recording tells of them."""

import re
from types import SimpleNamespace

import pytest
from django.urls import reverse
from django.utils.html import strip_tags

from jobs.engine.smartcut.strategy import Strategy
from jobs.models import Artifact, Job, Video
from tests import factories
from tests.markup import squeezed
from tests.pages.rows import S, artifact, opened, row

pytestmark = pytest.mark.django_db


def result(job: Job, title: str = "talk cut", **facts: object) -> Video:
    """A result of a job that somebody has looked at."""
    made = artifact(job, "video", name=f"{title}.mp4", media_type="video/mp4")
    return factories.video(job.owner, pk=made.pk, artifact=made, origin=job.video, title=title, **facts)


def done(owner, **fields) -> Job:
    return factories.job(owner, status=S.SUCCEEDED, **{"operation": "silence-cut", **fields})


def words(page: str) -> str:
    return " ".join(strip_tags(page).split())


def versions(client, video: Video) -> list[str]:
    """What the page's list of versions says, a line each."""
    page = client.get(reverse("video-part", args=[video.pk, "versions"])).content.decode()
    lines = re.findall(r'<span class="time">([^<]*)</span>.*?<div class="grow">(.*?)</div>', page, re.DOTALL)
    return [words(f"{seconds} {line}") for seconds, line in lines]


def test_a_recording_lists_the_original_and_its_results_the_newest_first(client, ann):
    first = result(done(ann), "talk cut", duration_seconds=42.0)
    second = result(done(ann, video=first.origin, operation="trim", on_result=True, source=first), "talk trim")
    assert versions(client, first.origin) == [
        "0:10 Trimmed 4.9 KB · of “talk cut”",
        "0:42 Cut 4.9 KB",
        "0:10 Original 1 KB · never changed",
    ]
    page = client.get(second.get_absolute_url()).content.decode()
    current = re.findall(r'href="([^"]+)"[^>]*aria-current="page"', page)
    assert current == [second.get_absolute_url()]


def test_many_versions_are_folded(client, ann):
    job = done(ann)
    for number in range(9):
        artifact(job, "video", name=f"part {number}.mp4", position=number)
    page = squeezed(client.get(job.video.get_absolute_url()).content.decode())
    assert "4 older</summary>" in page
    assert page.count('title="4.9 KB"') == 9
    assert [f">part {number}</a>" in page for number in range(9)] == [True] * 9, "each has a name of its own"


def test_a_recording_without_results_has_itself(client, ann):
    assert versions(client, factories.video(ann)) == ["0:10 Original 1 KB · never changed"]


def test_a_version_says_how_much_of_it_is_untouched_and_that_it_was_checked(client, ann):
    job = done(ann)
    told = {"frames": 1000, "frames_copied": 913, "checked": "checked: 1 000 frames", "output_duration": 42}
    artifact(job, "video", name="talk (cut).mp4", metadata=told)
    assert versions(client, job.video)[0] == "0:42 Cut Checked 4.9 KB · 91 % untouched"


@pytest.mark.parametrize(("copied", "told"), [(906, "91 %"), (904, "90 %"), (999, "99 %"), (1000, "100 %")])
def test_a_version_and_what_happened_tell_the_same_share(client, ann, copied, told):
    job = done(ann)
    metadata = {"frames": 1000, "frames_copied": copied, "output_duration": 42}
    artifact(job, "video", name="talk.mp4", metadata=metadata | {"render_reason": reason_of(copied, 1000)})
    page = words(client.get(job.video.get_absolute_url()).content.decode())
    assert f"{told} untouched" in page
    assert f"{told} of the picture is untouched" in page.replace("\u00a0", " ")


def reason_of(copied, frames):
    """As the engine says it of a result."""
    copying = SimpleNamespace(copied=copied, wanted=SimpleNamespace(source_pts=range(frames)))
    return f"{Strategy('', intra=copying).untouched} of the picture is untouched."


def test_a_version_that_is_being_made_says_how_far_and_can_be_cancelled(client, ann):
    job = factories.job(ann, operation="silence-cut", status=S.RUNNING, progress=0.62, eta_seconds=18)
    page = client.get(reverse("video-part", args=[job.video_id, "versions"])).content.decode()
    assert "Cut the silence Running 62 %, 18 s left Cancel : Cut the silence" in words(page).replace(
        "Cancel:", "Cancel :"
    )
    assert f'action="{reverse("job-cancel", args=[job.pk])}"' in page


def test_work_that_makes_no_version_runs_among_the_results(client, ann):
    job = factories.job(ann, operation="thumbnails", status=S.RUNNING, progress=0.5)
    parts = {
        name: client.get(reverse("video-part", args=[job.video_id, name])).content.decode()
        for name in ("versions", "results")
    }
    assert "50 %" not in parts["versions"]
    assert "Thumbnails Running 50 %" in words(parts["results"])


def test_the_number_of_queries_does_not_grow_with_versions(client, ann, django_assert_max_num_queries):
    job = done(ann)
    for number in range(9):
        version = result(job, f"part {number}")
        done(ann, video=job.video, on_result=True, source=version)
    client.get(job.video.get_absolute_url())
    with django_assert_max_num_queries(34):
        client.get(job.video.get_absolute_url())


def test_the_page_of_a_result_says_where_it_came_from(client, ann):
    version = result(done(ann))
    page = words(client.get(version.get_absolute_url()).content.decode())
    assert "Made by Cut the silence of “Weekly review”" in page
    assert "About this result" in page
    assert "Keep as a recording of its own" in page
    markup = client.get(version.origin.get_absolute_url()).content.decode()
    assert 'id="keep"' not in markup
    assert "About this recording" in words(markup)


def test_work_is_offered_on_each_result_that_is_a_recording(client, ann):
    job = done(ann)
    film, sound, picture = artifact(job, "video"), artifact(job, "audio"), artifact(job)
    markup = opened(client, job)
    for one in (film, sound):
        assert f'href="{reverse("video", args=[one.pk])}"' in markup
    assert reverse("video", args=[picture.pk]) not in markup


def test_a_row_says_which_result_it_worked_on(ann):
    version = result(done(ann))
    trim = done(ann, video=version.origin, operation="trim", on_result=True, source=version)
    assert "Trim, of “talk cut”" in words(row(trim))
    version.delete()
    trim.refresh_from_db()
    assert "Trim, of a result" in words(row(trim))
    assert "Trim, of" not in words(row(done(ann, operation="trim")))


def test_other_settings_for_work_on_a_result_are_on_its_page(ann):
    version = result(done(ann))
    job = factories.job(
        ann,
        video=version.origin,
        on_result=True,
        source=version,
        status=S.FAILED,
        error_permanent=True,
        error_message="Choose another.",
    )
    assert f'href="{version.get_absolute_url()}?do=thumbnails&amp;job={job.pk}#do">Other settings' in squeezed(row(job))


def test_a_result_can_be_renamed(client, ann):
    version = result(done(ann))
    client.post(reverse("video-title", args=[version.pk]), {"title": "The good part"})
    version.refresh_from_db()
    assert (version.title, version.origin.title) == ("The good part", "Weekly review")


def test_a_link_to_deleting_a_result_asks_and_a_button_removes_it_alone(client, ann):
    version = result(done(ann))
    address = reverse("video-delete", args=[version.pk])
    page = words(client.get(address).content.decode())
    assert "This result (0:10, 1 KB) will go to the trash for 7 days. The recording, and what was made of" in page
    assert client.post(address)["Location"] == version.origin.get_absolute_url()
    assert not Video.objects.filter(pk=version.pk).exists()
    assert not Artifact.objects.exists()
    assert Video.objects.get() == version.origin


def test_deleting_a_result_that_work_under_way_needs_asks_and_stops_that(client, ann):
    version = result(done(ann))
    needing = factories.job(ann, video=version.origin, on_result=True, source=version)
    address = reverse("video-delete", args=[version.pk])
    assert "1 job under way needs it and will be stopped." in words(client.get(address).content.decode())
    client.post(address, {"sure": "yes"})
    needing.refresh_from_db()
    assert needing.status == S.CANCELLED
    assert not Artifact.objects.exists()


def test_deleting_a_recording_tells_of_its_versions(client, ann):
    version = result(done(ann))
    page = words(client.get(reverse("video-delete", args=[version.origin_id])).content.decode())
    assert "1 job with all results, 1 version among them, will go to the trash for 7 days." in page


def test_keeping_what_is_a_recording_already_changes_nothing(client, ann):
    video = factories.video(ann)
    assert client.post(reverse("video-keep", args=[video.pk]))["Location"] == video.get_absolute_url()
    assert Video.objects.count() == 1


def test_keeping_a_result_whose_file_is_gone_says_so(client, ann):
    version = result(done(ann))
    page = client.post(reverse("video-keep", args=[version.pk]), follow=True).content.decode()
    assert "has been deleted. Choose another one" in page
