"""Figures as a person would say them."""

from datetime import UTC, datetime


def size(count: float) -> str:
    """Bytes, such as "12.3 MB"."""
    for unit in ("bytes", "KB", "MB", "GB", "TB"):
        if count < 1000 or unit == "TB":
            return f"{count:.0f} {unit}" if unit == "bytes" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError


def length(seconds: float | None) -> str:
    """Seconds as a player shows them, such as "1:02:03"; "" where nobody knows."""
    if seconds is None:
        return ""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def when(text: str | None) -> str:
    """A time of the API on this machine's clock."""
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M") if text else ""


def took(job: dict[str, str | None]) -> str:
    """How long a job has run, or runs already."""
    if not (started := job.get("started_at")):
        return ""
    ended = datetime.fromisoformat(job["finished_at"]) if job.get("finished_at") else datetime.now(UTC)  # type: ignore[arg-type]
    return length(max(0, (ended - datetime.fromisoformat(started)).total_seconds()))


def listed(names: list[str]) -> str:
    """A list in a sentence: "a, b or c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}" if names else ""
