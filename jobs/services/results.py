"""What came of the work on a recording besides its versions, as its page shows it: a card for each kind of files."""

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from jobs import wording
from jobs.models import Artifact, Job, Video
from jobs.operations import registry
from jobs.operations.transcribe import Transcribe, language_name
from jobs.services import packing
from jobs.services.packing import File
from jobs.services.transcripts import Stored
from jobs.services.version_list import is_at_work, will_make_version
from jobs.wording import clock
from jobs.zip_stream import Entry

MOST_JOBS = 60
"""So many of the newest jobs have cards; the others are in the queue."""
AT_ONCE = 200
"""Of how many jobs files are read together where those of all are wanted."""
QUOTED = 110
K = Artifact.Kind
ICONS = {
    "words": "captions",
    "pictures": "image",
    "sound": "wave",
    "film": "film",
    "timelines": "film",
    "files": "download",
}


@dataclasses.dataclass(frozen=True)
class Card:
    """Files of one job that belong together. `kind` says how they are shown: words, pictures, sound, film, timelines or
    files; `facts` are said in a line, and `quote` is how a transcript begins, in its `language`."""

    kind: str
    title: str
    job: Job
    files: Sequence[Artifact]
    facts: str = ""
    quote: str = ""
    language: str = ""

    @property
    def name(self) -> str:
        """Stays the same while the page is open."""
        return f"{self.kind}-{self.job.pk}"

    @property
    def stamp(self) -> tuple[Any, ...]:
        """Changes with what is drawn of it; what a transcript says changes with its file."""
        subject = self.job.subject
        files = [(one.pk, one.sha256, one.missing_since is not None) for one in self.files]
        return (self.name, subject and subject.poster, files)

    @property
    def state(self) -> str:
        """A short name for the stamp."""
        return hashlib.sha256(repr(self.stamp).encode()).hexdigest()[:16]

    @property
    def icon(self) -> str:
        return ICONS[self.kind]

    @property
    def choices(self) -> bool:
        """Whether one of its pictures can stand for the recording."""
        return any(one.shows_moment for one in self.there)

    @property
    def there(self) -> list[Artifact]:
        """Those whose file is not known to be gone."""
        return [one for one in self.files if one.missing_since is None]


@dataclasses.dataclass(frozen=True)
class Results:
    """`running` are jobs that will make such files; `is_all`: whether no older ones were left out."""

    cards: Sequence[Card]
    running: Sequence[Job]
    is_all: bool = True

    @property
    def count(self) -> int:
        return sum(len(card.there) for card in self.cards)

    @property
    def size(self) -> int:
        """In bytes, of all files that are there."""
        return sum(one.size for card in self.cards for one in card.there)

    @property
    def stamp(self) -> tuple[Any, ...]:
        return (*(card.stamp for card in self.cards), *((job.pk, job.version) for job in self.running))


def jobs_on(video: Video) -> Any:
    """The work on a recording and on what was made of it; of a result, the work on that alone."""
    found = Job.objects.filter(source=video) if video.artifact_id else Job.objects.filter(video=video)
    return found.without_logs()


def of(video: Video, stored: Stored | None = None, active: Iterable[Job] = ()) -> Results:
    """`stored` is the newest transcript of the recording, where there is one; `active` is work on it under way."""
    done = list(_done(video)[: MOST_JOBS + 1])
    cards = [card for job in done[:MOST_JOBS] for card in of_job(job, stored)]
    running = [job for job in active if is_at_work(job) and not will_make_version(job)]
    return Results(cards, running, len(done) <= MOST_JOBS)


def every(video: Video) -> Iterator[Card]:
    """All that came of the work on a recording, however much, the newest first."""
    for job in _done(video).iterator(AT_ONCE):
        yield from of_job(job)


def _done(video: Video) -> Any:
    """The jobs whose files stand for themselves."""
    done = jobs_on(video).filter(status=Job.Status.SUCCEEDED, handover=False, dropped_at=None)
    return done.order_by("-finished_at").prefetch_related("artifacts", "video", "source")


def of_job(job: Job, stored: Stored | None = None) -> list[Card]:
    """The cards of a job that is done: none where all that it made are versions, or a storyboard for the player."""
    found = list(job.artifacts.all())
    if any(one.metadata.get("storyboard") for one in found):
        return []
    if is_of_versions(job):
        found = [one for one in found if one.kind not in (K.VIDEO, K.AUDIO)]
    parts = (
        words(job, found, stored),
        pictures(job, [one for one in found if one.kind == K.IMAGE]),
        sound(job, [one for one in found if one.kind == K.AUDIO]),
        film(job, [one for one in found if one.kind == K.VIDEO]),
        timelines(job, [one for one in found if is_timeline(one)]),
        others(job, [one for one in found if one.kind in (K.DATA, K.TEXT, K.CAPTIONS) and not is_timeline(one)]),
    )
    return [card for card in parts if card]


