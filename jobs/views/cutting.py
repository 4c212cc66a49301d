"""What the cut plan on a recording's page shows beside the fields of the operation's form."""

import dataclasses
import json
from typing import Any, NamedTuple

from jobs.models import Video
from jobs.operations.silence_cut import SilenceCutForm


@dataclasses.dataclass(frozen=True)
class Slider:
    """The values that a hand is likely to want of a field, or of several that it moves together; the fields take all
    others. `when` says for which value of another field it is there; `unit` is dB, ms, or times."""

    label: str
    names: str
    unit: str
    min: float
    max: float
    step: float
    when: str = ""

    @property
    def field(self) -> str:
        return self.names.split()[0]


class Switch(NamedTuple):
    """Two values of a field; others are set in the field itself, and count as on."""

    label: str
    aside: str
    field: str
    on: str
    off: str


SLIDERS = [
    Slider("Silence is below", "threshold_db", "dB", -70, -10, 0.5, when="detector=loudness"),
    Slider("Keep around speech", "margin_before_ms margin_after_ms", "ms", 0, 1000, 10),
    Slider("Shortest pause", "min_silence_ms", "ms", 0, 3000, 50),
    Slider("Length of pauses", "pause_ms", "ms", 0, 3000, 50, when="pauses=shorten"),
    Slider("Speed of pauses", "speed", "times", 1.5, 16, 0.5, when="pauses=speed"),
]
"""Steps of levels are those that `level_quantizer` tells apart."""
SWITCHES = [
    Switch("Even loudness", "−16 LUFS", "loudness_lufs", "-16", ""),
    Switch("Clean the noise", "and hum", "clean_strength", "0.5", ""),
    Switch("Only speech counts", "cuts music and typing", "detector", "voice", "loudness"),
]
PAUSES = [("Out", "remove"), ("Shorten", "shorten"), ("Speed up", "speed"), ("Mute", "mute")]
PRESETS = [(title, json.dumps(dict(values))) for title, values in SilenceCutForm.presets.items()]


def desk(video: Video) -> dict[str, Any]:
    """For the template `videos/_cut.html`; empty for a recording without sound, which has nothing to plan with."""
    if not video.info.audio:
        return {}
    pauses = [(title, json.dumps({"pauses": value})) for title, value in PAUSES]
    return {"sliders": SLIDERS, "switches": SWITCHES, "pauses": pauses, "presets": PRESETS}
