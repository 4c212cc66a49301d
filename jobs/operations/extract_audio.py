"""The sound of a recording as a file of its own."""

import dataclasses
from typing import Any, ClassVar, Literal

from django import forms
from django.core.exceptions import ValidationError

from jobs.engine.audio import track_file
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.track_file import AudioFileOptions, AudioFormat
from jobs.engine.container import audio_files
from jobs.engine.model.mediainfo import AudioTrack, MediaInfo
from jobs.engine.pipelines import extract_audio
from jobs.operations.base import Context, Draft, Operation, Tracks
from jobs.operations.forms import LoudnessField, OperationForm, TrackField, safe_name


class ExtractAudioForm(OperationForm):
    track = TrackField(
        label="Track",
        initial="all",
        required=False,
        help_text="all saves each as a file. Or write the number of one audio track, counted from 0.",
    )
    format = forms.ChoiceField(
        label="Format",
        choices=[
            ("copy", "As it is, copied without loss"),
            ("mp3", "MP3, for everywhere"),
            ("m4a", "M4A (AAC)"),
            ("opus", "Opus, the smallest"),
            ("flac", "FLAC, lossless"),
            ("wav", "WAV, uncompressed"),
        ],
        initial="copy",
        required=False,
        help_text="Sound that already has the chosen format is copied, without loss.",
    )
    bitrate_kbps = forms.IntegerField(
        label="Bit rate (kbit/s)",
        required=False,
        min_value=24,
        max_value=512,
        help_text="Empty chooses a good one for the format. Sound that already needs no more is copied.",
        widget=forms.NumberInput(attrs={"data-when": "format=mp3|m4a|opus"}),
    )
    loudness_lufs = LoudnessField(attrs={"data-when": "format=mp3|m4a|opus|flac|wav"})
    mono = forms.BooleanField(
        label="Mix down to mono",
        required=False,
        widget=forms.CheckboxInput(attrs={"data-when": "format=mp3|m4a|opus|flac|wav"}),
    )

    def clean_bitrate_kbps(self) -> int | None:
        kbps = self.cleaned_data["bitrate_kbps"]
        most = audio_files.FORMATS[self.cleaned_data["format"]].maximum_kbps if self.encodes else 0
        if kbps and most and kbps > most:
            raise ValidationError(f"This format has at most {most} kbit/s. Choose no more than that.")
        # The field is hidden where it has no meaning: what may still stand in it concerns nobody.
        return kbps if most else None

    @property
    def encodes(self) -> bool:
        return self.cleaned_data.get("format") in audio_files.ENCODED

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if cleaned.get("format") == "copy":
            for name in ("loudness_lufs", "mono"):
                if cleaned.get(name):
                    self.add_error(name, "Copied sound cannot be changed. Choose another format.")
        return cleaned


@dataclasses.dataclass(frozen=True)
class ExtractAudioParams:
    """`track` is the place among the audio tracks; see jobs.engine.audio.track_file.AudioFileOptions for the others."""

    VERSION: ClassVar[int] = 1

    track: int | Literal["all"] = "all"
    format: AudioFormat = "copy"
    bitrate_kbps: int | None = None
    loudness_lufs: float | None = None
    mono: bool = False

    @property
    def options(self) -> AudioFileOptions:
        return AudioFileOptions(self.format, self.bitrate_kbps, self.loudness_lufs, self.mono)


class ExtractAudio(Operation[ExtractAudioParams]):
    slug = "extract-audio"
    makes_versions = False
    title = "Extract the audio"
    done = "Audio extracted"
    summary = "Saves the sound as its own file, copied without loss or in another format."
    description = "The sound as a file of its own, copied without loss where the format allows, tags and chapters kept."
    accepts = "audio"
    group = "Sound"
    icon = "wave"
    gist = "mp3, opus, flac"
    folded = (
        "track",
        "bitrate_kbps",
        "mono",
    )
    also_called = "sound alone podcast m4a wav aac music"
    queue = "fast"
    order = 30
    form_class = ExtractAudioForm
    params_class = ExtractAudioParams

    def check(self, info: MediaInfo, params: ExtractAudioParams) -> None:
        info.require_audio(params.track)

    def encodes_audio(self, info: MediaInfo, params: ExtractAudioParams) -> bool:
        return params.format not in ("copy", "flac")

    def makes(self, tracks: Tracks, params: ExtractAudioParams) -> Tracks:
        return Tracks(picture=False, audio=True)

    def ends_chain(self, params: ExtractAudioParams) -> bool:
        return True

    def queue_for(self, params: ExtractAudioParams) -> str:
        """Encoding grows with the recording, and would keep pictures and other quick work waiting."""
        return "fast" if params.format == "copy" else "encode"

    def pace_key(self, params: ExtractAudioParams) -> str:
        return f"{params.format}{'-loudness' * (params.loudness_lufs is not None)}"

    def copies(self, info: MediaInfo, params: ExtractAudioParams) -> str:
        tracks = info.require_audio(params.track)
        return "copies the sound" if all(track_file.can_copy(one, params.options) for one in tracks) else ""

    def run(self, context: Context, params: ExtractAudioParams) -> list[Draft]:
        tracks = context.info.require_audio(params.track)
        return [self.draft(context, params, track, number, len(tracks)) for number, track in enumerate(tracks)]

    def draft(self, context: Context, params: ExtractAudioParams, track: AudioTrack, number: int, of: int) -> Draft:
        suffix = track_file.file_for(track, params.options).suffix
        path = context.scratch / f"sound-{number}{suffix}"
        audio, work = AudioSource(context.source, context.info, track), context.workspace
        made = extract_audio.extract(audio, params.options, path, work.share(number / of, (number + 1) / of))
        # What tells several tracks of one recording apart.
        mark = " ".join(("", str(number + 1), track.title or track.language)).rstrip() if of > 1 else ""
        return Draft(path, "audio", safe_name(context.title + mark, suffix), made.file.media_type, made.to_json())