def is_of_versions(job: Job) -> bool:
    try:
        return registry.get(job.operation).makes_versions
    except KeyError:
        return True


def is_timeline(artifact: Artifact) -> bool:
    return artifact.kind == K.TIMELINE or "format" in artifact.metadata


def words(job: Job, files: Sequence[Artifact], stored: Stored | None) -> Card | None:
    """A transcript with all that was written from it."""
    texts = [one for one in files if one.kind in (K.CAPTIONS, K.TEXT, K.DATA)]
    if job.operation != Transcribe.slug or not texts:
        return None
    if stored is None or stored.artifact.job_id != job.pk:
        told = next((one.told.summary for one in texts if one.told.summary), "")
        return Card("words", "Transcript", job, texts, told or "")
    found = stored.transcript
    count = sum(len(line.words) for line in found.lines)
    facts = f"{wording.count(count)} word{'' if count == 1 else 's'}, {language_name(found.language)}"
    return Card("words", "Transcript", job, texts, facts, opening(line.text for line in found.lines), found.language)


def opening(lines: Iterable[str]) -> str:
    """How a text begins, up to the end of a word."""
    begun = ""
    for line in lines:
        begun = f"{begun} {line}".strip()
        if len(begun) > QUOTED:
            head, _, _ = begun[: QUOTED + 1].rpartition(" ")
            return f"{head or begun[:QUOTED]}…"
    return begun


def pictures(job: Job, files: Sequence[Artifact]) -> Card | None:
    if not files:
        return None
    count, first = len(files), files[0]
    facts = [f"{count} picture{'' if count == 1 else 's'}"]
    if width := first.metadata.get("width"):
        facts.append(f"{width} px")
    facts.append(first.media_type.partition("/")[2].upper())
    title = "Contact sheet" if "columns" in first.metadata else job.operation_title
    return Card("pictures", title, job, files, ", ".join(facts))


def sound(job: Job, files: Sequence[Artifact]) -> Card | None:
    if not files:
        return None
    told = files[0].metadata
    codec, rate = told.get("codec"), told.get("bit_rate")
    facts = [wording.codec(str(codec)) if codec else "", wording.size(sum(one.size for one in files))]
    if rate and codec:
        facts[0] += f" {round(rate / 1000)} kbit/s"
    if loudness := (told.get("loudness") or {}).get("lufs_after"):
        facts.append(f"{loudness:.0f} LUFS".replace("-", "\N{MINUS SIGN}"))
    title = "Sound alone" if job.operation == "extract-audio" else job.operation_title
    return Card("sound", title, job, files, ", ".join(filter(None, facts)))


def film(job: Job, files: Sequence[Artifact]) -> Card | None:
    if not files:
        return None
    count, told = len(files), files[0].told
    seconds = files[0].metadata.get("duration") or told.output_seconds
    facts = [f"{count} parts" if count > 1 else clock(seconds), wording.size(sum(one.size for one in files))]
    return Card("film", job.operation_title, job, files, ", ".join(filter(None, facts)))


def timelines(job: Job, files: Sequence[Artifact]) -> Card | None:
    if not files:
        return None
    recording = next((one for one in job.artifacts.all() if "keep" in one.metadata), None)
    facts = []
    if recording:
        cuts = max(0, len(recording.metadata["keep"]) - 1)
        facts.append(f"{wording.count(cuts)} cut{'' if cuts == 1 else 's'}")
    if rate := files[0].metadata.get("frame_rate"):
        facts.append(f"frame exact, {fps(str(rate))} fps")
    return Card("timelines", "Cut for other programs", job, files, ", ".join(facts))


def fps(rate: str) -> str:
    """30000/1001 → 29.97."""
    over, _, under = rate.partition("/")
    return f"{float(over) / float(under or 1):.2f}".rstrip("0").rstrip(".")


def others(job: Job, files: Sequence[Artifact]) -> Card | None:
    """Whatever else there is, by its files."""
    if not files or job.operation == Transcribe.slug:
        return None
    title = "Captions of the cut" if all(one.kind == K.CAPTIONS for one in files) else job.operation_title
    return Card("files", title, job, files, wording.size(sum(one.size for one in files)))


def entries(cards: Iterable[Card]) -> list[Entry]:
    """All their files as a ZIP file has them."""
    return packing.entries([File(one.name, one) for card in cards for one in card.files])
