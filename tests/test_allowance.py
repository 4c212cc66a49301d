"""How much work one account may ask for."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from jobs.errors import InputError
from jobs.models import Account, DailyUse, Job, Run
from jobs.services import allowance, jobs, parameters, videos
from tests import factories
from tests.api import Api, error

pytestmark = pytest.mark.django_db
S = Job.Status


def ask(video):
    return jobs.create(video.owner, video, "thumbnails", parameters.parse("thumbnails", {}, video.info))


def used_seconds():
    return [use.seconds for use in DailyUse.objects.order_by("day")]


def test_no_more_jobs_are_taken_than_an_account_may_have_under_way(settings):
    settings.QUOTA_JOBS = 2
    video = factories.video()
    for status in (S.RUNNING, S.QUEUED):
        factories.job(video=video, status=status)
    factories.job(factories.account("bob@example.org"))
    with pytest.raises(InputError) as caught:
        ask(video)
    assert caught.value.code == "too_many_jobs"
    Job.objects.filter(status=S.RUNNING).update(status=S.SUCCEEDED)
    assert ask(video).status == S.QUEUED


def test_the_api_answers_429(settings):
    settings.QUOTA_JOBS = 1
    video = factories.video()
    factories.job(video=video)
    answer = Api(video.owner).post("/jobs", {"video": str(video.pk), "operation": "thumbnails"})
    assert error(answer) == (429, "too_many_jobs")
    retried = Api(video.owner).post(f"/jobs/{factories.job(video=video, status=S.FAILED).pk}/retry")
    assert error(retried) == (429, "too_many_jobs")


def test_a_recording_arrives_also_when_its_work_is_too_much(settings):
    settings.QUOTA_JOBS = 1
    video = factories.video()
    videos.start(video, {"thumbnails": {"version": 1}, "extract-audio": {"version": 1}})
    assert {(job.status, job.error_code) for job in Job.objects.all()} == {(S.FAILED, "too_many_jobs")}
    assert Run.objects.get(video=video).status == S.FAILED, "all of it, and it can be tried again"


def test_the_minutes_of_a_day_are_counted_by_the_recordings_worked_on(settings):
    settings.DAILY_MINUTES_LIMIT = 1
    video = factories.video(facts=factories.info(seconds=25))
    ask(video)
    ask(video)
    with pytest.raises(InputError) as caught:
        ask(video)
    assert caught.value.code == "day_used_up"
    assert "0 are left today" in caught.value.message
    assert used_seconds() == [50]
    ask(factories.video(facts=factories.info(seconds=10)))
    assert used_seconds() == [60]
    DailyUse.objects.update(day=timezone.localdate() - timedelta(days=1))
    ask(video)
    assert used_seconds() == [60, 25]


def test_removed_jobs_still_count_and_those_that_never_began_do_not(settings):
    settings.DAILY_MINUTES_LIMIT = 1
    video = factories.video(facts=factories.info(seconds=20))
    done, waiting, running = ask(video), ask(video), ask(video)
    done.start("somewhere")
    done.succeed(1)
    jobs.remove(done)
    jobs.cancel(waiting)
    running.start("somewhere")
    jobs.cancel(running)
    assert used_seconds() == [40]


def test_a_deleted_recording_gives_back_what_never_began(settings):
    settings.DAILY_MINUTES_LIMIT = 1
    video = factories.video(facts=factories.info(seconds=20))
    begun, _ = ask(video), ask(video)
    begun.start("somewhere")
    videos.delete(video)
    assert used_seconds() == [20]


def test_the_minutes_of_a_month_are_counted_day_by_day(settings):
    settings.QUOTA_MINUTES = 1
    video = factories.video(facts=factories.info(seconds=25))
    first = allowance.today(video.owner).replace(day=1)
    DailyUse.objects.create(owner=video.owner, day=first - timedelta(days=1), seconds=600)
    ask(video)
    DailyUse.objects.update_or_create(owner=video.owner, day=first, defaults={"seconds": 40})
    with pytest.raises(allowance.Exhausted) as caught:
        ask(video)
    assert caught.value.code == "month_used_up"
    there = allowance.next_month(first)
    assert f"until {there.day} {there:%B}" in caught.value.message
    answer = Api(video.owner).post("/jobs", {"video": str(video.pk), "operation": "thumbnails"})
    assert error(answer) == (429, "month_used_up")
    assert 0 < int(answer.headers["Retry-After"]) <= 31 * 24 * 3600


def test_the_month_is_that_of_the_owner(settings):
    video = factories.video(factories.account(time_zone="Pacific/Kiritimati"))  # 14 hours before UTC, no day is later
    ask(video)
    there = DailyUse.objects.get().day
    video.owner.time_zone = "Pacific/Niue"
    assert there - allowance.today(video.owner) == timedelta(days=1)
    jobs.cancel(Job.objects.select_related("owner").get())
    assert used_seconds() == [0]
    Account.objects.update(time_zone="Pacific/Niue")
    ask(factories.video(Account.objects.get()))
    assert set(DailyUse.objects.values_list("day", flat=True)) == {there, there - timedelta(days=1)}


def test_given_back_is_what_was_taken_also_from_another_zone():
    video = factories.video(factories.account(time_zone="Pacific/Kiritimati"))
    ask(video)
    Account.objects.update(time_zone="Pacific/Niue")
    jobs.cancel(Job.objects.get())
    assert used_seconds() == [0]


@pytest.mark.django_db(transaction=True)
def test_of_many_who_ask_at_once_only_as_many_get_a_job_as_they_may_have(settings):
    settings.QUOTA_JOBS, settings.QUOTA_MINUTES = 3, 1
    video = factories.video(facts=factories.info(seconds=25))
    start, refused = threading.Barrier(6), []

    def come():
        try:
            start.wait()
            ask(video)
        except allowance.Exhausted as error:
            refused.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=come) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (Job.objects.count(), refused) == (2, ["month_used_up"] * 4)
    assert used_seconds() == [50]


def test_who_has_too_many_jobs_is_told_when_the_next_one_is_done(settings):
    settings.QUOTA_JOBS = 1
    video = factories.video()
    factories.job(video=video, status=S.RUNNING, eta_seconds=240)
    with pytest.raises(allowance.Exhausted, match="The next one is done in about 4 min") as caught:
        ask(video)
    assert caught.value.retry_after_seconds == 240
