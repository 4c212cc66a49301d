"""The chains that come with an install: for everybody to run, and to copy and change."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

from jobs.engine.edit.cut_params import PRESETS
from jobs.services.steps import Step, read


@dataclasses.dataclass(frozen=True)
class Shipped:
    slug: str
    name: str
    summary: str
    raw: tuple[Mapping[str, Any], ...]

    @functools.cached_property
    def steps(self) -> list[Step]:
        return read(self.raw)


def _step(name: str, operation: str, source: str | None, **params: Any) -> dict[str, Any]:
    return {"name": name, "operation": operation, "params": params, "input": source}


SHIPPED = (
    Shipped(
        "podcast",
        "Podcast",
        "Cleaned, cut so that speech keeps its breath, at -16 LUFS; as video, MP3 and transcript.",
        (
            _step("Clean", "clean-audio", None),
            _step("Cut", "silence-cut", "Clean", **PRESETS["Natural"], loudness_lufs=-16),
            _step("MP3", "extract-audio", "Cut", format="mp3"),
            _step("Transcript", "transcribe", "Cut"),
        ),
    ),
    Shipped(
        "lecture",
        "Lecture",
        "Only long waits get shorter; with captions, chapters by what is talked about, and thumbnails.",
        (
            _step("Cut", "silence-cut", None, **PRESETS["Lecture"]),
            _step("Captions", "transcribe", "Cut", chapters=True),
            _step("Thumbnails", "thumbnails", "Cut"),
        ),
    ),
    Shipped(
        "social-clip",
        "Social clip",
        "Every pause goes, upright for phones, captions in the picture, at -14 LUFS.",
        (
            _step("Cut", "silence-cut", None, **PRESETS["Tight"], loudness_lufs=-14),
            _step("Upright", "convert", "Cut", crop="9:16"),
            _step("Captions", "transcribe", "Upright", burn=True),
        ),
    ),
)


def find(slug: str) -> Shipped | None:
    return next((one for one in SHIPPED if one.slug == slug), None)
