"""VP9: what frames say of how they were coded, read from the front of their headers.

Syntax elements have their names in the VP9 Bitstream & Decoding Process Specification 0.6, whose sections are given.
"""

import dataclasses
from collections.abc import Iterator

from jobs.engine.smartcut.bitstream.bits import BitReader
from jobs.engine.smartcut.bitstream.nal import Unit

FRAME_MARKER = 2
FRAME_SYNC_CODE = 0x498342
SUPERFRAME_MARKER = 0b110
KEY_FRAME = 0
CS_RGB = 7
HEADER_BYTES = 64
"""An uncompressed header up to base_q_idx is shorter."""


@dataclasses.dataclass(frozen=True)
class ColorConfig:
    """color_config (6.2.2). `color_range` is set for full range."""

    bit_depth: int = 8
    color_space: int = 0
    color_range: bool = False
    subsampling_x: bool = True
    subsampling_y: bool = True


@dataclasses.dataclass(frozen=True)
class Sequence:
    """What all key frames of a track say alike."""

    profile: int
    color_config: ColorConfig
    size: tuple[int, int]
    """Width and height in pixels."""

    @property
    def video_full_range_flag(self) -> bool:
        return self.color_config.color_range

    @property
    def max_num_reorder(self) -> int:
        """Frames that are decoded early are hidden, and shown by a packet of their own."""
        return 0


@dataclasses.dataclass(frozen=True)
class FrameHeader:
    """An uncompressed_header (6.2) up to base_q_idx.

    `sequence` is that of a key frame, `size` where the header tells one; a frame that only shows an earlier one has
    neither, and no `base_q_idx`.
    """

    is_key: bool
    is_shown: bool
    base_q_idx: int | None = None
    sequence: Sequence | None = None
    size: tuple[int, int] | None = None


def frames(packet: Unit) -> Iterator[memoryview]:
    """The frames of a packet: several where it ends with a superframe_index (annex B)."""
    view = memoryview(packet)
    last = view[-1] if len(view) else 0
    count, size_bytes = (last & 7) + 1, (last >> 3 & 3) + 1
    index = len(view) - 2 - count * size_bytes
    if last >> 5 != SUPERFRAME_MARKER or index < 0 or view[index] != last:
        yield view
        return
    offset = 0
    for number in range(count):
        begin = index + 1 + number * size_bytes
        size = int.from_bytes(view[begin : begin + size_bytes], "little")
        if offset + size > index:
            raise ValueError("a frame reaches beyond its superframe")
        if size:
            yield view[offset : offset + size]
        offset += size


def parse_header(frame: Unit) -> FrameHeader:
    """Read an uncompressed_header (6.2) up to base_q_idx. Raises ValueError."""
    bits = BitReader(bytes(frame[:HEADER_BYTES]), has_emulation_prevention=False)
    if bits.u(2) != FRAME_MARKER:
        raise ValueError("no frame of VP9 begins like this")
    profile = bits.u(1) | bits.u(1) << 1
    if profile == 3:
        bits.u(1)  # reserved_zero
    if bits.flag():  # show_existing_frame
        return FrameHeader(is_key=False, is_shown=True)
    is_key = bits.u(1) == KEY_FRAME  # frame_type
    show_frame, error_resilient_mode = bits.flag(), bits.flag()
    sequence = None
    if is_key:
        _frame_sync_code(bits)
        color_config = _color_config(bits, profile)
        size: tuple[int, int] | None = _frame_size(bits)
        assert size
        _render_size(bits)
        sequence = Sequence(profile, color_config, size)
    else:
        size = _of_inter_frame(bits, profile, show_frame=show_frame, error_resilient_mode=error_resilient_mode)
    if not error_resilient_mode:
        bits.u(2)  # refresh_frame_context, frame_parallel_decoding_mode
    bits.u(2)  # frame_context_idx
    _loop_filter_params(bits)
    return FrameHeader(is_key, show_frame, bits.u(8), sequence, size)


def _of_inter_frame(
    bits: BitReader, profile: int, *, show_frame: bool, error_resilient_mode: bool
) -> tuple[int, int] | None:
    """6.2, of what is no key frame, up to interpolation_filter. Returns the size where it is told."""
    intra_only = not show_frame and bits.flag()
    if not error_resilient_mode:
        bits.u(2)  # reset_frame_context
    if intra_only:
        _frame_sync_code(bits)
        if profile > 0:
            _color_config(bits, profile)
        bits.u(8)  # refresh_frame_flags
        size: tuple[int, int] | None = _frame_size(bits)
        _render_size(bits)
        return size
    bits.u(8)  # refresh_frame_flags
    bits.u(12)  # ref_frame_idx and ref_frame_sign_bias, three times
    # frame_size_with_refs (6.2.5): found_ref, of up to three.
    size = None if any(bits.flag() for _ in range(3)) else _frame_size(bits)
    _render_size(bits)
    bits.flag()  # allow_high_precision_mv
    if not bits.flag():  # is_filter_switchable (6.2.7)
        bits.u(2)  # raw_interpolation_filter
    return size


def _frame_sync_code(bits: BitReader) -> None:
    """6.2.1."""
    if bits.u(24) != FRAME_SYNC_CODE:
        raise ValueError("a key frame without its sync code")


def _color_config(bits: BitReader, profile: int) -> ColorConfig:
    """6.2.2."""
    bit_depth = (12 if bits.flag() else 10) if profile >= 2 else 8  # ten_or_twelve_bit
    color_space = bits.u(3)
    has_choice = profile in (1, 3)
    if color_space != CS_RGB:
        color_range = bits.flag()
        subsampling = (bits.flag(), bits.flag()) if has_choice else (True, True)
    else:
        color_range, subsampling = True, (False, False)
    if has_choice:
        bits.u(1)  # reserved_zero
    return ColorConfig(bit_depth, color_space, color_range, *subsampling)


def _frame_size(bits: BitReader) -> tuple[int, int]:
    """6.2.3: frame_width_minus_1 and frame_height_minus_1, plus one."""
    return bits.u(16) + 1, bits.u(16) + 1


def _render_size(bits: BitReader) -> None:
    """6.2.4: passed over, as decoders do."""
    if bits.flag():  # render_and_frame_size_different
        bits.u(32)


def _loop_filter_params(bits: BitReader) -> None:
    """6.2.8: passed over."""
    bits.u(9)  # loop_filter_level, loop_filter_sharpness
    if bits.flag() and bits.flag():  # loop_filter_delta_enabled, loop_filter_delta_update
        for _ in range(4 + 2):
            if bits.flag():  # update_ref_delta, update_mode_delta
                bits.u(7)  # loop_filter_ref_deltas, loop_filter_mode_deltas
