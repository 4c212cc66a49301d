"""Sound taken out of recordings: copies compared packet by packet, encoded ones by what is heard in them."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from jobs.engine.audio import loudness, track_file
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.track_file import AudioFileOptions, can_copy
from jobs.engine.container import audio_files
from jobs.engine.model.mediainfo import AudioTrack
from jobs.engine.pipelines import extract_audio
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.errors import Cancelled, InputError
from tests import clips, media

LOUD = [(0.4, 1.2), (2.0, 2.8)]
PICTURE = clips.Picture(seconds=3)
TAGS = {"title": "Über das Reden", "artist": "Ann"}


def taken(source: Path, output: Path, place: int = 0, *, progress=lambda done, stage: None, **options):
    info = inspect(source)
    work = Workspace(output.parent, progress=progress)
    return extract_audio.extract(
        AudioSource(source, info, info.audio[place]), AudioFileOptions(**options), output, work
    )


def packets(path: Path, place: int = 0) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(container.streams.audio[place]) if packet.size]


@pytest.mark.parametrize(
    ("codec", "name", "suffix", "form"),
    [
        ("aac", "talk.mp4", ".m4a", "m4a"),
        ("mp3", "talk.mp4", ".mp3", "mp3"),
        ("libopus", "talk.mkv", ".opus", "opus"),
        ("flac", "talk.mkv", ".flac", "flac"),
        ("pcm_s16le", "talk.mkv", ".wav", "wav"),
        ("vorbis", "talk.mkv", ".ogg", None),
        ("ac3", "talk.mkv", ".mka", None),
    ],
)
def test_a_copy_has_the_very_same_packets_in_the_file_that_suits_them(tmp_path, codec, name, suffix, form):
    source = clips.make(tmp_path / name, PICTURE, clips.Sound(loud=LOUD, seconds=3, codec=codec))
    assert track_file.file_for(inspect(source).audio[0], AudioFileOptions()).suffix == suffix
    for number, options in enumerate([AudioFileOptions(), *([AudioFileOptions(form)] if form else [])]):
        output = tmp_path / f"{number}{suffix}"
        made = taken(source, output, format=options.format)
        assert made.copied
        # WAV has no packets of its own: only the samples have to be the same.
        assert b"".join(packets(output)) == b"".join(packets(source))
        assert codec.startswith("pcm") or packets(output) == packets(source)
        assert abs(made.info.duration - 3) < Fraction(1, 20)


@pytest.mark.parametrize(
    ("form", "codec", "suffix"),
    [
        ("mp3", "mp3", ".mp3"),
        ("m4a", "aac", ".m4a"),
        ("opus", "opus", ".opus"),
        ("flac", "flac", ".flac"),
        ("wav", "pcm_s16le", ".wav"),
    ],
)
def test_what_is_encoded_sounds_when_it_did(tmp_path, form, codec, suffix):
    sound = clips.Sound(loud=LOUD, seconds=3, codec="ac3")
    source = clips.make(tmp_path / "talk.mkv", PICTURE, sound)
    output = tmp_path / f"out{suffix}"
    made = taken(source, output, format=form)
    assert not made.copied
    assert made.info.audio[0].codec == codec
    heard, rate = clips.heard(output)
    original, _ = clips.heard(source)
    assert rate == 48_000
    for at in (round(0.6 * rate), round(2.3 * rate)):
        # MP3 files say nothing of the encoder's delay that this reader heeds: 1105 samples, 23 ms.
        assert abs(clips.lag(heard, original, at, at)) <= (1200 if form == "mp3" else 1)


def test_sound_that_starts_late_and_is_encoded_still_fits_the_picture(tmp_path):
    sound = clips.Sound(loud=[(1, 3)], seconds=2, start=Fraction(1), codec="flac")
    source = clips.make(tmp_path / "talk.mkv", PICTURE, sound)
    taken(source, tmp_path / "out.wav", format="wav")
    heard, rate = clips.heard(tmp_path / "out.wav")
    assert np.abs(heard[: round(0.99 * rate)]).max() == 0
    assert np.abs(heard[rate : round(1.1 * rate)]).max() > 0.1


def test_one_of_several_tracks_is_the_one_asked_for(tmp_path):
    sounds = [
        clips.Sound(loud=LOUD, seconds=3, seed=seed, language=tongue) for seed, tongue in ((1, "eng"), (2, "deu"))
    ]
    source = clips.make(tmp_path / "talk.mp4", PICTURE, *sounds)
    made = taken(source, tmp_path / "second.m4a", 1)
    assert packets(tmp_path / "second.m4a") == packets(source, 1) != packets(source, 0)
    assert made.info.audio[0].language == "deu"
    assert made.to_json()["language"] == "deu"


def test_no_more_bits_than_asked_for(tmp_path):
    source = clips.make(tmp_path / "talk.mp4", PICTURE, clips.Sound(loud=[(0, 3)], seconds=3, bit_rate=256_000))
    made = taken(source, tmp_path / "small.m4a", format="m4a", bitrate_kbps=64)
    assert not made.copied
    assert made.info.size_bytes * 8 / 3 < 80_000


@pytest.mark.parametrize(
    ("options", "copied"),
    [
        (AudioFileOptions("m4a"), True),
        (AudioFileOptions("m4a", bitrate_kbps=192), True),
        (AudioFileOptions("m4a", bitrate_kbps=128), False),
        (AudioFileOptions("m4a", loudness_lufs=-16), False),
        (AudioFileOptions("m4a", mono=True), False),
        (AudioFileOptions("mp3"), False),
        (AudioFileOptions("copy"), True),
    ],
)
def test_it_copies_only_what_already_is_as_wished(options, copied):
    assert can_copy(AudioTrack(1, "aac", 48_000, 2, bit_rate=192_000), options) is copied


def test_one_channel_that_is_to_be_one_channel_is_copied():
    assert can_copy(AudioTrack(1, "mp3", 48_000, 1, bit_rate=64_000), AudioFileOptions("mp3", mono=True))


def test_a_rate_that_is_not_known_is_not_taken_for_a_small_one():
    assert not can_copy(AudioTrack(1, "mp3", 48_000, 2), AudioFileOptions("mp3", bitrate_kbps=320))


@pytest.mark.parametrize("form", ["mp3", "m4a", "opus"])
def test_the_loudness_is_what_was_asked_for(tmp_path, form):
    source = media.audio(tmp_path / "tone.wav", "-af", "volume=-30dB", "-ac", 2, seconds=8)
    output = tmp_path / f"out{audio_files.FORMATS[form].suffix}"
    made = taken(source, output, format=form, loudness_lufs=-16.0)
    info = inspect(output)
    result = loudness.measure(AudioSource(output, info, info.audio[0]), progress=lambda done: None)
    assert result.integrated_lufs == pytest.approx(-16, abs=0.5)
    assert made.levelling.after.integrated_lufs == pytest.approx(-16, abs=0.5)
    assert made.summary == "Encoded at -16.0 LUFS"


def test_both_channels_are_mixed_into_one(tmp_path):
    source = tmp_path / "two.wav"
    media.run_ffmpeg("-f", "lavfi", "-i", "aevalsrc=0.4*sin(880*PI*t)|0:d=2", media.url(source))
    made = taken(source, tmp_path / "one.flac", format="flac", mono=True)
    assert made.info.audio[0].channels == 1
    heard, _ = clips.heard(tmp_path / "one.flac")
    assert np.abs(heard).max() == pytest.approx(0.2, abs=0.01)


def test_six_channels_become_two_where_a_format_has_no_more(tmp_path):
    source = clips.make(tmp_path / "six.mkv", None, clips.Sound(loud=LOUD, seconds=3, codec="ac3", layout="5.1"))
    assert taken(source, tmp_path / "six.mp3", format="mp3").info.audio[0].channels == 2
    assert taken(source, tmp_path / "six.opus", format="opus").info.audio[0].channels == 6


def test_24_bits_stay_24_bits_without_loss(tmp_path):
    source = tmp_path / "deep.wav"
    media.run_ffmpeg("-f", "lavfi", "-i", "aevalsrc=0.3*sin(440*t):d=1", "-c:a", "pcm_s24le", media.url(source))
    taken(source, tmp_path / "deep.flac", format="flac")
    samples = clips.heard(source)[0]
    assert np.any(np.modf(samples * 2**15)[0])  # more than 16 bits could tell
    assert np.array_equal(clips.heard(tmp_path / "deep.flac")[0], samples)


@pytest.fixture
def told(tmp_path) -> Path:
    """A recording with tags and two chapters."""
    chapters = tmp_path / "chapters.txt"
    lines = [";FFMETADATA1", *(f"{key}={value}" for key, value in TAGS.items())]
    for start, title in ((0, "First"), (1500, "Second")):
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", f"START={start}", f"END={start + 1500}", f"title={title}"]
    chapters.write_text("\n".join(lines))
    source = media.video(tmp_path / "plain.mp4", seconds=3)
    told = tmp_path / "told.mp4"
    media.run_ffmpeg(
        *("-i", media.url(source), "-i", media.url(chapters), "-map_metadata", 1, "-map_chapters", 1),
        *("-c", "copy", media.url(told)),
    )
    return told


@pytest.mark.parametrize("form", ["copy", "mp3", "m4a", "opus", "flac", "wav"])
def test_tags_are_kept_and_chapters_where_the_format_has_them(tmp_path, told, form):
    output = tmp_path / f"out{track_file.file_for(inspect(told).audio[0], AudioFileOptions(form)).suffix}"
    taken(told, output, format=form)
    with av.open(str(output)) as container:
        tags = {**container.metadata, **container.streams.audio[0].metadata}
        found = {key.lower(): value for key, value in tags.items()}
        assert {key: found[key] for key in TAGS} == TAGS
        assert found.get("major_brand", "M4A ") == "M4A "
        if form not in ("flac", "wav"):
            assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["First", "Second"]


def test_tags_of_an_ogg_file_are_kept_too(tmp_path):
    options = [part for key, value in TAGS.items() for part in ("-metadata", f"{key}={value}")]
    source = media.audio(tmp_path / "talk.opus", *options, seconds=1)
    taken(source, tmp_path / "out.mp3", format="mp3")
    with av.open(str(tmp_path / "out.mp3")) as container:
        assert {key: container.metadata[key] for key in TAGS} == TAGS


def test_what_no_file_holds_as_it_is_is_refused_with_a_way_out(tmp_path):
    # DV has its sound in its own frames, and Matroska does not take this codec.
    source = tmp_path / "talk.avi"
    media.run_ffmpeg(
        *media.tone(1, sample_rate=8000), "-c:a", "adpcm_swf", "-ar", 11025, "-f", "flv", media.url(source)
    )
    with pytest.raises(InputError) as refused:
        taken(source, tmp_path / "out.mka")
    assert refused.value.code == "cannot_copy"
    assert not (tmp_path / "out.mka").exists()
    assert taken(source, tmp_path / "out.flac", format="flac").info.audio[0].codec == "flac"


def test_progress_is_measured_and_stopping_leaves_nothing(tmp_path):
    source = media.audio(tmp_path / "tone.wav", seconds=8)
    heard = []
    taken(source, tmp_path / "a.mp3", format="mp3", loudness_lufs=-20.0, progress=lambda *told: heard.append(told))
    fractions = [fraction for fraction, _ in heard]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert list(dict.fromkeys(stage for _, stage in heard)) == [
        "Measuring the loudness",
        "Encoding the sound",
    ]

    def stop(fraction, stage):
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        taken(source, tmp_path / "b.mp3", format="mp3", progress=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp3", "tone.wav"]
