"""Readers of other programs' formats."""

from fractions import Fraction

import opentimelineio as otio
import pytest
from opentimelineio.opentime import RationalTime


@pytest.fixture
def exact_fcpx_reader(monkeypatch):
    module = otio.adapters.from_name("fcpx_xml").module()

    def exact(text) -> Fraction:
        return Fraction((text or "0s").removesuffix("s"))

    def frames(text, rate) -> RationalTime:
        count = exact(text) * Fraction(rate).limit_denominator(1001)
        assert count.denominator == 1, f"{text} is no whole frame"
        return RationalTime(int(count), rate)

    def rate_of(reader, format_id) -> float:
        return float(1 / exact(reader._format_by_id(format_id).get("frameDuration")))

    def number(reader, text, format_id) -> int:
        return int(frames(text, rate_of(reader, format_id)).value)

    monkeypatch.setattr(module, "to_rational_time", frames)
    monkeypatch.setattr(module.FcpxXml, "_format_frame_rate", rate_of)
    monkeypatch.setattr(module.FcpxXml, "_number_of_frames", number)
