import dataclasses
import zipfile
from fractions import Fraction
from pathlib import Path

import av
import pytest

from jobs.engine.model.mediainfo import VideoTrack
from jobs.engine.pipelines.convert import hls
from jobs.engine.pipelines.convert.framing import Shape
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from jobs.errors import Cancelled, InputError
from tests.clips import Picture, Sound, heard, lag, make, seen
from tests.engine.pipelines.test_convert import damaged
from tests.media import run_ffmpeg, url

LOUD = [(0.3, 0.8), (5.2, 5.7)]
UNEVEN = [Fraction(number, 25) + Fraction(number * 7 % 11, 600) for number in range(150)]
TALK = Picture(times=UNEVEN, size=(640, 360))
SOUNDS = [
    Sound(LOUD, seconds=6, language="eng", title='The "talk"'),
    Sound(LOUD, seconds=6, seed=2, language="deu", layout="mono"),
]


def run(source: Path, shape: Shape | None = None, **told) -> tuple[hls.Streamed, Path]:
    """The result, unpacked."""
    scratch, output = source.parent / "scratch", source.parent / "stream.zip"
    scratch.mkdir(exist_ok=True)
    made = hls.stream(Source(source, inspect(source)), shape or Shape(), output, Workspace(scratch, **told))
    assert list(scratch.iterdir()) == []
    with zipfile.ZipFile(output) as archive:
        archive.extractall(source.parent / "www")
    return made, source.parent / "www"


def joined(folder: Path) -> Path:
    """The segments of one rendition as a player puts them together."""
    path = folder / "all.mp4"
    first = next(folder.glob("init*.mp4"))
    path.write_bytes(b"".join(file.read_bytes() for file in [first, *sorted(folder.glob("*.m4s"))]))
    return path


def attributes(line: str) -> dict[str, str]:
    parts = line.split(":", 1)[1].split('"')
    text = "".join(part.replace(",", ";") if place % 2 else part for place, part in enumerate(parts))
    return dict(one.split("=", 1) for one in text.split(","))


@pytest.fixture(scope="module")
def streamed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hls")
    source = make(folder / "a.mkv", TALK, *SOUNDS)
    told: list[float] = []
    made, www = run(source, progress=lambda done, stage: told.append(done))
    return source, made, www, told


def test_every_size_shows_every_picture_in_time(streamed):
    source, made, www, _ = streamed
    truth = seen(source)
    assert [one.name for one in made.video_renditions] == ["360p", "240p"]
    for name, size in (("360p", (640, 360)), ("240p", (426, 240))):
        path = joined(www / name)
        assert inspect(path).video.display_size == size
        found = seen(path)
        # Pictures come at even distances, later by what decoding needs to begin.
        assert [one.time - found[0].time for one in found] == [Fraction(place, 25) for place in range(150)]
        for one in found:
            shown = truth[one.number].time - truth[0].time
            assert abs(one.time - found[0].time - shown) <= Fraction(1, 25)
        assert len({one.number for one in found}) > 140


def test_segments_of_all_sizes_begin_with_keyframes_at_the_same_instants(streamed):
    _, made, www, _ = streamed
    begins = []
    for one in made.video_renditions:
        starts = []
        first = next((www / one.name).glob("init*.mp4")).read_bytes()
        for file in sorted((www / one.name).glob("*.m4s")):
            alone = www / "alone.mp4"
            alone.write_bytes(first + file.read_bytes())
            with av.open(str(alone)) as container:
                packet = next(container.demux(video=0))
                assert packet.is_keyframe
                starts.append(packet.pts * packet.time_base)
        begins.append(starts)
    assert begins[0] == begins[1]
    assert len(begins[0]) == 2
    assert begins[0][1] - begins[0][0] == 4
    assert sum(made.video_renditions[0].seconds) == pytest.approx(6, abs=0.05)


def test_sound_is_in_step(streamed):
    source, _, www, _ = streamed
    original, rate = heard(source)
    result, _ = heard(joined(www / "sound-1"))
    later = seen(joined(www / "360p"))[0].time - seen(source)[0].time
    for at in (0.35, 5.3):
        begin = round((at + later) * rate)
        assert abs(lag(result, original, begin, round(at * rate))) <= 2


