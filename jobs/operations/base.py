"""What an operation is: a form, frozen parameters, and a run that sees files but no database and no channel layer."""

import dataclasses
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, NamedTuple, Protocol, TypeVar, get_args

from django import forms

from jobs.engine.model.mediainfo import MediaInfo
from jobs.engine.model.progress import Progress
from jobs.engine.runtime.kept_parts import KeptParts
from jobs.engine.runtime.subprocess_runner import CommandLog
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from jobs.operations.fields import GivenField, GivenKind, RecordingsField


class Params(Protocol):
    """A frozen dataclass of JSON-able values. `VERSION` rises when stored parameters need to be read differently."""

    VERSION: ClassVar[int]
    __dataclass_fields__: ClassVar[dict[str, Any]]


P = TypeVar("P", bound=Params)


@dataclasses.dataclass(frozen=True)
class Given:
    """Another file that the work needs besides its recording, by its id: a recording or an image of the same owner."""

    kind: GivenKind
    id: str


class Tracks(NamedTuple):
    """What a recording has, as far as further work asks."""

    picture: bool
    audio: bool


Group = Literal["Cut", "Words", "Sound", "Picture", "File"]
GROUPS: tuple[Group, ...] = get_args(Group)
"""In the order of the page."""


class Unfit(NamedTuple):
    """Why work cannot be done with a recording: a code for scripts, and a few words for a list."""

    code: str
    words: str


@dataclasses.dataclass(frozen=True)
class Draft:
    """A result file in the scratch folder that is to become an artifact.

    `kind` is one of jobs.models.Artifact.Kind; `name` is what a download is called; `metadata` is JSON-able:
    figures for scripts, and what `Told` says to people.
    """

    path: Path
    kind: str
    name: str
    media_type: str
    metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Context:
    """All that a run may see.

    `progress(fraction, stage)` reports measured work, 0 to 1, and a stage in plain words ("Encoding around 5 cuts");
    it raises when the job has to stop. `scratch` is an empty folder that is removed afterwards on every path.
    `cache` is a folder shared by all jobs on the same bytes (keyed by content hash); what is in it may vanish.
    `file_name` is what the owner calls the source's file. `inputs` are the other files, by the names of
    `Operation.inputs`; `input_infos` are the facts about those of them that are recordings, `input_names` what the
    owner calls the files of these. An image is a PNG.
    `handover` says that nobody but further steps reads the result, each of which encodes its audio
    (`Operation.encodes_audio`): where the operation `hands_over_lossless`, it then writes audio without loss.
    `transcript` is the newest transcript of the recording, with what its owner changed (JSON of `captions.transcript`).
    `kept` are parts of the result that an attempt before this one has made, and room for those of this one.
    """

    source: Path
    info: MediaInfo
    inputs: Mapping[str, Path]
    scratch: Path
    cache: Path
    title: str
    progress: Progress
    log: CommandLog
    file_name: str = ""
    input_infos: Mapping[str, MediaInfo] = dataclasses.field(default_factory=dict)
    input_names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    transcript: Path | None = None
    handover: bool = False
    kept: KeptParts | None = None

    @property
    def recording(self) -> Source:
        """The recording that the engine works on."""
        return Source(self.source, self.info)

    @property
    def workspace(self) -> Workspace:
        """Where the engine works, and whom it tells."""
        return Workspace(self.scratch, self.cache, self.progress, self.log, self.kept)


