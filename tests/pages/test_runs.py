"""Chains at work on pages: one row on the queue and on the recording's page, and a page of their own."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from jobs.live import markup, rows
from jobs.live.listed import Listed
from jobs.live.view import View
from jobs.models import Account, Artifact, Job, Run, Video
from jobs.services import steps
from tests import factories, plans
from tests.markup import squeezed
from tests.pages.rows import HTMX, S, artifact, link, opened

pytestmark = pytest.mark.django_db
QUEUE = View("queue")
STEPS = [
    {"name": "Clean", "operation": "clean-audio"},
    {"name": "Cut", "operation": "silence-cut", "input": "Clean"},
    {"name": "Stills", "operation": "thumbnails", "input": "Cut"},
    {"name": "Words", "operation": "transcribe", "input": "Cut"},
]


def chain(owner: Account, *states: str, video: Video | None = None, status: str = S.RUNNING, **fields: object) -> Run:
    """A run of these steps, with a job in each of the states."""
    video = video or factories.video(owner)
    stored = [step.to_json() for step in steps.read(STEPS[: len(states)])]
    run = Run.objects.create(owner=owner, video=video, name="My podcast", steps=stored, status=status, **fields)
    before = None
    for step, state in zip(STEPS, states, strict=False):
        job = factories.job(
            owner,
            video=video,
            run=run,
            step=step["name"],
            operation=step["operation"],
            status=state,
            source_job=before,
            on_result=before is not None,
        )
        if before:
            job.after.add(before)
        before = job
    return run


def job_of(run: Run, step: str) -> Job:
    return run.jobs.get(step=step)


def drawn(run: Run) -> str:
    (row, *_) = rows.of_view(run.owner, View("run", run=str(run.pk)))
    return markup.render_row(row)


def words(page: str) -> str:
    return " ".join(strip_tags(page).split())


def test_a_chain_is_one_row_on_the_queue(client, ann):
    run = chain(ann, S.SUCCEEDED, S.RUNNING, S.WAITING)
    page = client.get("/queue/").content.decode()
    assert page.count("<article") == 1
    assert f'id="job-{run.pk}"' in page
    steps = re.findall(r'<li class="([a-z ]*)"><i></i><bdi>(\w+)</bdi></li>', squeezed(page))
    assert steps == [("done", "Clean"), ("now named", "Cut"), ("", "Stills")]


@pytest.mark.parametrize(
    ("states", "named"),
    [
        ((S.SUCCEEDED, S.RUNNING, S.WAITING), "Cut"),
        ((S.SUCCEEDED, S.QUEUED, S.WAITING), "Cut"),
        ((S.QUEUED, S.WAITING, S.WAITING), "Clean"),
        ((S.SUCCEEDED, S.FAILED, S.CANCELLED), "Cut"),
        ((S.SUCCEEDED, S.SUCCEEDED, S.SUCCEEDED), None),
    ],
)
def test_one_step_tells_of_all_where_there_is_little_room(ann, states, named):
    chain(ann, *states)
    (row,) = rows.of_view(ann, QUEUE)
    assert (row.flow.named and row.flow.named.step.name) == named


def test_the_steps_are_in_columns_by_what_they_wait_for(ann):
    chain(ann, S.SUCCEEDED, S.RUNNING, S.WAITING, S.WAITING)
    (row,) = rows.of_view(ann, QUEUE)
    assert [[link.step.name for link in column] for column in row.flow.columns] == [
        ["Clean"],
        ["Cut"],
        ["Stills", "Words"],
    ]


def test_a_running_chain_shows_how_far_it_is_and_each_step_too(ann):
    run = chain(ann, S.SUCCEEDED, S.RUNNING, S.WAITING, S.WAITING)
    Job.objects.filter(pk=job_of(run, "Clean").pk).update(progress=1)
    Job.objects.filter(pk=job_of(run, "Cut").pk).update(progress=0.5, stage="Encoding", eta_seconds=18)
    text = words(drawn(run))
    assert "38 %" in text
    assert "50 %, 18 s left" in text
    assert "Encoding" in text


def test_a_step_in_line_shows_its_place(ann, eve):
    factories.job(eve, operation="clean-audio", queue="fast")
    assert "2nd in line" in words(drawn(chain(ann, S.QUEUED, S.WAITING, status=S.QUEUED)))


def test_a_failed_chain_says_which_step_failed_and_why_and_offers_another_try(ann):
    run = chain(ann, S.SUCCEEDED, S.FAILED, S.WAITING, status=S.FAILED)
    job = job_of(run, "Cut")
    Job.objects.filter(pk=job.pk).update(error_message="Too <b>quiet</b>.")
    markup = drawn(run)
    assert "“Cut”: Too &lt;b&gt;quiet&lt;/b&gt;." in markup
    assert reverse("run-retry", args=[run.pk]) in markup
    assert "1 of 3 steps" in words(markup)


def test_results_that_only_pass_are_shown_with_their_size_and_when_they_go(ann):
    run = chain(ann, S.SUCCEEDED, S.SUCCEEDED, status=S.SUCCEEDED, finished_at=timezone.now() - timedelta(minutes=6))
    artifact(job_of(run, "Clean"), "video", size=84 * 1024**2)
    artifact(job_of(run, "Cut"), "video")
    text = words(drawn(run))
    assert "84 MB, dropped in 54 min Keep" in text
    assert text.count("dropped in") == 1, "the last one stays"
    Job.objects.filter(pk=job_of(run, "Clean").pk).update(dropped_at=timezone.now())
    assert "Dropped" in words(drawn(run))


def test_keep_lets_the_result_stay(client, ann):
    run = chain(ann, S.SUCCEEDED, S.SUCCEEDED, status=S.SUCCEEDED, finished_at=timezone.now())
    artifact(job_of(run, "Clean"), "video")
    client.post(reverse("run-keep", args=[run.pk]), {"step": "Clean"}, **HTMX)
    assert "dropped in" not in words(drawn(run))
    assert (
        "not there any more" in client.post(reverse("run-keep", args=[run.pk]), {"step": "No"}, **HTMX).content.decode()
    )


def test_a_result_of_an_earlier_job_says_so(ann):
    run = chain(ann, S.SUCCEEDED, S.RUNNING)
    Job.objects.filter(pk=job_of(run, "Clean").pk).update(reuse_of=factories.job(ann, status=S.SUCCEEDED))
    assert "Taken from an earlier job" in words(drawn(run))


def test_what_a_chain_was_for_is_downloaded_and_all_that_its_steps_made_is_opened(client, ann):
    run = chain(ann, S.SUCCEEDED, S.SUCCEEDED, status=S.SUCCEEDED)
    clean, cut = (artifact(job_of(run, step), "video") for step in ("Clean", "Cut"))
    assert f'href="{reverse("artifact-file", args=[cut.pk])}?download"' in drawn(run)
    assert str(clean.pk) not in drawn(run), "it was only on the way"
    shown = opened(client, run)
    assert shown.index(str(cut.pk)) < shown.index(str(clean.pk)), "what the chain was for comes first"


@pytest.mark.each_database
def test_chains_and_jobs_are_in_one_order_on_all_pages_and_tabs(client, ann):
    video, now = factories.video(ann), timezone.now()
    expected = []
    for number in range(70):
        at = now - timedelta(minutes=number)
        one = (
            chain(ann, S.SUCCEEDED, video=video, status=S.SUCCEEDED)
            if number % 3
            else factories.job(ann, video=video, status=S.SUCCEEDED)
        )
        type(one).objects.filter(pk=one.pk).update(active_at=at)
        expected.append(f"job-{one.pk}")
    for tab in ("", "done"):
        first = client.get("/queue/", {"status": tab}).content.decode()
        second = client.get(link(first, "next", "/queue/")).content.decode()
        assert re.findall(r'<article[^>]* id="(job-[^"]+)"', first + second) == expected
    assert "<article" not in client.get("/queue/?status=failed").content.decode()


@pytest.mark.each_database
def test_the_number_of_queries_does_not_grow_with_chains(client, ann, django_assert_max_num_queries):
    for status in (S.RUNNING, S.SUCCEEDED, S.FAILED):
        for _ in range(4):
            run = chain(ann, S.SUCCEEDED, status, S.WAITING, status=status)
            artifact(job_of(run, "Clean"), "video")
            factories.job(ann)
    with django_assert_max_num_queries(34):
        client.get("/queue/")


def test_what_the_steps_work_on_is_read_at_once(ann, django_assert_num_queries):
    run = chain(ann, S.SUCCEEDED, S.SUCCEEDED, S.SUCCEEDED, status=S.SUCCEEDED)
    for job in run.jobs.all():
        Job.objects.filter(pk=job.pk).update(source=factories.video(ann, title=f"The result of {job.step}"))
    found = rows.stamped(ann, View("run", run=str(run.pk)))
    with django_assert_num_queries(0):
        assert "The result of Stills" in str(rows.shown(found))


@pytest.mark.django_db(transaction=True)  # ANALYZE TABLE commits
@pytest.mark.each_database
@pytest.mark.parametrize("status", ["", "done"])
def test_the_first_page_is_read_in_the_order_of_an_index_however_many_jobs_of_chains_there_are(ann, status):
    video = factories.video(ann)
    run = Run(owner=ann, video=video, name="x")
    every = (S.SUCCEEDED, S.QUEUED, S.RUNNING)  # MariaDB does sort where it counts on none
    runs = [Run(owner=ann, video=video, name="x", status=ends) for ends in every * 140]
    Run.objects.bulk_create([run, *runs])
    fields = {"owner": ann, "video": video, "operation": "thumbnails", "queue": "fast"}
    Job.objects.bulk_create(Job(run=of, status=ends, **fields) for of in (run, None) for ends in every * 200)
    # Where all rows are of one owner an index by owner is no better than none.
    bob = Account.objects.create_user("bob@example.org")
    theirs = fields | {"owner": bob, "video": factories.video(bob)}
    Job.objects.bulk_create(Job(status=ends, **theirs) for ends in every * 1000)
    plans.analyze()
    view = View("queue", status=status)
    found = plans.of(lambda: Listed(ann, view).part(rows.ROWS))
    assert not plans.sorting(found)
    lists = [(sql, plan) for sql, plan in found if "ORDER BY" in sql]  # others ask what nobody has asked lately
    assert lists
    assert [one for one in lists if "_rows" not in one[1]] == []


def changes(owner: Account, doing) -> str:
    before = rows.shown(rows.stamped(owner, QUEUE))
    doing()
    return "".join(markup.present(owner, QUEUE).changes(before))


def test_progress_of_a_step_sends_the_row_of_its_chain_alone(ann):
    run, other = chain(ann, S.RUNNING, S.WAITING), chain(ann, S.RUNNING)
    job = job_of(run, "Clean")
    sent = changes(ann, lambda: job.advance(1, 0.5, "Encoding", 3.0))
    assert re.findall(r'<article[^>]* id="job-([^"]+)"', sent) == [str(run.pk)]
    assert str(other.pk) in re.search(r'data-order="([^"]*)"', sent)[1]
    assert changes(ann, lambda: None) == ""


def test_a_row_of_a_chain_has_a_version_that_grows(ann):
    run = chain(ann, S.RUNNING, S.WAITING)

    def version() -> int:
        return int(re.search(r'data-version="(\d+)"', drawn(run))[1])

    first = version()
    job_of(run, "Clean").advance(1, 0.5, "Encoding", 3.0)
    second = version()
    job_of(run, "Clean").delete()
    run.follow()
    assert first < second < version()


def test_the_bar_counts_a_chain_once_and_not_what_is_held_up(client, ann, django_assert_max_num_queries):
    chain(ann, S.SUCCEEDED, S.RUNNING, S.WAITING)
    chain(ann, S.FAILED, S.WAITING, S.WAITING, status=S.FAILED)
    factories.job(ann)
    with django_assert_max_num_queries(4):
        assert rows.bar(ann)["active"] == 2


def test_the_bar_says_how_far_a_chain_is_as_a_whole(ann):
    run = chain(ann, S.SUCCEEDED, S.RUNNING)
    Job.objects.filter(pk=job_of(run, "Clean").pk).update(progress=1)
    Job.objects.filter(pk=job_of(run, "Cut").pk).update(progress=0.2)
    assert rows.bar(ann)["running_percent"] == 60


def test_a_card_of_the_library_says_nothing_of_what_is_held_up(client, ann):
    chain(ann, S.FAILED, S.WAITING, status=S.FAILED)
    assert "Queued" not in client.get("/").content.decode()


def test_the_page_of_a_chain_has_a_row_and_the_settings_of_each_step(client, ann):
    run = chain(ann, S.SUCCEEDED, S.RUNNING, S.WAITING)
    page = client.get(run.get_absolute_url()).content.decode()
    assert re.findall(r'<article[^>]* id="job-([^"]+)"', page) == [
        str(run.pk),
        *(str(job_of(run, step["name"]).pk) for step in STEPS[:3]),
    ]
    assert f"view=run&amp;run={run.pk}" in page
    assert f'href="/chains/new?run={run.pk}"' in page


def test_removing_a_chain_asks_and_tells_what_goes(client, ann):
    run = chain(ann, S.SUCCEEDED, status=S.SUCCEEDED)
    made = artifact(job_of(run, "Clean"), "video")
    version = factories.video(ann, pk=made.pk, artifact=made, origin=run.video)
    needing = factories.job(ann, video=run.video, on_result=True, source=version)
    address = reverse("run-remove", args=[run.pk])
    text = words(client.get(address).content.decode())
    assert (
        "and its 1 file (4.9 KB) will go to the trash for 7 days. 1 job under way needs them and will be stopped."
        in text
    )
    assert words(client.post(address).content.decode()) == text, "no job is stopped unasked"
    client.post(address, {"sure": "yes"})
    needing.refresh_from_db()
    assert needing.status == S.CANCELLED
    assert not Run.objects.exists()
    assert not Artifact.objects.exists()


def test_cancelling_a_chain_that_has_run_long_asks(client, ann):
    run = chain(ann, S.RUNNING, S.WAITING)
    Job.objects.filter(run=run, status=S.RUNNING).update(started_at=timezone.now() - timedelta(minutes=5))
    assert 'aria-haspopup="dialog"' in drawn(run)
    assert "2 steps" in words(client.get(reverse("run-cancel", args=[run.pk])).content.decode())
    client.post(reverse("run-cancel", args=[run.pk]))
    run.refresh_from_db()
    assert run.status == S.CANCELLED


@pytest.mark.parametrize("name", ["run", "run-cancel", "run-retry", "run-keep", "run-remove"])
def test_chains_of_others_do_not_exist(client, ann, eve, name):
    hers = chain(eve, S.RUNNING)
    address = reverse(name, args=[hers.pk])
    if name == "run":
        assert client.get(address).status_code == 404
    else:
        assert client.post(address, {"step": "Clean"}).status_code == 404
    client.logout()
    assert client.get(address, follow=True).request["PATH_INFO"] == "/accounts/login/"
    hers.refresh_from_db()
    assert hers.status == S.RUNNING


def test_a_chain_that_is_gone_has_no_page_to_come_back_to(client, ann):
    run = chain(ann, S.SUCCEEDED, status=S.SUCCEEDED)
    answer = client.post(reverse("run-remove", args=[run.pk]), {"back": run.get_absolute_url()})
    assert answer["Location"] == "/queue/"
