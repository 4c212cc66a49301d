"""What happened to a recording, in sentences on its page."""

import html
import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from jobs.live import history
from tests import factories
from tests.pages.rows import S, artifact
from tests.pages.test_runs import chain
from tests.pages.test_versions import done, words

pytestmark = pytest.mark.django_db


def lines(client, video, **query) -> list[str]:
    page = client.get(video.get_absolute_url(), query).content.decode()
    found = re.findall(r'<li id="line-.*?</li>', page, re.DOTALL)
    return [words(html.unescape(line)) for line in found]


def test_the_work_on_a_recording_is_told_in_sentences(client, ann):
    video = factories.video(ann)
    now = timezone.now()
    took = {"started_at": now - timedelta(seconds=41), "finished_at": now}
    cut = done(ann, video=video, **took, active_at=now - timedelta(minutes=2))
    told = {"source_duration": 6144, "output_duration": 4694, "checked": "checked: 117 350 frames, 212 joins"}
    artifact(cut, "video", metadata=told)
    failed = {
        "status": S.FAILED,
        "error_message": "No stretch of sound matched.",
        "active_at": now - timedelta(minutes=1),
    }
    factories.job(ann, video=video, operation="swap-audio", **failed, **took)
    factories.job(ann, video=video, operation="convert", status=S.RUNNING, progress=0.62, eta_seconds=18)
    running, swapped, made, added = (line.partition(" ")[2].partition(" ")[2] for line in lines(client, video))
    assert running == "Convert, 62 %, 18 s left"
    assert swapped.startswith("Swap the audio failed: no stretch of sound matched. Try again")
    assert made == "Cut: 1:42:24 became 1:18:14 in 41 s. Checked: 117 350 frames, 212 joins"
    assert added == "Added as review.mp4, 1 KB"


def test_a_failure_that_would_come_again_leads_to_other_settings(client, ann):
    job = factories.job(ann, status=S.FAILED, error_message="There is no sound.", error_permanent=True)
    page = client.get(job.video.get_absolute_url()).content.decode()
    assert "Other settings</a>" in page
    assert reverse("job-retry", args=[job.pk]) not in page


def test_a_chain_is_one_line(client, ann):
    run = chain(ann, S.SUCCEEDED, S.RUNNING, S.WAITING)
    (line, added) = lines(client, run.video)
    assert f"{run.name}, 0 %, “Cut” is at work" in line
    assert "Added as" in added


def test_older_lines_are_on_further_pages(client, ann):
    video = factories.video(ann)
    for _ in range(history.LINES + 3):
        done(ann, video=video, operation="thumbnails")
    assert len(lines(client, video)) == history.LINES
    page = client.get(video.get_absolute_url()).content.decode()
    (before,) = re.findall(r'\?before=([^"#]+)#history', page)
    rest = lines(client, video, before=html.unescape(before))
    assert len(rest) == 3 + 1
    assert "Added as" in rest[-1]
    shown = [
        re.findall(r'<li id="line-([^"]+)"', client.get(video.get_absolute_url(), query).content.decode())
        for query in ({}, {"before": html.unescape(before)})
    ]
    assert not set(shown[0]).intersection(shown[1])


def test_the_page_of_a_result_tells_of_the_work_on_it_alone(client, ann):
    job = done(ann)
    made = artifact(job, "video", name="cut.mp4")
    version = factories.video(ann, pk=made.pk, artifact=made, origin=job.video, title="cut")
    done(ann, video=job.video, operation="trim", on_result=True, source=version)
    assert "Trim of “cut”" in lines(client, version)[0]
    assert len(lines(client, version)) == 2
