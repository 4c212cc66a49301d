"""Files that are encrypted, hold sound that nothing here decodes, or have garbage around their sound."""

import random
from fractions import Fraction

import pytest

from jobs.engine.audio import track_file
from jobs.engine.audio.audio_source import AudioSource
from jobs.engine.container import mp3_frames
from jobs.engine.edit.cut_params import CutParams
from jobs.engine.pipelines import extract_audio
from jobs.engine.pipelines.silence_cut import cut
from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.workspace import Workspace
from jobs.engine.video.source import Source
from jobs.errors import InputError
from tests.clips import Picture, Sound, heard, lag, make, seen
from tests.media import remuxed, run_ffmpeg, tone, url

KEY = "00112233445566778899aabbccddeeff"


def garbage(count, seed=1):
    return random.Random(seed).randbytes(count)


# Encrypted -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fragments", [(), ("-movflags", "frag_keyframe+empty_moov")])
def test_mp4_with_common_encryption_is_said_to_be_encrypted(tmp_path, fragments):
    source = make(tmp_path / "talk.mp4", Picture(seconds=1), Sound([(0, 1)], 1))
    keys = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", KEY, "-encryption_kid", KEY)
    made = remuxed(source, tmp_path / "locked.mp4", *keys, *fragments)
    assert b"encv" in made.read_bytes()
    assert b"enca" in made.read_bytes()
    with pytest.raises(InputError, match=r"encrypted .* Upload one that is not") as error:
        inspect(made)
    assert error.value.code == "encrypted"


@pytest.mark.parametrize("kind", ["drms", "enca"])
def test_sound_alone_that_is_encrypted_is_said_to_be(tmp_path, kind):
    made = make(tmp_path / "song.m4a", None, Sound([(0, 1)], 1))
    made.write_bytes(made.read_bytes().replace(b"mp4a", kind.encode(), 1))
    with pytest.raises(InputError) as error:
        inspect(made)
    assert error.value.code == "encrypted"


def test_matroska_with_content_encryption_is_said_to_be_encrypted(tmp_path):
    made = make(tmp_path / "talk.webm", Picture(seconds=1, codec="libvpx"), Sound([(0, 1)], 1, codec="libopus"))
    data = made.read_bytes()
    # ContentEncodings with a ContentEncoding of type 1 (encryption), AES; in place of a void as long.
    encryption = bytes.fromhex("50358447e18105")
    encoding = bytes.fromhex("6240") + bytes([0x80 | (4 + len(encryption))]) + bytes.fromhex("50338101") + encryption
    encodings = bytes.fromhex("6d80") + bytes([0x80 | len(encoding)]) + encoding
    made.write_bytes(in_first_track(data, encodings))
    with pytest.raises(InputError) as error:
        inspect(made)
    assert error.value.code == "encrypted"


def in_first_track(data: bytes, element: bytes) -> bytes:
    """A WebM file with an element more in its first track; sizes of unknown length take the place of all around."""
    segment, cluster = data.index(bytes.fromhex("18538067")), data.index(bytes.fromhex("1f43b675"))
    # The first one only says where the other is.
    tracks = data.rindex(bytes.fromhex("1654ae6b"), 0, cluster)
    unknown = b"\x01" + b"\xff" * 7
    width = 9 - data[segment + 4].bit_length()
    head = data[: segment + 4] + unknown + data[segment + 4 + width : tracks + 4]
    at = tracks + 4
    width = 9 - data[at].bit_length()
    length = int.from_bytes(data[at : at + width]) & ((1 << 7 * width) - 1)
    body = data[at + width : at + width + length]
    entry = 9 - body[1].bit_length()
    own = int.from_bytes(body[1 : 1 + entry]) & ((1 << 7 * entry) - 1)
    first = body[1 + entry : 1 + entry + own] + element
    grown = b"\xae" + (len(first) | 1 << 28).to_bytes(4) + first + body[1 + entry + own :]
    return head + (len(grown) | 1 << 28).to_bytes(4) + grown + data[at + width + length :]


def test_a_scrambled_transport_stream_is_said_to_be_encrypted(tmp_path):
    source = make(tmp_path / "talk.mp4", Picture(seconds=2), Sound([(0, 2)], 2))
    made = remuxed(source, tmp_path / "talk.ts")
    assert inspect(made).video
    data = bytearray(made.read_bytes())
    for at in range(0, len(data), 188):
        if int.from_bytes(data[at + 1 : at + 3]) & 0x1FFF in (0x100, 0x101):
            data[at + 3] |= 0x80
    made.write_bytes(bytes(data))
    with pytest.raises(InputError) as error:
        inspect(made)
    assert error.value.code == "encrypted"


# Unknown sound -------------------------------------------------------------------------------------------------------


def stored_as(path, entry):
    """The same file with its first sound stored as something else, whose description is nobody's business."""
    path.write_bytes(path.read_bytes().replace(b"mp4a", entry.encode(), 1).replace(b"esds", b"free", 1))


@pytest.mark.parametrize(("entry", "name"), [("ac-4", "AC-4"), ("mhm1", "MPEG-H"), ("zzzz", "an unknown format")])
def test_the_picture_of_a_recording_whose_sound_is_unknown_can_be_worked_on(tmp_path, entry, name):
    made = make(tmp_path / "talk.mp4", Picture(seconds=2), Sound([(0, 2)], 2))
    stored_as(made, entry)
    info = inspect(made)
    assert (info.video is not None, info.audio, info.unread) == (True, (), (name,))
    result = cut(Source(made, info), CutParams(keep=((1, 2),)), tmp_path / "cut.mp4", Workspace(tmp_path))
    assert [picture.number for picture in seen(tmp_path / "cut.mp4")] == list(range(25, 50))
    assert result.notes == ("Left out: a sound track that cannot be read.",)
    with pytest.raises(InputError, match=rf"cannot be read here \({name}\)"):
        cut(Source(made, info), CutParams(), tmp_path / "cut.mp4", Workspace(tmp_path))


