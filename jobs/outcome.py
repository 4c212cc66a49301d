"""What a job has made, in a line: read from what its results say of themselves."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from jobs import wording
from jobs.models import Artifact, Job


def outcome(job: Job) -> str:
    """What a job that is done made: “42:24 became 31:05”, “6 pictures”, “88 MB”, or “Copied as it was. 88 MB” where a
    result has a `summary` in its metadata.
    """
    artifacts = list(job.artifacts.all())
    return lengths(artifacts) or pictures(artifacts) or summary(artifacts)


def lengths(artifacts: Sequence[Artifact]) -> str:
    for artifact in artifacts:
        before, after = (seconds(artifact.metadata, key) for key in ("source_duration", "output_duration"))
        if before is not None and after is not None:
            return f"{wording.clock(before)} became {wording.clock(after)}"
    return ""


def pictures(artifacts: Sequence[Artifact]) -> str:
    """How many there are, where there is nothing else."""
    if any(artifact.kind != Artifact.Kind.IMAGE for artifact in artifacts):
        return ""
    return {0: "", 1: "1 picture"}.get(len(artifacts), f"{len(artifacts)} pictures")


def summary(artifacts: Sequence[Artifact]) -> str:
    """What the first result that has a word for it says was done, and the size of all."""
    told = next((str(artifact.metadata["summary"]) for artifact in artifacts if artifact.metadata.get("summary")), "")
    made = wording.size(sum(artifact.size for artifact in artifacts)) if artifacts else ""
    return f"{told}. {made}" if told else made


def proof(job: Job) -> str:
    """How sure its result is: “87 % of the picture is untouched. Checked: 55 950 frames, 312 joins.”, or nothing."""
    for artifact in job.artifacts.all():
        facts = [str(artifact.metadata.get(key) or "") for key in ("render_reason", "checked")]
        if any(facts):
            return " ".join(f"{wording.sentence(fact)}." for fact in facts if fact)
    return ""


def seconds(metadata: dict[str, Any], key: str) -> float | None:
    """A time of an artifact's metadata, which may be a number or an exact fraction as text."""
    try:
        return float(Fraction(str(metadata[key])))
    except (KeyError, ValueError, ZeroDivisionError):
        return None


def taken_at(artifact: Artifact) -> str:
    """Where in the recording a picture comes from: 12:31, or nothing when it does not say."""
    at = seconds(artifact.metadata, "time")
    return "" if at is None else wording.moment(at)
