"""Figures and facts as a person would say them: 1:18:02, 1.2 GB, 2nd, about 4 min."""

import re
from fractions import Fraction

from django.utils.safestring import SafeString, mark_safe

from jobs.engine.model import share
from jobs.engine.model.mediainfo import AudioTrack, VideoTrack

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
LITTLE_SECONDS = 15
SURE = 1.5
"""Guesses this near each other are told as one."""
CHANNELS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


def clock(seconds: float | Fraction | None) -> str:
    """3 → 0:03, 4682 → 1:18:02; whole seconds, rounded."""
    return "" if seconds is None else _clock(round(float(seconds)))


def moment(seconds: float | Fraction) -> str:
    """Where in a recording something is, as players say it: 3.9 → 0:03; whole seconds that have gone by."""
    return _clock(int(seconds))


def around(seconds: float, reach: float = 1.5) -> str:
    """What makes a player begin a little before a moment and stop a little after it (W3C Media Fragments)."""
    return f"#t={max(0.0, seconds - reach):.2f},{seconds + reach:.2f}"


def _clock(seconds: int) -> str:
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


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


def span(seconds: float | None) -> str:
    """A length of time in words: 18 s, 4 min, 1 h 5 min."""
    if seconds is None:
        return ""
    if seconds < 59.5:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    hours, minute = divmod(minutes, 60)
    return f"{minutes} min" if not hours else f"{hours} h {minute} min" if minute else f"{hours} h"


def about(low: float, high: float) -> str:
    """A guess of how long something takes: about 4 min, about 3 to 6 min, about 50 s to 2 min."""
    first, last = span(_rounded(low)), span(_rounded(high))
    if first == last or high < LITTLE_SECONDS or high / max(low, 1) < SURE:
        return f"about {span(_rounded((max(low, 0) * high) ** 0.5 if low > 0 else high / 2))}"
    amount, _, unit = first.partition(" ")
    return f"about {amount if last.endswith(f' {unit}') and last.count(' ') == 1 else first} to {last}"


def _rounded(seconds: float) -> float:
    """To what a guess can say: tens of seconds, minutes, then five and fifteen minutes."""
    step = 10 if seconds < 55 else 60 if seconds < 15 * 60 else 300 if seconds < 3600 else 900
    return max(10.0 if step == 10 else 60.0, round(seconds / step) * step)


def brief(seconds: float | None) -> str:
    """A measured time, to two figures where it is short or long: 45 ms, 0.4 s, 3.2 s, 18 s, 4 min, 26 h, 4 days."""
    if seconds is None:
        return ""
    if seconds < 0.0995:
        return f"{max(1, round(seconds * 1000))} ms" if seconds else "0 s"
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    hours = round(seconds / 3600)
    return span(seconds) if hours < 10 else f"{hours} h" if hours < 72 else f"{round(hours / 24)} days"


def count(number: float) -> str:
    """55 950, with gaps that no line breaks at."""
    return f"{number:,.0f}".replace(",", "\u00a0")


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 11th."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def times(factor: float) -> str:
    """“31×”, “0.4×”: with a figure behind the point where it says more than nothing."""
    return f"{count(round(factor))}×" if factor >= 10 else f"{factor:.1f}×"


def percent(fraction: float | None) -> str:
    """0.629 → 63 %; 100 % means done."""
    return share.percent(fraction or 0)


def attribute(number: float | Fraction | None) -> SafeString:
    """A number as HTML wants it, whatever the language of the page."""
    return mark_safe(f"{float(number or 0):.4f}")  # noqa: S308 digits only


def codec(name: str) -> str:
    return "PCM" if name.startswith("pcm_") else CODECS.get(name, name)


def channels(count: int) -> str:
    return CHANNELS.get(count, f"{count} channels")


def rate(frames: Fraction) -> str:
    """Frames a second: 30000/1001 → 29.97, 25 → 25."""
    return f"{float(frames):.2f}".rstrip("0").rstrip(".")


def resolution(track: VideoTrack | None) -> str:
    """How people call a picture of this size: 720p, 1080p, 4K; by its shorter side, so upright phones count alike."""
    if track is None:
        return "Audio"
    short = min(track.display_size)
    return {2160: "4K", 4320: "8K"}.get(short, f"{short}p")


def dimensions(track: VideoTrack) -> str:
    """“1080 by 1920, rotated”, as it is shown."""
    width, height = track.display_size
    turned = ", rotated" if track.rotation else ""
    return f"{width} by {height}{turned}{', mirrored' if track.mirrored else ''}"


def audio(track: AudioTrack) -> str:
    """“AAC, stereo, 48 kHz, de, Commentary”."""
    language = "" if track.language == "und" else track.language
    facts = [codec(track.codec), channels(track.channels), f"{track.sample_rate / 1000:g} kHz", language, track.title]
    return ", ".join(fact for fact in facts if fact)


def initial(email: str) -> str:
    return email[:1].upper()


def sentence(text: str) -> str:
    """Text as a sentence that whoever goes on ends; figures such as 55 950 and 87 % stay on one line."""
    return GAP.sub("\u00a0", f"{text[:1].upper()}{text[1:].removesuffix('.')}")


def lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
