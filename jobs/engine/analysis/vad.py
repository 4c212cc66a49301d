"""Voice activity detection (VAD): the probability of voice over time, by the model of Silero VAD in faster-whisper's
wheel (Silero Team, https://github.com/snakers4/silero-vad).

Window i covers [512 i, 512 (i + 1)) samples of 16 kHz, 32 ms, after the recording's start. Music, keyboards and fans
have low values however loud they are; speech has high ones, soft speech too.
"""

import dataclasses
import functools
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jobs.engine.analysis import feature_curve, peak_levels
from jobs.engine.analysis.feature_curve import Curve
from jobs.engine.audio import decoder
from jobs.engine.model.mediainfo import AudioTrack, MediaInfo
from jobs.engine.model.progress import Advance

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


def measure(
    source: Path,
    info: MediaInfo,
    track: int | str = "all",
    *,
    cache_dir: Path | None = None,
    progress: Advance | None = None,
) -> Voice:
    """Voice in one track, or in any of them at each window; the arguments are those of `peak_levels.measure`.

    Raises InputError, ToolError.
    """
    return Voice(
        *feature_curve.measured(
            peak_levels.tracks(info, track),
            lambda one, advance: _measure(source, info, one, advance),
            silence=0,
            stored=cache_dir and _stored(cache_dir, track),
            progress=progress,
        )
    )


def kept(cache_dir: Path, track: int | str) -> Voice | None:
    """What `measure` found before of these bytes, as far as it is still there."""
    curve = feature_curve.kept(_stored(cache_dir, track))
    return Voice(*curve) if curve else None


def _stored(cache_dir: Path, track: int | str) -> Path:
    return cache_dir / f"voice-{track}.v{VERSION}.npz"


def _measure(source: Path, info: MediaInfo, track: AudioTrack, advance: Advance) -> Curve:
    detector = VoiceDetector()
    probabilities = []
    with decoder.decoded(source, info, track, rate=RATE, channels=1) as pcm:
        while len(block := pcm.read(BLOCK_WINDOWS * WINDOW_SAMPLES)):
            probabilities.append(detector.probabilities(block[:, 0]))
            advance(min(1.0, float(Fraction(pcm.position, RATE) / info.duration)) if info.duration else 1.0)
    return Curve(
        np.concatenate(probabilities) if probabilities else np.empty(0, np.float32), Fraction(pcm.position, RATE)
    )


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
