"""Packets that were copied are the same wherever they are stored; any other byte, packet or time is noticed."""

from fractions import Fraction

import av
import pytest

from jobs.engine.render.stored_packets import StoredTrack, apart_seconds, is_audio, stored_track, stored_tracks
from jobs.engine.runtime.threads import CancellationToken
from tests.clips import Picture, Sound, make
from tests.media import remuxed


def audio_of(path, format: str) -> StoredTrack:
    (track,) = stored_tracks(path, format, is_audio, CancellationToken())
    return track


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored")
    return make(folder / "a.mp4", Picture(seconds=1), Sound([(0, 1)], seconds=1))


def test_a_copy_in_another_container_is_the_same(source, tmp_path):
    copy = remuxed(source, tmp_path / "a.mkv")
    for index in (0, 1):
        theirs = stored_track(source, "mov", index, CancellationToken())
        ours = stored_track(copy, "matroska", index, CancellationToken())
        assert (ours.count, ours.digest) == (theirs.count, theirs.digest)
        assert ours.is_timed
        assert ours.count > 0
        assert apart_seconds(ours, theirs) <= 0.001
    assert stored_track(source, "mov", 0, CancellationToken()).count == 25


def test_another_byte_gives_another_digest(source, tmp_path):
    with av.open(str(source)) as container:
        hit = [packet for packet in container.demux(audio=0) if packet.size][5]
    data = bytearray(source.read_bytes())
    data[hit.pos + hit.size // 2] ^= 1
    (tmp_path / "b.mp4").write_bytes(data)
    ours, theirs = audio_of(tmp_path / "b.mp4", "mov"), audio_of(source, "mov")
    assert ours.count == theirs.count
    assert ours.digest != theirs.digest


def test_a_later_start_and_a_missing_packet_are_apart(source, tmp_path):
    theirs = audio_of(source, "mov")
    late = audio_of(remuxed(source, tmp_path / "late.mkv", before=("-itsoffset", "0.25")), "matroska")
    assert apart_seconds(late, theirs) == pytest.approx(0.25, abs=0.001)
    assert apart_seconds(late.earlier(Fraction(1, 4)), theirs) <= 0.001
    short = StoredTrack(theirs.count - 1, theirs.digest, theirs.times[1:])
    assert apart_seconds(short, theirs) == float("inf")
