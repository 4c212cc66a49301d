"""Packets by their decode index, from where they stand in the file or through a demuxer."""

import av
import pytest

from jobs.engine.probe.inspection import inspect
from jobs.engine.runtime.threads import CancellationToken
from jobs.engine.smartcut import packet_reader, strategy
from jobs.engine.smartcut.packet_reader import Unsound
from jobs.engine.video import frame_index
from jobs.engine.video.source import Source
from tests.clips import Picture, make

PICTURE = Picture(options={"preset": "ultrafast", "crf": "24", "g": "12", "bf": "2"})


def surveyed(source):
    info = inspect(source)
    recording = Source(source, info, frame_index.index_frames(source, info))
    return recording, strategy.survey_seekable(recording)


@pytest.mark.parametrize(
    ("name", "options", "plain"),
    [
        ("a.mp4", {}, True),
        ("a.mov", {}, True),
        ("a.mp4", {"movflags": "frag_keyframe+empty_moov"}, True),
        ("a.mkv", {}, False),
        ("a.ts", {}, False),
        ("a.flv", {}, False),
    ],
)
def test_packets_are_those_of_the_demuxer_wherever_they_stand(name, options, plain, tmp_path):
    source = make(tmp_path / name, PICTURE, options=options)
    recording, order = surveyed(source)
    assert order.readable_in_place is plain
    with av.open(str(source)) as container:
        expected = [
            (bytes(packet), packet.pts, packet.is_keyframe) for packet in container.demux(video=0) if packet.size
        ]
    count = len(expected)
    with packet_reader.opened(recording, order, CancellationToken()) as packets:
        for begin, end in [(0, count), (40, 60), (3, 5), (count - 1, count)]:
            found = list(packets.between(begin, end))
            assert [place for place, _ in found] == list(range(begin, end))
            assert [(bytes(one), one.pts, one.is_keyframe) for _, one in found] == expected[begin:end]


def test_a_file_that_lost_its_end_since_is_told(tmp_path):
    source = make(tmp_path / "a.mp4", PICTURE)
    recording, order = surveyed(source)
    with packet_reader.opened(recording, order, CancellationToken()) as packets:
        with source.open("r+b") as file:
            file.truncate(int(order.file_offsets[50]))
        with pytest.raises(Unsound):
            list(packets.between(40, 60))
