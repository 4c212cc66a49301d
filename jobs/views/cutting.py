"""What the cut plan on a recording's page shows beside the fields of the operation's form."""

import json
from typing import Any, NamedTuple

from jobs.models import Video
from jobs.operations.silence_cut import SilenceCutForm


class Slider(NamedTuple):
    """The values that a hand is likely to want; the field beside it takes all others."""

    min: float
    max: float
    step: float


SLIDERS = {
    "threshold_db": Slider(-70, -10, 0.5),
    "margin_before_ms": Slider(0, 1000, 10),
    "margin_after_ms": Slider(0, 1000, 10),
    "min_silence_ms": Slider(0, 3000, 50),
    "min_clip_ms": Slider(0, 1000, 10),
    "pause_ms": Slider(0, 3000, 50),
    "speed": Slider(1.5, 16, 0.5),
}
"""By field. Steps of levels are those that `level_quantizer` tells apart."""
IN_VIEW = ["detector", "pauses", *SLIDERS]
PRESETS = [(title, json.dumps(dict(values))) for title, values in SilenceCutForm.presets.items()]


def desk(video: Video) -> dict[str, Any]:
    """For the template `videos/_cut.html`; empty for a recording without sound, which has nothing to plan with."""
    return {"sliders": SLIDERS, "in_view": IN_VIEW, "presets": PRESETS} if video.info.audio else {}
