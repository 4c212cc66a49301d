"""Results and sources that are damaged as files."""

from fractions import Fraction

from jobs.engine.model.report import UndecodedFrames
from tests.engine.verify.cuts import codes


def test_a_result_whose_file_is_cut_off_is_caught(right, tmp_path):
    altered = tmp_path / "b.mp4"
    altered.write_bytes(right.output.read_bytes()[:-500])
    assert "cut_off" in codes(right.check(altered))


def test_a_result_that_is_no_recording_is_caught(right, tmp_path):
    altered = tmp_path / "b.mp4"
    altered.write_bytes(b"nothing at all" * 100)
    assert codes(right.check(altered)) == {"unreadable"}


def test_pictures_of_the_source_that_did_not_decode_are_told(right):
    report = right.check(lost=UndecodedFrames(3, Fraction(3, 25)))
    assert report.ok
    assert "3 frames of the recording damaged" in report.summary


def test_a_source_that_is_damaged_by_more_than_a_little_is_a_fault(right):
    report = right.check(lost=UndecodedFrames(30, Fraction(30, 25)))
    assert codes(report) == {"damaged_source"}
    assert report.faults[0].message.startswith("The recording is damaged: 1 s of the 3 s to keep cannot be decoded")