class Operation(Generic[P]):
    """One kind of work. Subclasses live one to a file in this package and are found by walking it."""

    slug: ClassVar[str]
    title: ClassVar[str]
    done: ClassVar[str]
    """What a recording is called after it: “Converted”, and “Cut” for “Cut to 31:05”."""
    summary: ClassVar[str]
    """A sentence for the page."""
    description: ClassVar[str]
    """The same at more length, for the README."""
    group: ClassVar[Group] = "File"
    """Under which head a list of all work has it."""
    icon: ClassVar[str] = "spark"
    """Its drawing in `static/icons.svg`."""
    gist: ClassVar[str] = ""
    """What there is to choose, in three or four words beside its title."""
    also_called: ClassVar[str] = ""
    """Words by which people look for it, besides those of its title, summary and gist."""
    folded: ClassVar[tuple[str, ...]] = ("container", "render", "track", "audio_track")
    """Fields of its form that most people leave as they are."""
    accepts: ClassVar[str] = "any"
    """"video", "audio" (an audio track is needed, with or without picture) or "any"."""
    queue: ClassVar[str] = "encode"
    """"fast" for work of seconds, "cut", "encode" or "speech" for work that grows with the recording."""
    order: ClassVar[int] = 100
    """Place among the others on the page."""
    chain_order: ClassVar[int] = 100
    """Place in a chain that is made of several operations chosen together; those that end a chain come after all."""
    ticked: ClassVar[bool] = False
    """Whether the upload page ticks it by default."""
    example: ClassVar[Mapping[str, Any]] = {}
    """Parameters to try it with, where its defaults alone do not say what to do."""
    example_seconds: ClassVar[int] = 2
    """How long a recording `example` needs."""
    previews: ClassVar[bool] = False
    """Whether `preview` shows what the parameters lead to before any work is done."""
    staged: ClassVar[bool] = False
    """Whether a hand may set its fields on the recording, by a module of `static/scripts/stages/`."""
    picture_fields: ClassVar[tuple[str, ...]] = ()
    """Fields of its form that mean nothing for sound alone; there the page leaves them out."""
    makes_versions: ClassVar[bool] = True
    """Whether a recording that it makes stands for the whole of its own, as a cut does and a trailer does not."""
    shortest_seconds: ClassVar[int] = 0
    """What is shorter cannot be worked on."""
    version_name: ClassVar[str] = ""
    """What a version that it makes is called beside the original, where not as the work."""
    takes_itself: ClassVar[bool] = False
    """Whether its recording may be among its other files."""
    works_through_inputs: ClassVar[bool] = False
    """Whether the recordings among its other files are as much work as its own."""
    hands_over_lossless: ClassVar[bool] = False
    """Whether `Context.handover` makes it write as FLAC, in MP4 or Matroska, what it would encode with loss."""
    form_class: ClassVar[type[forms.Form]]
    params_class: ClassVar[type[Any]]

    def params(self, cleaned: Mapping[str, Any]) -> P:
        """Frozen parameters from a valid form's cleaned data."""
        names = [field.name for field in dataclasses.fields(self.params_class)]
        return self.params_class(**{name: cleaned[name] for name in names if name in cleaned})

    def unfit(self, info: MediaInfo) -> Unfit | None:
        """Why it cannot be done with a recording, whatever the parameters; None where it can."""
        if self.accepts == "video" and info.video is None:
            return Unfit("no_video", "needs a picture")
        if self.accepts == "audio" and not info.audio:
            return Unfit("no_audio", f"cannot read its {info.unread[0]} sound" if info.unread else "needs sound")
        if info.duration < self.shortest_seconds:
            return Unfit("too_short", f"needs {self.shortest_seconds} s or more")
        return None

    def caveat(self) -> str:
        """What this install lacks for doing it well, in a few words; "" for nothing."""
        return ""

    def copies(self, info: MediaInfo, params: P) -> str:
        """What of the recording is in the result as it is, in a few words: “copies the sound”. "" for nothing."""
        return ""

    def check(self, info: MediaInfo, params: P) -> None:
        """Raise InputError when this recording cannot be worked on with these parameters."""

    @property
    def takes(self) -> set[GivenKind]:
        """The kinds of other files that it may need, see `inputs`."""
        return {
            one.kind for one in self.form_class.base_fields.values() if isinstance(one, GivenField | RecordingsField)
        }

    def inputs(self, params: P) -> Mapping[str, Given]:
        """What else the work needs, by the names under which `run` finds it: whatever the form's fields name.

        Those of a field for several are `<field>-0`, `<field>-1` and so on.
        """
        found: dict[str, Given] = {}
        for name, field in self.form_class.base_fields.items():
            if isinstance(field, GivenField) and (given := getattr(params, name)):
                found[name] = Given(field.kind, given)
            elif isinstance(field, RecordingsField):
                found |= {f"{name}-{place}": Given(field.kind, one) for place, one in enumerate(getattr(params, name))}
        return found

    def check_inputs(self, info: MediaInfo, params: P, infos: Mapping[str, MediaInfo]) -> None:
        """Raise InputError when the other recordings, by the names of `inputs`, cannot be used for this one."""

    def encodes_audio(self, info: MediaInfo, params: P) -> bool:
        """Whether audio that is FLAC comes out of it encoded for playing, or not at all, instead of copied.

        `info` are the facts about the recording, or about what a step before makes of it.
        """
        return False

    def makes(self, tracks: Tracks, params: P) -> Tracks | None:
        """What the one recording that comes of it has; None where none comes of it, or several."""
        return tracks

    def ends_chain(self, params: P) -> bool:
        """Whether, of operations chosen together, none goes on with its result."""
        return False

    def reads_transcript(self, params: P) -> bool:
        """Whether the newest transcript of the recording, with what was corrected in it, goes into the result."""
        return False

    def queue_for(self, params: P) -> str:
        """The queue of this piece of work, where its parameters decide whether it takes seconds."""
        return self.queue

    def places(self, info: MediaInfo, params: P) -> int:
        """At how many places it reads its recording, where it opens it by `FrameReader` alone: then only these need be
        fetched (`services.sources.excerpts`). 0: it needs the whole file."""
        return 0

    def pace_key(self, params: P) -> str:
        """Names the parameters that decide how fast the work goes, with their values. Work of the same name goes alike,
        but for the length and the size of the recording; `services.expectation` learns from it."""
        return ""

    def worked_seconds(self, info: MediaInfo, params: P) -> float:
        """How many seconds of the recording the work goes through."""
        return float(info.duration)

    def timeout_seconds(self, info: MediaInfo, params: P) -> int:
        """After how long the work is ended as hanging."""
        return 600 + 20 * int(info.duration)

    def preview(
        self, source: Path, info: MediaInfo, inputs: Mapping[str, Path], params: P, at: Fraction, out: Path
    ) -> None:
        """Write a JPEG to `out` of what the result shows at a time, seconds after the start, within a second or so.

        Runs in the web process: whatever opens strangers' bytes has to do so in a bounded child process.
        """
        raise NotImplementedError

    def run(self, context: Context, params: P) -> list[Draft]:
        raise NotImplementedError
