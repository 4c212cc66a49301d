"""AV1: what frame headers say, as far as the quantizer. Names and sections are those of `av1`."""

import dataclasses

from jobs.engine.smartcut.bitstream.av1 import SELECT, FrameTools, RareCoding, Sequence, header_bits
from jobs.engine.smartcut.bitstream.bits import BitReader
from jobs.engine.smartcut.bitstream.nal import Unit

# frame_type (6.8.2).
KEY_FRAME, INTER_FRAME, INTRA_ONLY_FRAME, SWITCH_FRAME = range(4)
ALL_FRAMES = 0xFF


@dataclasses.dataclass(frozen=True)
class FrameHeader:
    """An uncompressed_header (5.9.2) up to base_q_idx, which is None where a frame is only shown again, and where
    tiles are divided in a way that is not read."""

    frame_type: int
    is_shown: bool
    refreshes: bool
    """Whether later frames may be predicted from it."""
    base_q_idx: int | None = None


def parse_frame(payload: Unit, sequence: Sequence) -> FrameHeader:
    """Read a frame_header_obu, or the one that a frame_obu begins with. Raises ValueError."""
    bits, tools = header_bits(payload), sequence.tools
    if bits.flag():  # show_existing_frame
        # A key frame that is shown again would refresh all others: a delayed random access point.
        return FrameHeader(INTER_FRAME, is_shown=True, refreshes=True)
    frame_type, show_frame = bits.u(2), bits.flag()
    if show_frame:
        bits.u(tools.frame_presentation_time_bits)
    else:
        bits.u(1)  # showable_frame
    is_shown_key = frame_type == KEY_FRAME and show_frame
    error_resilient_mode = frame_type == SWITCH_FRAME or is_shown_key or bits.flag()
    is_intra = frame_type in (KEY_FRAME, INTRA_ONLY_FRAME)
    disable_cdf_update = bits.flag()
    screen_content, integer_mv = _screen_content(bits, tools, is_intra=is_intra)
    bits.u(tools.frame_id_bits[1])  # current_frame_id
    if frame_type == SWITCH_FRAME or bits.flag():  # frame_size_override_flag
        raise RareCoding("its size changes on the way")
    bits.u(tools.order_hint_bits)  # order_hint
    if not (is_intra or error_resilient_mode):
        bits.u(3)  # primary_ref_frame
    if tools.has_decoder_model:
        bits.u(1)  # buffer_removal_time_present_flag
    refresh_frame_flags = ALL_FRAMES if is_shown_key else bits.u(8)
    if (not is_intra or refresh_frame_flags != ALL_FRAMES) and error_resilient_mode:
        bits.u(8 * tools.order_hint_bits)  # ref_order_hint
    if not is_intra:
        _references(bits, tools)
    use_superres = _frame_size(bits, tools)
    if is_intra:
        if screen_content and not use_superres:
            bits.u(1)  # allow_intrabc
    else:
        _motion(bits, tools, error_resilient_mode=error_resilient_mode, integer_mv=integer_mv)
    if not disable_cdf_update:
        bits.u(1)  # disable_frame_end_update_cdf
    base_q_idx = bits.u(8) if not use_superres and _tile_info(bits, sequence) else None
    return FrameHeader(frame_type, show_frame, refresh_frame_flags != 0, base_q_idx)


def _screen_content(bits: BitReader, tools: FrameTools, *, is_intra: bool) -> tuple[bool, bool]:
    """allow_screen_content_tools and force_integer_mv (5.9.2)."""
    selected = tools.seq_force_screen_content_tools
    allowed = bits.flag() if selected == SELECT else bool(selected)
    integer_mv = False
    if allowed:
        integer_mv = bits.flag() if tools.seq_force_integer_mv == SELECT else bool(tools.seq_force_integer_mv)
    return allowed, integer_mv or is_intra


def _references(bits: BitReader, tools: FrameTools) -> None:
    """5.9.2, of inter frames: which frames they are predicted from."""
    frame_refs_short_signaling = tools.order_hint_bits > 0 and bits.flag()
    if frame_refs_short_signaling:
        bits.u(3 + 3)  # last_frame_idx, gold_frame_idx
    for _ in range(7):
        bits.u(0 if frame_refs_short_signaling else 3)  # ref_frame_idx
        bits.u(tools.frame_id_bits[0])  # delta_frame_id_minus_1


def _frame_size(bits: BitReader, tools: FrameTools) -> bool:
    """5.9.5 to 5.9.8, where the size is the sequence's. Returns use_superres. Raises ValueError."""
    use_superres = tools.enable_superres and bits.flag()
    if use_superres:
        bits.u(3)  # coded_denom
    if bits.flag():  # render_and_frame_size_different
        raise RareCoding("it is shown in another size than it is coded in")
    return use_superres


def _motion(bits: BitReader, tools: FrameTools, *, error_resilient_mode: bool, integer_mv: bool) -> None:
    """5.9.2, of inter frames, from allow_high_precision_mv to use_ref_frame_mvs."""
    if not integer_mv:
        bits.u(1)  # allow_high_precision_mv
    if not bits.flag():  # is_filter_switchable (5.9.10)
        bits.u(2)  # interpolation_filter
    bits.u(1)  # is_motion_mode_switchable
    if not error_resilient_mode and tools.enable_ref_frame_mvs:
        bits.u(1)  # use_ref_frame_mvs


def _tile_info(bits: BitReader, sequence: Sequence) -> bool:
    """5.9.15: passed over. Returns whether it could be."""
    shift = 7 if sequence.tools.use_128x128_superblock else 6
    columns, rows = (-(-side // (1 << shift)) for side in sequence.size)
    if not bits.flag():  # uniform_tile_spacing_flag
        return False
    maximum_width, maximum_area = 4096 >> shift, 4096 * 2304 >> 2 * shift
    minimum_columns = _tile_log2(maximum_width, columns)
    columns_log2 = _increments(bits, minimum_columns, _tile_log2(1, min(columns, 64)))
    minimum_tiles = max(minimum_columns, _tile_log2(maximum_area, columns * rows))
    rows_log2 = _increments(bits, max(minimum_tiles - columns_log2, 0), _tile_log2(1, min(rows, 64)))
    if columns_log2 or rows_log2:
        bits.u(columns_log2 + rows_log2 + 2)  # context_update_tile_id, tile_size_bytes_minus_1
    return True


def _tile_log2(block: int, target: int) -> int:
    """5.9.16: the smallest k for which block times two to the k is target at least."""
    return next(power for power in range(32) if block << power >= target)


def _increments(bits: BitReader, least: int, most: int) -> int:
    """Counts increment_tile_cols_log2 or increment_tile_rows_log2."""
    while least < most and bits.flag():
        least += 1
    return least
