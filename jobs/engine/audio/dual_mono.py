"""Two channels of AAC that are the same, coded once.

Much speech is recorded by one microphone and stored in two channels. A mono stream becomes such a stereo one without
coding anything again: the first channel of a pair is the mono one bit for bit, the second is empty, and they are said
to be sum and difference, in every band. Syntax: ISO/IEC 14496-3, 4.4.2 (single_channel_element, channel_pair_element).
The mono stream has to do without what decoders apply to one channel alone: TNS and noise substitution.
"""

PAIR = 0b001_0000
"""A channel_pair_element with the tag 0."""
END, END_BITS = 0b111, 3
HEAD_BITS = 7
GAIN_BITS = 8
EIGHT_SHORT = 2
ALL_BANDS = 0b10


def channel_pair(mono: bytes) -> bytes:
    """The stereo frame of a mono one that holds one channel and nothing else. Raises ValueError for any other."""
    size = 8 * len(mono)
    data = int.from_bytes(mono, "big")
    if not data or data >> (size - HEAD_BITS):
        raise ValueError("no single channel at the start")
    # The end is three bits, and zeros up to the next byte.
    end = (data & -data).bit_length() - 1 + END_BITS
    if data >> (end - END_BITS) & END != END:
        raise ValueError("no end mark")

    def bits(position: int, count: int) -> int:
        return data >> (size - position - count) & ((1 << count) - 1)

    gain = bits(HEAD_BITS, GAIN_BITS)
    position = HEAD_BITS + GAIN_BITS
    is_short = bits(position + 1, 2) == EIGHT_SHORT
    window_bits = 15 if is_short else 11
    window = bits(position, window_bits)
    empty, empty_bits = _empty(window, is_short=is_short)
    position += window_bits
    rest = bits(position, size - end - position)

    pair, count = PAIR, HEAD_BITS
    for value, width in (
        (1, 1),
        (window, window_bits),
        (ALL_BANDS, 2),
        (gain, GAIN_BITS),
        (rest, size - end - position),
        (gain, GAIN_BITS),
        (empty, empty_bits),
        (END, END_BITS),
    ):
        pair = pair << width | value
        count += width
    return (pair << -count % 8).to_bytes((count + 7) // 8, "big")


def _empty(window: int, *, is_short: bool) -> tuple[int, int]:
    """A channel in which every band is zero, after its gain: the bits and how many they are."""
    if is_short:
        # Seven bits say which of the short windows share what is said with the one before.
        bands, groups, width = window >> 7 & 0b1111, 8 - (window & 0b111_1111).bit_count(), 3
    else:
        bands, groups, width = window >> 1 & 0b11_1111, 1, 5
    value = count = 0
    maximum = (1 << width) - 1
    for _ in range(groups if bands else 0):
        # Code book 0, and for how many bands; the greatest number says that more follows.
        value, count = value << 4, count + 4
        for _ in range(bands // maximum):
            value, count = value << width | maximum, count + width
        value, count = value << width | bands % maximum, count + width
    # Neither pulses nor TNS nor gain control.
    return value << 3, count + 3