def test_the_main_playlist_says_what_there_is(streamed):
    _, made, www, _ = streamed
    lines = (www / hls.MASTER).read_text().splitlines()
    media = [attributes(line) for line in lines if line.startswith("#EXT-X-MEDIA:")]
    assert [(one["NAME"], one["LANGUAGE"], one["DEFAULT"], one["CHANNELS"]) for one in media] == [
        ("The 'talk'", "eng", "YES", "2"),
        ("deu", "deu", "NO", "1"),
    ]
    variants = [attributes(line) for line in lines if line.startswith("#EXT-X-STREAM-INF:")]
    assert [one["RESOLUTION"] for one in variants] == ["640x360", "426x240"]
    assert all(one["CODECS"].startswith("avc1.64") and one["CODECS"].endswith(";mp4a.40.2") for one in variants)
    assert [int(one["BANDWIDTH"]) > int(one["AVERAGE-BANDWIDTH"]) > 0 for one in variants] == [True, True]
    assert made.to_json()["summary"] == "360p, 240p, 2 segments"


def test_a_player_finds_its_way_from_the_main_playlist(streamed):
    _, _, www, _ = streamed
    out = www / "played.mkv"
    # The best size and the first sound are what a player takes.
    run_ffmpeg("-i", url(www / hls.MASTER), "-map", "0:v:0", "-map", "0:a:0", "-c", "copy", url(out))
    assert len(seen(out)) == 150


def test_progress_rises_to_the_end(streamed):
    told = streamed[3]
    assert told == sorted(told)
    assert told[-1] == 1
    # ffmpeg tells twice a second where the track that is furthest on is; for a clip this short that may be its end.
    assert any(0 < one <= hls.ENCODE_SHARE for one in told)
    assert any(hls.ENCODE_SHARE < one < 1 for one in told)


@pytest.mark.parametrize(
    ("size", "shape", "sides"),
    [
        ((1920, 1080), Shape(), [1080, 720, 480, 360, 240]),
        ((3840, 2160), Shape(), [2160, 1440, 1080, 720, 480]),
        ((1280, 800), Shape(), [800, 480, 360, 240]),
        ((1920, 1080), Shape(resolution=720), [720, 480, 360, 240]),
        ((1080, 1920), Shape(crop="1:1"), [1080, 720, 480, 360, 240]),
        ((160, 90), Shape(), [90]),
    ],
)
def test_a_ladder_goes_down_from_the_recording(size, shape, sides):
    found = hls.ladder(VideoTrack(0, "h264", *size, frame_rate=Fraction(25)), shape)
    assert [one.short_side for one in found] == sides
    rates = [hls.maximum_kbps(one) for one in found]
    assert rates == sorted(rates, reverse=True)


def test_pixels_become_square_and_the_picture_upright(tmp_path):
    picture = dataclasses.replace(Picture(seconds=1), sample_aspect=Fraction(2), rotation=90)
    made, www = run(make(tmp_path / "a.mp4", picture))
    track = inspect(joined(www / "96p")).video
    assert (track.width, track.height, track.sample_aspect, track.rotation) == (96, 320, 1, 0)
    assert made.audio_renditions == ()


def test_sound_alone_is_refused(tmp_path):
    with pytest.raises(InputError) as refused:
        run(make(tmp_path / "a.m4a", None, SOUNDS[0]))
    assert refused.value.code == "no_picture"


def test_a_damaged_recording_is_refused(tmp_path):
    with pytest.raises(InputError) as refused:
        run(damaged(tmp_path / "a.mp4", 60))
    assert refused.value.code == "damaged"


def test_stopping_it_leaves_nothing(tmp_path):
    def stop(done: float, stage: str) -> None:
        if stage.startswith("Encoding"):
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        run(make(tmp_path / "a.mp4", Picture(seconds=1)), progress=stop)
    assert list((tmp_path / "scratch").iterdir()) == []
    assert not (tmp_path / "stream.zip").exists()
