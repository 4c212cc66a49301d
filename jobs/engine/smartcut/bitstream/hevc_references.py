"""Which pictures an HEVC picture may be predicted from: short-term reference picture sets.

Syntax elements have their names in ITU-T H.265, whose clauses are given.
"""

from jobs.engine.smartcut.bitstream.bits import BitReader, at_most

# What syntax elements may be (7.4.3.2.1).
MAXIMUM_SHORT_TERM_REF_PIC_SETS, MAXIMUM_DELTA_POCS = 64, 16

RefPicSet = tuple[tuple[int, bool], ...]
"""DeltaPocS0 and DeltaPocS1 (7-61 to 7-68): of each picture its distance in order of showing, and whether the current
picture uses it (others keep it for later ones)."""


def short_term_ref_pic_sets(bits: BitReader) -> tuple[RefPicSet, ...]:
    """7.3.2.2.1, from num_short_term_ref_pic_sets. Raises ValueError."""
    found: list[RefPicSet] = []
    for _ in range(at_most(bits.ue(), MAXIMUM_SHORT_TERM_REF_PIC_SETS)):
        found.append(st_ref_pic_set(bits, found))
    return tuple(found)


def st_ref_pic_set(
    bits: BitReader, earlier: "list[RefPicSet] | tuple[RefPicSet, ...]", *, of_slice: bool = False
) -> RefPicSet:
    """7.3.7: the set that follows those of the sequence parameter set, or one that a slice adds. Raises ValueError."""
    if earlier and bits.flag():  # inter_ref_pic_set_prediction_flag
        return _predicted(bits, earlier, of_slice=of_slice)
    num_negative_pics, num_positive_pics = bits.ue(), bits.ue()
    at_most(num_negative_pics + num_positive_pics, MAXIMUM_DELTA_POCS)
    return (*_listed(bits, num_negative_pics, -1), *_listed(bits, num_positive_pics, 1))


def _listed(bits: BitReader, count: int, direction: int) -> list[tuple[int, bool]]:
    """delta_poc_s0_minus1 and used_by_curr_pic_s0_flag, or those of s1."""
    found, distance = [], 0
    for _ in range(count):
        distance += bits.ue() + 1
        found.append((direction * distance, bits.flag()))
    return found


def _predicted(bits: BitReader, earlier: "list[RefPicSet] | tuple[RefPicSet, ...]", *, of_slice: bool) -> RefPicSet:
    """A set told by its difference from another (7-61, 7-62)."""
    back = bits.ue() + 1 if of_slice else 1  # delta_idx_minus1
    at_most(back, len(earlier))
    delta_rps_sign = bits.flag()
    delta_rps = (bits.ue() + 1) * (-1 if delta_rps_sign else 1)  # abs_delta_rps_minus1
    found = []
    for distance, _ in (*earlier[-back], (0, True)):
        used_by_curr_pic_flag = bits.flag()
        if (used_by_curr_pic_flag or bits.flag()) and distance + delta_rps:  # use_delta_flag
            found.append((distance + delta_rps, used_by_curr_pic_flag))
    # In the order of the standard, to which a later set's flags refer: those shown before, the nearest first, then
    # those shown after.
    before = sorted((one for one in found if one[0] < 0), reverse=True)
    return (*before, *sorted(one for one in found if one[0] > 0))
