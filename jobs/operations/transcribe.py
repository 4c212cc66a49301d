"""What is said, as text and captions."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.functional import lazy
from django.utils.translation import get_language_info

from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.captions import cues, line_breaking, text_tiling
from jobs.engine.captions.recogniser_pool import EngineName, RecogniserOptions
from jobs.engine.captions.text_tiling import Topic
from jobs.engine.captions.transcribe import transcribe
from jobs.engine.captions.transcript import Transcript
from jobs.engine.container import muxers
from jobs.engine.model.media_types import MEDIA_TYPES
from jobs.engine.model.mediainfo import AudioTrack, MediaInfo
from jobs.engine.model.told import Told
from jobs.engine.pipelines import caption_video
from jobs.engine.pipelines.caption_video import TextTrack
from jobs.engine.render import replace_video
from jobs.errors import InputError
from jobs.operations.base import Context, Draft, Operation
from jobs.operations.chosen_container import with_notes
from jobs.operations.forms import OperationForm, safe_name
from jobs.wording import moment

LISTENING_SHARE = 0.9
"""Of the time, where captions are attached; beside burning them in it is half."""
ABOUT = {
    "whisper": "Whisper, which knows many languages and makes few mistakes in clear recordings",
    "pocketsphinx": "pocketsphinx, which only knows English and writes no punctuation. Expect mistakes, and many "
    "with accents, noise or several voices: good for finding a place, to be corrected before it is shown",
}

NO_MODEL = (
    "The Whisper model that comes with this service could not be downloaded when it was set up. The operator gets it "
    "by starting the service again with a network."
)


def usual() -> EngineName:
    """The better recogniser of those that this install has."""
    return "whisper" if settings.WHISPER_MODEL else "pocketsphinx"


def expectation() -> str:
    """What to expect of the better recogniser, in words."""
    return f"The best available is {ABOUT[usual()]}." + ("" if settings.WHISPER_MODEL else f" {NO_MODEL}")


class LanguageField(forms.CharField):
    """ISO 639-1, such as en. Cleans to "" for finding out by listening."""

    def clean(self, value: Any) -> str:
        text = str(value or "").strip().lower()
        if text in ("", "auto"):
            return ""
        if not (text.isascii() and text.isalpha() and len(text) in (2, 3)):
            raise ValidationError("Write the two letters of a language, such as en or de, or auto.")
        return text


class TranscribeForm(OperationForm):
    engine = forms.ChoiceField(
        label="Speech recognition",
        choices=[("auto", "The best available"), ("whisper", "Whisper"), ("pocketsphinx", "pocketsphinx")],
        initial="auto",
        required=False,
        help_text=lazy(expectation, str)(),
    )
    language = LanguageField(
        label="Language",
        initial="auto",
        required=False,
        help_text="Two letters, such as en or de. auto detects it.",
    )
    audio_track = forms.IntegerField(
        label="Audio track",
        initial=0,
        required=False,
        min_value=0,
        max_value=9999,
        help_text="Counted from 0.",
    )
    burn = forms.BooleanField(
        label="Draw the captions into the picture",
        required=False,
        help_text="They then show everywhere and cannot be turned off. Otherwise they come as a separate track.",
    )
    chapters = forms.BooleanField(
        label="Chapters, by what is talked about",
        required=False,
        help_text="In place of those that it has: in the video, unless captions are drawn into it, and as text. For "
        "talks of two minutes or more.",
    )
    reuse = forms.BooleanField(
        label="Use the existing transcript, with your corrections",
        required=False,
        help_text="Skips the recognition.",
    )


@dataclasses.dataclass(frozen=True)
class TranscribeParams:
    """`language` is ISO 639-1, "" for finding out by listening; `audio_track` the place among the audio tracks."""

    VERSION: ClassVar[int] = 1

    engine: Literal["auto", "whisper", "pocketsphinx"] = "auto"
    language: str = ""
    audio_track: int = 0
    burn: bool = False
    chapters: bool = False
    reuse: bool = False

    @property
    def recogniser(self) -> RecogniserOptions:
        engine = usual() if self.engine == "auto" else self.engine
        return RecogniserOptions(engine, settings.WHISPER_MODEL if engine == "whisper" else "", self.language)


class Transcribe(Operation[TranscribeParams]):
    slug = "transcribe"
    title = "Transcribe"
    version_name = "With captions"
    done = "Transcribed"
    summary = "Turns speech into captions and text that you can search and correct."
    description = (
        "Writes down what is said: text with the time of every word, SRT, WebVTT, TXT and JSON files, and "
        "captions on the video as a track or drawn into the picture."
    )
    accepts = "audio"
    group = "Words"
    icon = "captions"
    gist = "captions and text"
    folded = (
        "engine",
        "audio_track",
    )
    also_called = "subtitles srt vtt speech recognition burn whisper chapters"
    queue = "speech"
    order = 20
    chain_order = 80
    picture_fields = ("burn",)
    form_class = TranscribeForm
    params_class = TranscribeParams

    def ends_chain(self, params: TranscribeParams) -> bool:
        return not params.burn

    def reads_transcript(self, params: TranscribeParams) -> bool:
        return params.reuse

    def caveat(self) -> str:
        return "" if settings.WHISPER_MODEL else "English only: no Whisper model here"

    def copies(self, info: MediaInfo, params: TranscribeParams) -> str:
        if info.video is None:
            return ""
        return "copies the sound" if params.burn else "copies picture and sound"

    def check(self, info: MediaInfo, params: TranscribeParams) -> None:
        info.require_audio(params.audio_track)
        recogniser = params.recogniser
        if recogniser.engine == "whisper" and not recogniser.model:
            raise InputError(
                f"This server has no Whisper model. Choose pocketsphinx. {NO_MODEL}",
                code="no_model",
            )
        if recogniser.engine == "pocketsphinx" and recogniser.language not in ("", "en"):
            raise InputError(
                "The recogniser of this server only knows English. Choose en, or ask the operator for a Whisper model.",
                code="no_language",
            )
        if params.burn and info.video is None:
            raise InputError(
                "This recording has no picture to draw captions into. Untick that to get them as files.",
                code="no_picture",
            )

    def encodes_audio(self, info: MediaInfo, params: TranscribeParams) -> bool:
        # A picture comes with its sound as it is, and captions.
        return info.video is None

    def pace_key(self, params: TranscribeParams) -> str:
        return f"{params.recogniser.engine}{'-burn' * params.burn}{'-reuse' * params.reuse}"

    def run(self, context: Context, params: TranscribeParams) -> list[Draft]:
        self.check(context.info, params)
        (track,) = context.info.require_audio(params.audio_track)
        found = self.given(context) if params.reuse else self.heard(context, track, params)
        topics = text_tiling.topics(found) if params.chapters else []
        films = [self.film(context, found, topics, params)] if context.info.video else []
        return [*films, *files(context.scratch, context.title, found), *chapter_files(context, topics)]

    def given(self, context: Context) -> Transcript:
        """The transcript that is there."""
        if context.transcript is None:
            raise InputError(
                "There is no transcript of this recording yet. Untick using the existing one, and start again.",
                code="no_transcript",
            )
        return Transcript.loads(context.transcript.read_text(encoding="utf-8"))

    def heard(self, context: Context, track: AudioTrack, params: TranscribeParams) -> Transcript:
        share = 1.0 if context.info.video is None else 0.5 if params.burn else LISTENING_SHARE
        audio = AudioSource(context.source, context.info, track)
        return transcribe(audio, params.recogniser, context.workspace.share(0, share))

    def film(self, context: Context, found: Transcript, topics: Sequence[Topic], params: TranscribeParams) -> Draft:
        """The recording with its captions, in the picture or beside it."""
        source, info = context.recording, context.info
        shown = line_breaking.captions_of(found)
        if not shown:
            raise InputError("Every line of the transcript is empty. Undo some changes first.", code="no_words")
        work = context.workspace.share(0.0 if params.reuse else 0.5 if params.burn else LISTENING_SHARE, 1)
        suffix = replace_video.suffix_for(info) if params.burn else caption_video.suffix_for(info)
        output = context.scratch / f"captioned{suffix}"
        facts: dict[str, Any] = {**Told(summary=told(found)).to_json(), "burnt": params.burn}
        if params.burn:
            facts |= caption_video.burn(source, shown, output, work).to_json()
        else:
            text = TextTrack(shown, found.language, topics)
            facts |= {"sound_packets_copied": caption_video.attach(source, text, output, work), "chapters": len(topics)}
        name = safe_name(f"{context.title} (captions)", suffix)
        container = muxers.for_name(output)
        return Draft(output, "video", name, container.media_type, with_notes(context, output, facts))


def files(folder: Path, title: str, transcript: Transcript) -> list[Draft]:
    """A transcript as files: captions as SRT and WebVTT, plain text, and JSON with the time of every word."""
    shown = line_breaking.captions_of(transcript)
    facts = {"language": transcript.language, "engine": transcript.engine, **Told(summary=told(transcript)).to_json()}
    made = [
        (".srt", "captions", cues.srt(shown)),
        (".vtt", "captions", cues.vtt(shown)),
        (".txt", "text", line_breaking.text_of(transcript)),
        (".json", "data", transcript.dumps()),
    ]
    drafts = []
    for suffix, kind, text in made:
        path = folder / f"transcript{suffix}"
        path.write_text(text, encoding="utf-8")
        drafts.append(Draft(path, kind, safe_name(title, suffix), MEDIA_TYPES[suffix], facts))
    return drafts


def chapter_files(context: Context, topics: Sequence[Topic]) -> list[Draft]:
    """Chapters as text, a time and a title a line, as video sites read them in a description."""
    if not topics:
        return []
    path = context.scratch / "chapters.txt"
    path.write_text("".join(f"{moment(topic.start)} {topic.title}\n" for topic in topics), encoding="utf-8")
    name = safe_name(f"{context.title} (chapters)", ".txt")
    facts = {"chapters": len(topics), **Told(summary=f"{len(topics)} chapters").to_json()}
    return [Draft(path, "text", name, MEDIA_TYPES[".txt"], facts)]


def told(transcript: Transcript) -> str:
    """In words: “312 words, English, by pocketsphinx”."""
    count = sum(len(line.words) for line in transcript.lines)
    return f"{count} word{'' if count == 1 else 's'}, {language_name(transcript.language)}, by {transcript.engine}"


def language_name(code: str) -> str:
    try:
        return str(get_language_info(code)["name"])
    except KeyError:
        return code
