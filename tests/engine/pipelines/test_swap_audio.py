"""Another recording's sound under a picture: where it lies, what stays, and that the picture is not touched."""

import subprocess
from pathlib import Path

import av
import numpy as np
import pytest

from jobs.engine.analysis.alignment import Alignment
from jobs.engine.analysis.coarse_offset import ClockLine
from jobs.engine.analysis.gcc_phat import delay
from jobs.engine.audio import decoder
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.audio.drift_resampler import resampled
from jobs.engine.container import ffmpeg
from jobs.engine.pipelines import swap_audio
from jobs.engine.pipelines.swap_audio import SwapOptions, Swapped
from jobs.engine.probe.inspection import inspect
from jobs.engine.render import replace_audio
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from jobs.errors import InputError, ToolError
from tests import spoken
from tests.media import picture, run_ffmpeg, url
from tests.rooms import at, camera, recorder

pytestmark = pytest.mark.skipif(not spoken.there(), reason="espeak-ng is not installed")

SECONDS = 30
WITHIN_MS = 1.0
"""A fifth of what is asked for."""
B_FRAMES = ("-c:v", "libx264", "-preset", "veryfast", "-g", "25", "-bf", "2", "-pix_fmt", "yuv420p")


def sound(path: Path) -> AudioSource:
    info = inspect(path)
    return AudioSource(path, info, info.audio[0])


def saved(path: Path, samples, *options: str) -> AudioSource:
    wav = spoken.write(path.with_suffix(".pcm.wav"), samples)
    run_ffmpeg("-i", url(wav), *options, url(path))
    return sound(path)


@pytest.fixture(scope="module")
def talk() -> spoken.Talk:
    return spoken.talk(3, SECONDS)


def film(path: Path, talk: spoken.Talk, *options: str) -> AudioSource:
    wav = spoken.write(path.with_suffix(".pcm.wav"), camera(talk, noise_db=10))
    run_ffmpeg(*picture(SECONDS, 25, "64x48"), "-i", url(wav), *options, url(path))
    return sound(path)


@pytest.fixture(scope="module")
def filmed(talk, tmp_path_factory) -> AudioSource:
    return film(tmp_path_factory.mktemp("filmed") / "camera.mp4", talk, *B_FRAMES, "-c:a", "aac")


def swapped(
    own: AudioSource, other: AudioSource, folder: Path, mode: swap_audio.Mode = "replace", **options
) -> tuple[Path, Swapped]:
    output = folder / f"out{swap_audio.suffix_for(own, mode)}"
    told = []
    work = Workspace(folder, progress=lambda fraction, stage: told.append(fraction))
    done = swap_audio.swap(own, other, SwapOptions(mode, **options), output, work)
    assert told == sorted(told)
    assert told[-1] == 1
    return output, done


def samples_of(path: Path, track: int = 0) -> np.ndarray:
    info = inspect(path)
    with decoder.decoded(AudioSource(path, info, info.audio[track]), rate=16_000, channels=1) as stream:
        return stream.read(16_000 * (SECONDS + 5))[:, 0]


def late_ms(path: Path, talk: spoken.Talk, begin: float, end: float, track: int = 0) -> list[float]:
    """By how much the sound comes late, every two seconds, against the talk itself; pauses are left out."""
    found = samples_of(path, track)
    wanted = at(talk.samples, np.arange(16_000 * SECONDS) * spoken.RATE / 16_000)
    late = []
    for start in np.arange(begin + 0.2, end - 2.2, 2):
        first, reach = int(start * 16_000), 1600
        piece = wanted[first : first + 32_000]
        around = found[first - reach : first + 32_000 + reach]
        if spoken.rms(piece) > 0.02 and (one := delay(piece, around, 16_000)):
            late.append((one.samples - reach) / 16)
    assert late
    return late


def pictures(path: Path) -> list[str]:
    """Time, duration and hash of each picture as ffmpeg shows it."""
    argv = [ffmpeg.program(), "-v", "error", "-i", url(path), "-map", "0:v", "-f", "framemd5", "-"]
    lines = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in lines if not line.startswith("#")]


def stored_sound(path: Path, track: int) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=track) if packet.size]


