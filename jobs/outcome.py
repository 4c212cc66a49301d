"""What a job has made, in a line, read from what its results say of themselves; and how far a recording has come."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.html import format_html

from jobs import wording
from jobs.models import Artifact, Import, Job
from jobs.operations import registry


def ending(job: Job) -> str:
    """What a job that is done made, and how long that took: “6 pictures, took 18 s”."""
    made = outcome(job)
    if job.elapsed_seconds is None:
        return made
    took = f"took {wording.span(job.elapsed_seconds)}"
    if ". " in made:
        return f"{made}. {took.capitalize()}"
    return f"{made}, {took}" if made else took


def called(job: Job) -> str:
    """What a job that is done made, by the name of the version (“Cut”); any other, and one of the rest, by what it does
    (“Cut the silence”)."""
    if job.status != Job.Status.SUCCEEDED or not registry.makes_versions(job.operation):
        return job.operation_title
    is_version = any(one.kind in (Artifact.Kind.VIDEO, Artifact.Kind.AUDIO) for one in job.artifacts.all())
    return registry.version_name(job.operation) if is_version else job.operation_title


def outcome(job: Job) -> str:
    """What a job that is done made: “42:24 became 31:05”, “6 pictures”, “88 MB”, or “Copied as it was. 88 MB” where a
    result has a `summary` in its metadata.
    """
    artifacts = list(job.artifacts.all())
    return lengths(artifacts) or pictures(artifacts) or summary(artifacts)


def made(job: Job) -> str:
    """The same for a row, which tells sizes and times apart from it, and whose lengths stand out."""
    artifacts = list(job.artifacts.all())
    if found := lengths(artifacts):
        return _standing_out(found)
    told = next((artifact.told.summary for artifact in artifacts if artifact.told.summary), "")
    return pictures(artifacts) or told or files(len(artifacts))


def chain_made(flow: Any) -> str:
    """What a chain (a `jobs.live.flow.Flow`) made of its recording: “1:04:55 became 52:31, 3 results”."""
    kept = [one for link in flow.links if not link.passes for one in link.artifacts]
    film = flow.main.film if flow.main else None
    seconds = film.told.output_seconds if film else None
    parts = [files(len(kept))] if len(kept) > 1 or seconds is None else []
    if seconds is not None:
        became = f"{wording.clock(flow.run.video.duration_seconds)} became {wording.clock(seconds)}"
        return _standing_out(became, *parts)
    return parts[0] or f"{flow.done} of {len(flow.links)} steps"


def _standing_out(became: str, *rest: str) -> str:
    before, _, after = became.partition(" became ")
    end = "".join(f", {part}" for part in rest)
    return format_html('<b class="medium">{}</b> became <b class="medium">{}</b>{}', before, after, end)


def files(count: int) -> str:
    return {0: "", 1: "1 result"}.get(count, f"{count} results")


def cost(job: Job) -> str:
    """What the results of a job take, and how long it took: “1.1 GB, took 41 s”."""
    size = sum(artifact.size for artifact in job.artifacts.all())
    took = f"took {wording.span(job.elapsed_seconds)}" if job.elapsed_seconds is not None else ""
    return ", ".join(part for part in (wording.size(size) if size else "", took) if part)


def lengths(artifacts: Sequence[Artifact]) -> str:
    for told in (artifact.told for artifact in artifacts):
        if told.source_seconds is not None and told.output_seconds is not None:
            return f"{wording.clock(told.source_seconds)} became {wording.clock(told.output_seconds)}"
    return ""


def length(artifacts: Iterable[Artifact]) -> str:
    """How long a recording is that was made shorter or longer, “31:05”; "" where none was."""
    for told in (artifact.told for artifact in artifacts):
        if told.source_seconds is not None and told.output_seconds is not None:
            return wording.clock(told.output_seconds)
    return ""


def pictures(artifacts: Sequence[Artifact]) -> str:
    """How many there are, where there is nothing else."""
    if any(artifact.kind != Artifact.Kind.IMAGE for artifact in artifacts):
        return ""
    return {0: "", 1: "1 picture"}.get(len(artifacts), f"{len(artifacts)} pictures")


def summary(artifacts: Sequence[Artifact]) -> str:
    """What the first result that has a word for it says was done, and the size of all."""
    told = next((artifact.told.summary for artifact in artifacts if artifact.told.summary), "")
    made = wording.size(sum(artifact.size for artifact in artifacts)) if artifacts else ""
    return f"{told}. {made}" if told else made


def proof(job: Job) -> str:
    """How sure its result is: “87 % of the picture is untouched. Checked: 55 950 frames, 312 joins.”, or nothing."""
    for told in (artifact.told for artifact in job.artifacts.all()):
        if told.reason or told.checked:
            return " ".join(f"{wording.sentence(fact)}." for fact in (told.reason, told.checked) if fact)
    return ""


def taken_at(artifact: Artifact) -> str:
    """Where in the recording a picture comes from: 12:31, or nothing for one that is of no moment."""
    return wording.moment(artifact.metadata["time"]) if artifact.shows_moment else ""


def on_its_way(row: Import) -> str:
    """How far a recording is that comes from an address: “12 MB of 640 MB, 3.2 MB/s, 2 min left”."""
    here = wording.size(row.received_bytes)
    if row.size_bytes:
        here += f" of {wording.size(row.size_bytes)}"
    if row.status == Import.Status.FAILED:
        return f"{here} are here" if row.received_bytes else ""
    if row.status == Import.Status.QUEUED:
        return f"{here}, asked for again in a while" if row.setbacks else "Waiting its turn"
    if not row.received_bytes:
        return f"Asking {row.place}"
    if row.received_bytes == row.size_bytes:
        return "All there, being checked"
    pace = [f"{wording.size(round(row.bytes_per_second))}/s"] if row.bytes_per_second else []
    left = [f"{wording.span(row.seconds_left)} left"] if row.seconds_left else []
    return ", ".join([here, *pace, *left])
