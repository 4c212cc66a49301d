"""How much work one account may ask for, so that others get their turn."""

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from jobs.errors import NotNow
from jobs.models import Account, DailyUse, Job, Video


def claim(owner: Account, video: Video) -> None:
    """Count work on a recording against what its owner may have.

    Raises NotNow (too_many_jobs, day_used_up). Two requests at once may go over the first limit by one, never over
    the second.
    """
    if (most := settings.ACTIVE_JOBS_LIMIT) and Job.objects.of(owner).moving().count() >= most:
        raise NotNow(
            f"You have {most} jobs waiting or running, and there cannot be more. Wait until some are done, or cancel "
            "some.",
            code="too_many_jobs",
        )
    if settings.DAILY_MINUTES_LIMIT:
        _claim_seconds(owner, video.duration_seconds, settings.DAILY_MINUTES_LIMIT)


def _claim_seconds(owner: Account, seconds: float, minutes: int) -> None:
    today, _ = DailyUse.objects.get_or_create(owner=owner, day=timezone.localdate())
    has_room = DailyUse.objects.filter(pk=today.pk, seconds__lte=minutes * 60 - seconds)
    if not has_room.update(seconds=F("seconds") + seconds):
        left = max(0, int(minutes - today.seconds / 60))
        raise NotNow(
            f"You may have {minutes} minutes of recordings worked on a day. {left} are left today, and this one has "
            f"{seconds / 60:.0f}. Start it tomorrow, or choose a shorter one.",
            code="day_used_up",
        )


def give_back(job: Job) -> None:
    """A job ended, or is deleted, before any worker began it."""
    if settings.DAILY_MINUTES_LIMIT:
        day = timezone.localdate(job.created_at)
        rows = DailyUse.objects.filter(owner=job.owner_id, day=day, seconds__gte=job.video.duration_seconds)
        rows.update(seconds=F("seconds") - job.video.duration_seconds)