@pytest.mark.parametrize(
    ("start", "seconds", "ppm", "noise_db", "name", "options"),
    [
        (-6, 60, 145, 20, "o.flac", ()),
        (0, 30, -145, 5, "o.mp3", ("-ar", "44100", "-b:a", "96k", "-af", "volume=-25dB")),
        (7.3, 16, 60, 20, "o.ogg", ("-c:a", "libopus", "-ac", "2")),
    ],
    ids=["begun before", "soft and noisy", "of a part"],
)
def test_the_new_sound_fits_everywhere(talk, filmed, tmp_path, start, seconds, ppm, noise_db, name, options):
    other = saved(tmp_path / name, recorder(talk, start, seconds, ppm, noise_db), *options)

    output, done = swapped(filmed, other, tmp_path)

    begin, end = max(0, start), min(SECONDS, start + seconds)
    assert np.abs(late_ms(output, talk, begin, end)).max() < WITHIN_MS
    assert pictures(output) == pictures(filmed.path)
    assert done.pictures == SECONDS * 25
    facts = done.to_json()
    assert facts["offset_ms"] == pytest.approx(start * 1000, abs=1)
    # A millisecond over what is compared.
    assert facts["drift_ppm"] == pytest.approx(ppm, abs=1000 / (end - begin))
    assert facts["confidence"] > 0.45
    assert inspect(output).duration == pytest.approx(inspect(filmed.path).duration, abs=0.03)


def test_where_the_other_one_has_nothing_the_own_sound_stays(talk, filmed, tmp_path):
    other = saved(tmp_path / "other.wav", recorder(talk, 9, 12, 0, 40))

    output, _ = swapped(filmed, other, tmp_path)

    own, new = samples_of(filmed.path), samples_of(output)
    for start, end, is_own in ((1, 8.8, True), (9.2, 20.8, False), (21.2, 29, True)):
        part = slice(int(start * 16_000), int(end * 16_000))
        # What is left of lossy coding is some 20 dB below; another microphone is not even alike.
        alike = np.corrcoef(own[part], new[part])[0, 1] > 0.97
        assert alike == is_own, (start, end)


def test_a_mix_has_both_in_their_shares(talk, filmed, tmp_path):
    other = saved(tmp_path / "other.wav", recorder(talk, 0, SECONDS, 0, 40))
    own = samples_of(filmed.path)

    output, _ = swapped(filmed, other, tmp_path, "mix", balance=0.25)

    part = slice(16_000, (SECONDS - 2) * 16_000)
    theirs = samples_of(other.path)[part]
    found = np.linalg.lstsq(np.stack((own[part], theirs), axis=1), samples_of(output)[part], rcond=None)[0]
    assert found == pytest.approx((0.75, 0.25), abs=0.02)


def test_an_added_track_comes_last_and_leaves_the_first_as_it_is(talk, filmed, tmp_path):
    other = saved(tmp_path / "other.wav", recorder(talk, 5, 20, 100, 20))

    output, _ = swapped(filmed, other, tmp_path, "add")

    with av.open(str(output)) as container:
        assert [track.metadata["handler_name"] for track in container.streams.audio][1:] == ["Other recording"]
    assert stored_sound(output, 0) == stored_sound(filmed.path, 0)
    assert np.abs(late_ms(output, talk, 5, 25, track=1)).max() < WITHIN_MS
    # From its start to 5 s there is nothing.
    assert spoken.rms(samples_of(output, 1)[: 4 * 16_000]) < 1e-4


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("camera.webm", ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus")),
        ("camera.ts", (*B_FRAMES, "-c:a", "aac", "-output_ts_offset", "1000")),
    ],
)
def test_it_fits_in_other_containers_too(talk, tmp_path, name, options):
    own = film(tmp_path / name, talk, *options)
    other = saved(tmp_path / "other.wav", recorder(talk, -3, 50, 0, 20))

    output, done = swapped(own, other, tmp_path)

    assert output.suffix == (".mkv" if name.endswith("webm") else ".mp4")
    # Sound may begin before the picture, as that of a camera does; Matroska counts milliseconds.
    begins = np.median(late_ms(own.path, talk, 0, SECONDS))
    assert np.abs(late_ms(output, talk, 0, SECONDS) - begins).max() < 2 * WITHIN_MS
    assert done.pictures == len(pictures(own.path))
    assert [line.split(",")[-1] for line in pictures(output)] == [line.split(",")[-1] for line in pictures(own.path)]