def test_one_known_track_beside_an_unknown_one_is_worked_on(tmp_path):
    made = make(tmp_path / "talk.mp4", Picture(seconds=1), Sound([(0, 1)], 1), Sound([(0, 1)], 1))
    stored_as(made, "ac-4")
    info = inspect(made)
    assert (len(info.audio), info.unread) == (1, ("AC-4",))


def test_sound_alone_that_is_unknown_is_refused(tmp_path):
    made = make(tmp_path / "song.m4a", None, Sound([(0, 1)], 1))
    stored_as(made, "ac-4")
    with pytest.raises(InputError) as error:
        inspect(made)
    assert error.value.code == "unknown_codec"


# Garbage around MP3 --------------------------------------------------------------------------------------------------


@pytest.fixture
def song(tmp_path):
    source = make(tmp_path / "song.wav", None, Sound([(0.2, 1), (1.5, 5.5)], 6, codec="pcm_s16le", bit_rate=0))
    run_ffmpeg("-i", url(source), "-b:a", "128k", "-id3v2_version", 0, url(tmp_path / "song.mp3"))
    return (tmp_path / "song.mp3").read_bytes()


def id3(count):
    size = bytes(count >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3\x04\0\0" + size + bytes(count)


def ape(count):
    return b"APETAGEX" + (2000).to_bytes(4, "little") + count.to_bytes(4, "little") + bytes(16) + bytes(count)


AROUND = {
    "nothing": lambda song: song,
    "200 kB in front": lambda song: garbage(200_000) + song,
    "20 kB in front": lambda song: garbage(20_000) + song,
    "zeros in front": lambda song: bytes(200_000) + song,
    "200 kB behind": lambda song: song + garbage(200_000),
    "2 MB behind": lambda song: song + garbage(2_000_000),
    "zeros behind": lambda song: song + bytes(300_000),
    "both": lambda song: garbage(150_000) + song + garbage(150_000, 2),
    "ID3 twice": lambda song: id3(1000) + id3(3000) + song,
    "ID3, then garbage": lambda song: id3(1000) + garbage(100_000) + song,
    "large ID3": lambda song: id3(400_000) + song,
    "APE in front": lambda song: ape(100_000) + song,
    "APE behind": lambda song: song + ape(100_000),
    "ID3v1 and APE behind": lambda song: song + ape(5000) + b"TAG" + bytes(125),
}


@pytest.mark.parametrize("around", AROUND)
def test_an_mp3_file_is_read_as_players_play_it(song, around, tmp_path):
    path = tmp_path / "strange"
    path.write_bytes(AROUND[around](song))
    info = inspect(path)
    assert info.format == "mp3"
    assert abs(info.duration - 6) < Fraction(1, 10)
    output = tmp_path / "cut.flac"
    cut(Source(path, info), CutParams(keep=((0.5, 1), (2, 5))), output, Workspace(tmp_path))
    (tmp_path / "plain.mp3").write_bytes(song)
    result, rate = heard(output)
    original, _ = heard(tmp_path / "plain.mp3")
    for at, old in ((0.1, 0.6), (1.0, 2.5), (3.0, 4.5)):
        # A recording begins with its sound, which is behind what its encoder put in front.
        there = round((old + float(inspect(tmp_path / "plain.mp3").start)) * rate)
        assert abs(lag(result, original, round(at * rate), there)) <= 2


@pytest.mark.parametrize("around", ["200 kB in front", "both"])
def test_sound_is_taken_out_from_behind_garbage(song, around, tmp_path):
    path = tmp_path / "strange"
    path.write_bytes(AROUND[around](song))
    info = inspect(path)
    options = track_file.AudioFileOptions("wav")
    audio = AudioSource(path, info, info.audio[0])
    made = extract_audio.extract(audio, options, tmp_path / "out.wav", Workspace(tmp_path))
    assert abs(made.info.duration - 6) < Fraction(1, 5)


def test_two_mp3_files_in_one_are_played_to_the_end(song, tmp_path):
    path = tmp_path / "joined.mp3"
    path.write_bytes(song + song)
    assert abs(inspect(path).duration - 12) < Fraction(1, 5)


def test_an_mp3_file_that_breaks_off_is_said_to(song, tmp_path):
    path = tmp_path / "torn.mp3"
    path.write_bytes(song[: len(song) // 3])
    with pytest.raises(InputError, match="of 6 s only the first 2 s") as error:
        inspect(path)
    assert error.value.code == "cut_off"


def test_garbage_alone_is_no_recording(tmp_path):
    path = tmp_path / "noise.mp3"
    path.write_bytes(garbage(500_000))
    with pytest.raises(InputError) as error:
        inspect(path)
    assert error.value.code == "not_media"


def test_a_header_promises_what_the_file_has(tmp_path):
    for rate, channels in ((48_000, 2), (44_100, 1), (22_050, 2), (16_000, 1)):
        path = tmp_path / f"{rate}.mp3"
        run_ffmpeg(*tone(3), "-ar", rate, "-ac", channels, "-c:a", "libmp3lame", url(path))
        assert abs(mp3_frames.declared_duration(path) - 3) < Fraction(1, 5)
