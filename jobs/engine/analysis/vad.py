"""Voice activity detection (VAD): the probability of voice over time, by the model of Silero VAD in faster-whisper's
wheel (Silero Team, https://github.com/snakers4/silero-vad).

Window i covers [512 i, 512 (i + 1)) samples of 16 kHz, 32 ms, after the recording's start. Music, keyboards and fans
have low values however loud they are; speech has high ones, soft speech too.
"""

import dataclasses
import functools
from collections.abc import Iterator
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jobs.engine.analysis.feature_curve import Feature
from jobs.engine.audio import decoder

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

# What the model was trained on.
RATE = 16_000
WINDOW_SAMPLES = 512
CONTEXT_SAMPLES = 64
WINDOW = Fraction(WINDOW_SAMPLES, RATE)
# As many windows in one run as the model is fast with; more only cost memory.
BLOCK_WINDOWS = 256
STATE_SHAPE = (1, 1, 128)

VERSION = 2


@dataclasses.dataclass(frozen=True, eq=False)
class Voice:
    """`probability` has one value per window, 0 to 1; `duration` is the exact length of the audio."""

    probability: NDArray[np.float32]
    duration: Fraction


class VoiceDetector:
    """The model at work on one track: it remembers what it has heard."""

    def __init__(self) -> None:
        self._session = session()
        self._hidden = np.zeros(STATE_SHAPE, np.float32)
        self._cell = np.zeros(STATE_SHAPE, np.float32)
        self._context = np.zeros(CONTEXT_SAMPLES, np.float32)

    def probabilities(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability of voice in the next samples, for each window; the last window may be short."""
        # Decoders can give not-a-number for damaged audio, and the model would never forget it.
        samples = np.clip(np.nan_to_num(samples), -1, 1)
        samples = np.pad(samples, (0, -len(samples) % WINDOW_SAMPLES))
        heard = np.concatenate((self._context, samples))
        self._context = heard[-CONTEXT_SAMPLES:]
        windows = np.lib.stride_tricks.sliding_window_view(heard, CONTEXT_SAMPLES + WINDOW_SAMPLES)[::WINDOW_SAMPLES]
        probability, self._hidden, self._cell = self._session.run(
            None, {"input": np.ascontiguousarray(windows), "h": self._hidden, "c": self._cell}
        )
        return probability.reshape(-1)


def _probabilities(pcm: decoder.PcmReader) -> Iterator[NDArray[np.float32]]:
    detector = VoiceDetector()
    while len(block := pcm.read(BLOCK_WINDOWS * WINDOW_SAMPLES)):
        yield detector.probabilities(block[:, 0])


VOICE = Feature("voice", VERSION, Voice, _probabilities, silence=0, rate=RATE, channels=1)
"""Voice in a track; of several, in any of them at each window."""
measure, kept = VOICE.measure, VOICE.kept


@functools.cache
def session() -> "InferenceSession":
    """The model, ready to run on one core."""
    # Half a second to import, for those alone who listen for voice.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(model()), options, providers=["CPUExecutionProvider"])


def model() -> Path:
    """Where the wheel put the model. The package is found, not imported, which would load all of Whisper."""
    package = find_spec("faster_whisper")
    assert package is not None and package.origin is not None
    return Path(package.origin).parent / "assets" / "silero_vad_v6.onnx"
