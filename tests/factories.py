"""Rows for tests, made as the site would make them but without bytes behind them."""

from fractions import Fraction
from typing import Any

from django.utils import timezone

from jobs.engine.model.mediainfo import AudioTrack, MediaInfo, VideoTrack
from jobs.models import Account, Job, Video

PICTURE = VideoTrack(index=0, codec="h264", width=160, height=90, frame_rate=Fraction(25), pixel_format="yuv420p")
SOUND = AudioTrack(index=1, codec="aac", sample_rate=48_000, channels=2)


def info(
    *, seconds: int = 10, video: VideoTrack | None = PICTURE, audio: tuple[AudioTrack, ...] = (SOUND,)
) -> MediaInfo:
    demuxer = "mov,mp4,m4a,3gp,3g2,mj2"
    return MediaInfo(format=demuxer, duration=Fraction(seconds), size_bytes=1000, video=video, audio=audio)


def account(email: str = "ann@example.org", **fields: Any) -> Account:
    found = Account.objects.filter(email=email).first()
    return found or Account.objects.create_user(email, "correct horse battery", **fields)


def video(owner: Account | None = None, *, facts: MediaInfo | None = None, **fields: Any) -> Video:
    facts = facts or info()
    values: dict[str, Any] = {
        "title": "Weekly review",
        "name": "review.mp4",
        "key": "videos/none/source.mp4",
        "size": facts.size_bytes,
        "sha256": "0" * 64,
        "kind": facts.kind,
        "duration_seconds": float(facts.duration),
        "details": facts.to_json(),
    }
    return Video.objects.create(owner=owner or account(), **{**values, **fields})


def job(owner: Account | None = None, *, status: str = Job.Status.QUEUED, **fields: Any) -> Job:
    owner = owner or account()
    now = timezone.now()
    values: dict[str, Any] = {
        "operation": "thumbnails",
        "queue": "fast",
        "params": {"version": 1},
        "queued_at": None if status == Job.Status.WAITING else now,
    }
    if status == Job.Status.RUNNING:
        values |= {"attempt": 1, "started_at": now, "heartbeat_at": now, "worker": "somewhere 1"}
    if status in Job.TERMINAL:
        values |= {"attempt": 1, "started_at": now, "finished_at": now}
    if "video" not in fields:
        values["video"] = video(owner)
    values["load_seconds"] = {**values, **fields}["video"].duration_seconds
    return Job.objects.create(owner=owner, status=status, **{**values, **fields})