def test_a_recording_of_sound_alone_stays_one(talk, tmp_path):
    own = saved(tmp_path / "own.m4a", camera(talk, noise_db=10), "-c:a", "aac")
    other = saved(tmp_path / "other.wav", recorder(talk, 2, 20, 0, 20))

    output, done = swapped(own, other, tmp_path)

    assert (output.suffix, done.pictures) == (".m4a", 0)
    assert np.abs(late_ms(output, talk, 2, 22)).max() < WITHIN_MS


def test_another_talk_is_refused_with_its_figures_and_nothing_stays(filmed, tmp_path):
    other = saved(tmp_path / "other.wav", spoken.talk(4, 40).samples)

    with pytest.raises(InputError, match="do not seem to be of the same event") as refused:
        swapped(filmed, other, tmp_path)

    assert refused.value.code == "unlike"
    assert {path.name for path in tmp_path.iterdir()} == {"other.wav", "other.pcm.wav"}


def test_stopping_leaves_nothing(talk, filmed, tmp_path):
    other = saved(tmp_path / "other.wav", recorder(talk, 0, 30, 0, 20))

    def stop(fraction: float, stage: str) -> None:
        if stage == "Moving the sound into place":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swap_audio.swap(filmed, other, SwapOptions(), tmp_path / "out.mp4", Workspace(tmp_path, progress=stop))
    assert {path.name for path in tmp_path.iterdir()} == {"other.wav", "other.pcm.wav"}


def test_a_picture_that_is_not_the_same_is_noticed(filmed, tmp_path):
    short = tmp_path / "short.mp4"
    run_ffmpeg("-i", url(filmed.path), "-c", "copy", "-frames:v", 700, url(short))
    late = tmp_path / "late.mp4"
    run_ffmpeg("-itsoffset", "0.04", "-i", url(filmed.path), "-map", "0:v", "-c", "copy", "-copyts", url(late))

    assert replace_audio.require_same_picture(Source(filmed.path, filmed.info), filmed.path, ".mp4") == SECONDS * 25
    for other in (short, late):
        with pytest.raises(ToolError, match="picture did not come out"):
            replace_audio.require_same_picture(Source(filmed.path, filmed.info), other, ".mp4")


@pytest.mark.parametrize("pace", [1 + 145e-6, 1 - 900e-6, 1])
def test_retiming_moves_a_tone_by_the_ratio_alone(pace):
    rate, hertz, seconds = 48_000, 3000.0, 20
    tone = np.sin(2 * np.pi * hertz * np.arange(rate * seconds) / rate).astype(np.float32)[:, None]

    found = np.concatenate(list(resampled(np.array_split(tone, 7), pace, 1)))[:, 0]

    assert len(found) == pytest.approx(rate * seconds / pace, abs=2)
    wanted = np.sin(2 * np.pi * hertz * pace * np.arange(len(found)) / rate)
    inside = slice(100, -100)
    assert spoken.rms(found[inside] - wanted[inside]) < 1e-4


def test_words_tell_the_sign():
    found = Alignment(ClockLine(20.0123, 1 + 145e-6), 31, 32, 0.0001, 0.0, 40.0)

    told = Swapped(found, "replace", 1000)

    assert told.summary == "Offset −20\u202f009.4 ms, drift +145.0 ppm, confidence 97 %"
    assert "started before the video" in dict(told.facts)["Offset"]
    assert swap_audio.signed(-0.04, 1) == "0.0"


@pytest.mark.parametrize(
    ("slope", "words"),
    [
        (1 + 1e-8, "0.0 ppm: both clocks run alike"),
        (1 + 145e-6, "+145.0 ppm: its clock runs fast, which is corrected"),
        (1 - 145e-6, "−145.0 ppm: its clock runs slow, which is corrected"),
    ],
)
def test_drift_is_told_in_words(slope, words):
    told = Swapped(Alignment(ClockLine(0.0, slope), 6, 6, 0.0, 0.0, 60.0), "replace", 10)
    assert dict(told.facts)["Drift"] == words
