"""Audio as a clock with drift would have taken it: resampling by a ratio that is next to one.

libswresample takes whole rates only, but any: rates a thousand times too high tell a ratio to a 48 millionth, which is
0.3 ms in four hours. Between the phases of its filter it interpolates.
"""

from collections.abc import Iterable, Iterator

from jobs.engine.audio.filter_graph import filtered
from jobs.engine.audio.sample_clock import Samples

FINE_RATE = 48_000_000


def resampled(blocks: Iterable[Samples], pace: float, channels: int) -> Iterator[Samples]:
    """Sample n of the result is what lies at n * `pace` of the blocks, taken one after the other."""
    return filtered(blocks, [f"aresample={FINE_RATE}:linear_interp=1"], round(FINE_RATE * pace), channels)
