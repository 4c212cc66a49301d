"""Figures and facts as a person would say them: 1:18:02, 1.2 GB, 2nd, about 4 min."""

import re
from fractions import Fraction
from typing import Any

from django import template
from django.utils.safestring import SafeString, mark_safe

from jobs.engine.model.mediainfo import VideoTrack
from jobs.models import Artifact, Job

register = template.Library()

CODECS = {
    "h264": "H.264",
    "hevc": "H.265",
    "av1": "AV1",
    "libdav1d": "AV1",
    "vp8": "VP8",
    "vp9": "VP9",
    "mpeg4": "MPEG-4",
    "mpeg2video": "MPEG-2",
    "mjpeg": "Motion JPEG",
    "prores": "ProRes",
    "dnxhd": "DNxHD",
    "theora": "Theora",
    "aac": "AAC",
    "mp3": "MP3",
    "mp3float": "MP3",
    "opus": "Opus",
    "libopus": "Opus",
    "vorbis": "Vorbis",
    "flac": "FLAC",
    "alac": "ALAC",
    "ac3": "AC-3",
    "eac3": "E-AC-3",
}
GAP = re.compile(r"(?<=\d) (?=\d{3}|%)")
CHANNELS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


@register.filter
def clock(seconds: float | Fraction | None) -> str:
    """3 → 0:03, 4682 → 1:18:02; whole seconds, rounded."""
    return "" if seconds is None else _clock(round(float(seconds)))


@register.filter
def moment(seconds: float | Fraction) -> str:
    """Where in a recording something is, as players say it: 3.9 → 0:03; whole seconds that have gone by."""
    return _clock(int(seconds))


def _clock(seconds: int) -> str:
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


@register.filter
def size(count: int | None) -> str:
    """Bytes in powers of 1024, as the messages about uploads say them: 640 MB, 1.2 GB, one decimal below ten."""
    if count is None:
        return ""
    amount, unit = float(count), "bytes"
    for larger in ("KB", "MB", "GB", "TB"):
        if round(amount) < 1000:
            break
        amount, unit = amount / 1024, larger
    figure = f"{amount:.1f}" if unit != "bytes" and amount < 9.95 else f"{amount:.0f}"
    return f"{figure.removesuffix('.0')} {unit}"


@register.filter
def span(seconds: float | None) -> str:
    """A length of time in words: 18 s, 4 min, 1 h 5 min."""
    if seconds is None:
        return ""
    if seconds < 59.5:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    hours, minute = divmod(minutes, 60)
    return f"{minutes} min" if not hours else f"{hours} h {minute} min" if minute else f"{hours} h"


@register.filter
def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 11th."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


@register.filter
def percent(fraction: float | None) -> str:
    """0.629 → 62 %: rounded down, so that 100 % means done."""
    return f"{int((fraction or 0) * 100 + 1e-9)} %"


@register.filter
def attribute(number: float | Fraction | None) -> SafeString:
    """A number as HTML wants it, whatever the language of the page."""
    return mark_safe(f"{float(number or 0):.4f}")  # noqa: S308 digits only


@register.filter
def codec(name: str) -> str:
    return "PCM" if name.startswith("pcm_") else CODECS.get(name, name)


@register.filter
def channels(count: int) -> str:
    return CHANNELS.get(count, f"{count} channels")


@register.filter
def rate(frames: Fraction) -> str:
    """Frames a second: 30000/1001 → 29.97, 25 → 25."""
    return f"{float(frames):.2f}".rstrip("0").rstrip(".")


@register.filter
def resolution(track: VideoTrack | None) -> str:
    """How people call a picture of this size: 720p, 1080p, 4K; by its shorter side, so upright phones count alike."""
    if track is None:
        return "Audio"
    short = min(track.display_size)
    return {2160: "4K", 4320: "8K"}.get(short, f"{short}p")


@register.filter
def initial(email: str) -> str:
    return email[:1].upper()


@register.filter
def of_kind(artifacts: list[Artifact], kinds: str) -> list[Artifact]:
    """Those of these kinds, given as words: "video audio"."""
    return [artifact for artifact in artifacts if artifact.kind in kinds.split()]


@register.filter
def not_of_kind(artifacts: list[Artifact], kinds: str) -> list[Artifact]:
    return [artifact for artifact in artifacts if artifact.kind not in kinds.split()]


@register.filter
def outcome(job: Job) -> str:
    """What a job that is done made: “42:24 became 31:05”, “6 pictures”, “88 MB”, or “Copied as it was. 88 MB” where a
    result has a `summary` in its metadata.
    """
    artifacts = list(job.artifacts.all())
    for artifact in artifacts:
        before, after = (seconds(artifact.metadata, key) for key in ("source_duration", "output_duration"))
        if before is not None and after is not None:
            return f"{clock(before)} became {clock(after)}"
    told = next((str(artifact.metadata["summary"]) for artifact in artifacts if artifact.metadata.get("summary")), "")
    pictures = sum(artifact.kind == Artifact.Kind.IMAGE for artifact in artifacts)
    if pictures and pictures == len(artifacts):
        return "1 picture" if pictures == 1 else f"{pictures} pictures"
    made = size(sum(artifact.size for artifact in artifacts)) if artifacts else ""
    return f"{told}. {made}" if told else made


@register.filter
def proof(job: Job) -> str:
    """How sure its result is: “87 % of the picture is untouched. Checked: 55 950 frames, 312 joins.”, or nothing."""
    for artifact in job.artifacts.all():
        facts = [str(artifact.metadata.get(key) or "") for key in ("render_reason", "checked")]
        if any(facts):
            return " ".join(f"{sentence(fact)}." for fact in facts if fact)
    return ""


def sentence(text: str) -> str:
    """Text as a sentence that whoever goes on ends; figures such as 55 950 and 87 % stay on one line."""
    return GAP.sub("\u00a0", f"{text[:1].upper()}{text[1:].removesuffix('.')}")


def seconds(metadata: dict[str, Any], key: str) -> float | None:
    """A time of an artifact's metadata, which may be a number or an exact fraction as text."""
    try:
        return float(Fraction(str(metadata[key])))
    except (KeyError, ValueError, ZeroDivisionError):
        return None


@register.filter
def taken_at(artifact: Artifact) -> str:
    """Where in the recording a picture comes from: 12:31, or nothing when it does not say."""
    for key in ("time", "seconds", "time_seconds"):
        at = seconds(artifact.metadata, key)
        if at is not None:
            return moment(at)
    return ""


@register.filter
def dictlookup(mapping: dict[str, Any], key: str) -> Any:
    """For keys that a template cannot write, such as those with a hyphen."""
    return mapping.get(key)


@register.filter
def lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
