"""Lengths that are measured, and tracks that show up late or cannot be read."""

import subprocess
from fractions import Fraction
from types import SimpleNamespace

import av
import av.error

from jobs.engine.container import demuxing, ffmpeg
from jobs.engine.probe.inspection import inspect
from tests import media


def test_a_length_that_no_header_tells_is_measured(webm, shelf):
    # A browser's recorder writes into a pipe and never goes back to fill in the length.
    live = shelf / "live.webm"
    with live.open("wb") as out:
        command = [ffmpeg.program(), "-v", "error", "-i", media.url(webm), "-c", "copy", "-f", "webm", "-"]
        subprocess.run(command, stdout=out, check=True)
    info = inspect(live)
    assert abs(info.duration - 4) < Fraction(1, 20)


def test_the_length_of_bare_aac_is_measured(shelf):
    # Half silence, half noise: the bit rate of its start says nothing about its length.
    path = shelf / "uneven.aac"
    noise = ("-f", "lavfi", "-i", "anoisesrc=duration=20:amplitude=0.5", "-af", "volume=0:enable='lt(t,10)'")
    media.run_ffmpeg(*noise, "-b:a", "128k", media.url(path))
    assert abs(inspect(path).duration - 20) < Fraction(1, 10)


def test_a_recorder_that_stopped_in_the_middle_of_a_fragmented_file_is_taken(mp4, shelf):
    # Recorders write fragments exactly so that what was recorded can be used.
    pieces = media.remuxed(mp4, shelf / "pieces.mp4", "-movflags", "frag_keyframe+empty_moov+default_base_moof")
    assert abs(inspect(pieces).duration - 4) < Fraction(1, 10)
    assert 1 < inspect(media.cut_bytes(pieces, shelf / "stopped.mp4", 0.7)).duration < 4


def test_a_track_that_shows_up_late_hides_no_other(shelf):
    # Picture alone, then with sound, then alone again; libavformat looks for tracks in the first 5 MB and at the end.
    alone = ("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=15", *media.FAST_X264, "-muxrate", "4M")
    first, last, both = shelf / "first.ts", shelf / "last.ts", shelf / "both.ts"
    media.run_ffmpeg(*alone, media.url(first))
    media.run_ffmpeg(*alone, "-output_ts_offset", 19, media.url(last))
    middle = media.video(shelf / "middle.ts", "-output_ts_offset", 15)
    both.write_bytes(b"".join(part.read_bytes() for part in (first, middle, last)))
    with av.open(media.url(both)) as container:
        assert len(container.streams) == 1, "the sound is not found at the start"
    info = inspect(both)
    assert info.video is not None
    assert abs(info.duration - 34) < Fraction(1, 5)


def test_reading_goes_on_behind_a_packet_of_an_unexpected_track():
    # Whether PyAV stumbles over one is a matter of chance: it looks at memory that is not its own.
    class Stumbling:
        format = SimpleNamespace(name="mpegts")
        parts = iter(([1, 2], [3]))

        def demux(self, tracks):
            assert tracks == ("picture", "sound")
            part = next(self.parts)
            yield from part
            if part == [1, 2]:
                raise IndexError

    assert list(demuxing.packets(Stumbling(), "picture", "sound")) == [1, 2, 3]


def test_a_sound_track_that_nobody_can_decode_hides_no_other(mp4, shelf):
    two = media.remuxed(mp4, shelf / "two.mkv")
    media.run_ffmpeg("-i", media.url(mp4), "-map", "0", "-map", "0:a", "-c", "copy", media.url(two))
    data = two.read_bytes()
    assert data.count(b"A_AAC") == 2
    first = data.index(b"A_AAC")
    two.write_bytes(data[:first] + b"A_XYZ" + data[first + 5 :])
    assert [track.index for track in inspect(two).audio] == [2]
