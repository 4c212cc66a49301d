"""Trailers of films whose colour tells the time, with speech at known places."""

import itertools
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from jobs.engine.analysis import highlights
from jobs.engine.analysis.highlights import Excerpt
from jobs.engine.pipelines import trailer
from jobs.engine.pipelines.probe import inspect
from jobs.engine.pipelines.trailer import DUCKED, FADE, TrailerOptions
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.best_frames import BestFrame
from jobs.engine.video.source import Source
from jobs.errors import InputError
from tests import media, spoken

RED, GREEN, BLUE = (220, 40, 40), (40, 200, 60), (40, 60, 220)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Twelve seconds of moving detail under red, green and blue for four each, with a steady tone."""
    path = tmp_path_factory.mktemp("trailer") / "film.mp4"
    tints = "+".join(f"{{}}*between(t,{4 * place},{4 * place + 3.99})" for place in range(3))
    planes = (tints.format(*(colour[plane] for colour in (RED, GREEN, BLUE))) for plane in range(3))
    red, green, blue = (f"if(gt(random(1),0.98),255,{plane.replace('t,', 'T,')})" for plane in planes)
    media.run_ffmpeg(
        *(
            "-f",
            "lavfi",
            "-i",
            f"color=black:size=160x90:rate=25:duration=12,format=gbrp,geq=r='{red}':g='{green}':b='{blue}'",
        ),
        *media.tone(12),
        *("-vf", "scale=out_color_matrix=bt601,format=yuv420p", *media.FAST_X264, "-c:a", "aac", media.url(path)),
    )
    return path


def made(source, folder, plan, name="out.mp4", **told):
    out = folder / name
    return out, trailer.trailer(Source(source, inspect(source)), plan, out, Workspace(folder, **told))


def pictures(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def loudness(path):
    """Root mean square of each 0.1 s."""
    with av.open(str(path)) as container:
        parts = [frame.to_ndarray().mean(0) for frame in container.decode(audio=0)]
    samples = np.concatenate(parts)[: 48_000 * 100]
    return np.sqrt(np.mean(samples[: len(samples) // 4800 * 4800].reshape(-1, 4800) ** 2, axis=1))


# Choosing ------------------------------------------------------------------------------------------------------------


def test_excerpts_lie_apart_in_order_and_inside_of_the_recording(film):
    info = inspect(film)
    chosen = highlights.choose(film, info, 4, Fraction(2))
    assert len(chosen) == 4
    assert all(one.end <= other.start for one, other in itertools.pairwise(chosen))
    assert chosen[0].start >= 0
    assert chosen[-1].end <= info.duration


def test_a_short_recording_has_fewer_excerpts(film):
    assert len(highlights.choose(film, inspect(film), 9, Fraction(4))) <= 3
    (whole,) = highlights.choose(film, inspect(film), 2, Fraction(60))
    assert (whole.start, whole.length) == (0, inspect(film).duration)


def test_where_the_best_lie_on_each_other_they_are_spread_evenly():
    same = [Excerpt(Fraction(1), Fraction(4), 0.9), Excerpt(Fraction(2), Fraction(4), 0.8)]
    spread = [Excerpt(Fraction(0), Fraction(4)), Excerpt(Fraction(6), Fraction(4))]
    assert highlights.apart([*same, *spread], spread, 2) == [same[0], spread[1]]
    between = [Excerpt(Fraction(3), Fraction(4), 0.9)]
    assert highlights.apart([*between, *spread], spread, 2) == spread


@pytest.mark.skipif(not spoken.there(), reason="needs espeak-ng")
def test_an_excerpt_goes_to_where_somebody_speaks_and_begins_with_a_word(tmp_path):
    words = spoken.spoken("Remember the famous lesson, people happen to think about it in the morning.", "en-us")
    begin, end = 9, 9 + len(words) / spoken.RATE
    assert end > 12
    samples = np.zeros(20 * spoken.RATE, np.float32)
    samples[begin * spoken.RATE :][: len(words)] = words
    sound = spoken.write(tmp_path / "sound.wav", samples)
    film = tmp_path / "film.mp4"
    media.run_ffmpeg(*media.picture(20), "-i", sound, *media.FAST_X264, "-c:a", "aac", media.url(film))
    info = inspect(film)
    found = highlights.around(film, info, BestFrame(Fraction(10), 0.5), Fraction(3))
    assert begin - 0.6 < found.start < begin + 0.3
    silent = highlights.around(film, info, BestFrame(Fraction(17), 0.5), Fraction(3))
    assert silent.score < 0.6 * found.score


def test_without_sound_an_excerpt_holds_its_picture(film, tmp_path):
    mute = media.remuxed(film, tmp_path / "mute.mp4", "-an")
    found = highlights.around(mute, inspect(mute), BestFrame(Fraction(6), 0.5), Fraction(2))
    assert found.start <= 6 < found.end


# Making --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plain(film, tmp_path_factory):
    """A trailer of three excerpts without cards, and what it says of itself."""
    return made(film, tmp_path_factory.mktemp("plain"), TrailerOptions(Fraction(5), 3, 160))


def colour_at(time):
    return (RED, GREEN, BLUE)[min(2, int(time // 4))]


def usual(picture):
    """The colour between the specks."""
    return np.median(picture.reshape(-1, 3), axis=0)


def test_it_is_as_long_and_large_as_wished(plain):
    out, told = plain
    info = inspect(out)
    assert float(info.duration) == pytest.approx(5, abs=0.05)
    assert (info.video.width, info.video.height) == (160, 90)
    assert len(info.audio) == 1
    assert (told.size, told.seconds, len(told.excerpts)) == ((160, 90), 5, 3)


def test_excerpts_by_hand_come_in_their_order(film, tmp_path):
    chosen = ((Fraction(9), Fraction(10)), (Fraction(1), Fraction(5, 2)))
    out, told = made(film, tmp_path, TrailerOptions(Fraction(21, 10), 2, 160, excerpts=chosen))
    assert [(one.start, one.end) for one in told.excerpts] == list(chosen)
    shown = pictures(out)
    assert len(shown) == pytest.approx(25 * 2.1, abs=1)
    assert usual(shown[5]) == pytest.approx(BLUE, abs=12)
    assert usual(shown[-5]) == pytest.approx(RED, abs=12)


def test_its_colours_are_told_in_full(plain):
    with av.open(str(plain[0])) as container:
        context = container.streams.video[0].codec_context
        assert {int(context.colorspace), int(context.color_primaries), int(context.color_trc)} == {1}


def test_every_picture_is_the_one_of_its_excerpt_in_its_colour(plain):
    """Away from the cross-fades; 12 of 255 is what 4:2:0, two encodings and a change of matrix cost."""
    out, told = plain
    shown, start = pictures(out), 0.0
    for excerpt in told.excerpts:
        for into in (float(FADE) + 0.1, float(excerpt.length / 2), float(excerpt.length - FADE) - 0.1):
            wanted = colour_at(float(excerpt.start) + into)
            if wanted == colour_at(float(excerpt.start) + into - 0.1) == colour_at(float(excerpt.start) + into + 0.1):
                assert usual(shown[round((start + into) * told.rate)]) == pytest.approx(wanted, abs=12)
        start += float(excerpt.length - FADE)


@pytest.mark.parametrize(("seconds", "count"), [(3, 5), (6, 5), (2, 1)])
def test_short_excerpts_have_their_sound_throughout(film, tmp_path, seconds, count):
    """The steady tone of the film, but for the cross-fades."""
    out, told = made(film, tmp_path, TrailerOptions(Fraction(seconds), count, 160))
    loud, start = loudness(out), 0.0
    usual_loud = np.median(loud)
    for excerpt in told.excerpts:
        begin, end = start + float(FADE), start + float(excerpt.length - FADE)
        inside = loud[int(begin * 10) + 1 : int(end * 10) - 1]
        assert inside == pytest.approx(np.full(len(inside), usual_loud), rel=0.1)
        start += float(excerpt.length - FADE)
    assert len(loud) == pytest.approx(10 * seconds, abs=1)


def test_excerpts_fade_into_each_other(film, tmp_path):
    clips = [Excerpt(Fraction(1), Fraction(2)), Excerpt(Fraction(5), Fraction(2))]
    info, size = inspect(film), (160, 90)
    paths = [tmp_path / "0.mkv", tmp_path / "1.mkv"]
    for clip, path in zip(clips, paths, strict=True):
        media.run_ffmpeg(*trailer.cut_argv(Source(film, info), clip, path, trailer.Picture(size, 25), audio=True)[1:])
    with trailer.composed(paths, clips, TrailerOptions(Fraction(3), 2, 160), size) as composed:
        assert composed.duration == pytest.approx(float(4 - FADE))
        between = usual(composed.get_frame(2 - float(FADE) / 2))
    assert between == pytest.approx(np.add(RED, GREEN) / 2, abs=25)


@pytest.mark.parametrize("start", [0, 2.5, 6.5, 9.5])
def test_excerpts_of_a_stream_without_an_index_begin_where_they_should(film, tmp_path, start):
    """Between two keyframes, in codecs whose decoder gives nothing before it has one."""
    stream, cut = tmp_path / "film.ts", tmp_path / "0.mkv"
    hevc = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=100:scenecut=0")
    media.run_ffmpeg("-i", film, *hevc, "-c:a", "mp2", media.url(stream))
    clip = Excerpt(Fraction(start), Fraction(2))
    source = Source(stream, inspect(stream))
    media.run_ffmpeg(*trailer.cut_argv(source, clip, cut, trailer.Picture((160, 90), 25), audio=True)[1:])
    shown = pictures(cut)
    assert len(shown) == pytest.approx(25 * float(clip.length + trailer.SPARE), abs=2)
    wanted = [colour_at(start + number / 25) for number in (2, 10, 20, 30)]
    assert [usual(shown[number]) for number in (2, 10, 20, 30)] == [pytest.approx(colour, abs=16) for colour in wanted]
    # Cloned pictures are all the same, those of the film never.
    assert not any((one == other).all() for one, other in itertools.pairwise(shown[:45]))


def test_cards_darken_the_picture_and_duck_the_sound(film, tmp_path):
    out, _ = made(film, tmp_path, TrailerOptions(Fraction(9), 2, 160, title="Weekly review", closing="More inside"))
    shown, loud = pictures(out), loudness(out)
    middle, title, closing = (shown[round(at * 25)].max(2) for at in (4, 1, 8.5))
    for covered in (title, closing):
        assert np.median(covered) < 0.6 * np.median(middle)
        assert (covered[30:60] > 230).sum() > 30  # the letters
    usual_loud = np.median(loud[30:40])
    assert np.median(loud[8:12]) / usual_loud == pytest.approx(DUCKED, abs=0.06)
    assert np.median(loud[80:85]) / usual_loud == pytest.approx(DUCKED, abs=0.06)


def test_a_film_of_a_phone_held_upright_comes_out_upright(film, tmp_path):
    turned = media.remuxed(film, tmp_path / "turned.mp4", before=("-display_rotation", 90))
    out, told = made(turned, tmp_path, TrailerOptions(Fraction(2), 1, 64))
    assert told.size == (64, 114)
    assert inspect(out).video.display_size == (64, 114)


@pytest.mark.parametrize("kind", ["webp", "gif"])
def test_moving_images_last_as_long_and_come_again(film, tmp_path, kind):
    out, told = made(film, tmp_path, TrailerOptions(Fraction(2), 2, 96, format=kind, audio=False), f"out.{kind}")
    with Image.open(out) as image:
        assert (image.format.lower(), image.size, image.n_frames) == (kind, told.size, 24)
        assert image.info["loop"] == 0
        lasts = []
        for number in range(image.n_frames):
            image.seek(number)
            image.load()
            lasts.append(image.info["duration"])
    assert sum(lasts) == pytest.approx(2000, abs=100)


def test_it_is_silent_when_asked_or_when_there_is_no_sound(film, tmp_path):
    out, _ = made(film, tmp_path, TrailerOptions(Fraction(2), 1, 96, audio=False))
    assert inspect(out).audio == ()
    mute = media.remuxed(film, tmp_path / "mute.mp4", "-an")
    out, _ = made(mute, tmp_path, TrailerOptions(Fraction(2), 1, 96))
    assert inspect(out).audio == ()


def test_sound_alone_is_refused(tmp_path):
    tone = media.audio(tmp_path / "tone.m4a")
    with pytest.raises(InputError):
        made(tone, tmp_path, TrailerOptions(Fraction(2), 1, 96))


def test_stopping_leaves_nothing_behind(film, tmp_path):
    class Stop(Exception):
        pass

    def progress(fraction, stage):
        if fraction > 0.8:
            raise Stop

    with pytest.raises(Stop):
        made(film, tmp_path, TrailerOptions(Fraction(2), 2, 96), progress=progress)
    assert list(tmp_path.iterdir()) == []


def test_progress_only_goes_forward(film, tmp_path):
    told = []
    made(
        film,
        tmp_path,
        TrailerOptions(Fraction(2), 2, 96),
        progress=lambda fraction, stage: told.append((fraction, stage)),
    )
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0, 1)
    assert len({stage for _, stage in told}) >= 4
