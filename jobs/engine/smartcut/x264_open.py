"""H.264 whose random access points are not all IDR pictures: open GOPs, and broadcasts that have no IDR picture at all.

A copy begins with such a picture written as an IDR picture, and the numbers of those behind it are moved along, up to
the next real one. This takes a look at the header of every slice, so other recordings are left to `x264`.
"""

import functools
import itertools
import zlib
from array import array
from collections.abc import Iterable, Iterator

from jobs.engine.smartcut.bitstream import h264, h264_entry, h264_slice, nal
from jobs.engine.smartcut.bitstream.h264_entry import Numbers, PictureHeader, Slice
from jobs.engine.smartcut.bitstream.h264_slice import HEADER_BYTES, Pps
from jobs.engine.smartcut.bitstream.nal import Unit
from jobs.engine.smartcut.codec import (
    RANDOM_ACCESS,
    RELEASING,
    CannotCopy,
    CodedPicture,
    Coding,
    StoredCopy,
    first_free,
)
from jobs.engine.smartcut.nal_codec import LENGTH_BYTES, TORN, NalReader
from jobs.engine.smartcut.x264 import H264

IDR_PIC_IDS = range(2, 65_536)
"""Those that a copy may begin with: IDR pictures that follow each other have to differ (7.4.3), and x264 gives its own
0 and 1."""
MAXIMUM_IDR_PIC_IDS = len(IDR_PIC_IDS) - 2
"""A recording with more leaves none for two copies that follow each other."""
GUARDED_HEADER_BYTES = HEADER_BYTES * 3 // 2
"""With emulation prevention at its most frequent."""


class PictureHeaders:
    """How the pictures of a track are counted, in decoding order, in a few bytes each: there are many."""

    def __init__(self) -> None:
        self.frame_num = array("H")
        self.pic_order_cnt_lsb = array("H")
        self.is_idr = bytearray()
        self.log2_max_frame_num = bytearray()
        self.log2_max_pic_order_cnt_lsb = bytearray()
        self._releases = array("H")
        self._kinds: dict[tuple[int, ...] | None, int] = {}

    def add(self, slices: list[Slice]) -> PictureHeader:
        """Of the next picture. Raises ValueError."""
        header = h264_entry.header_of(slices)
        # A result of the smart cut has several sequence parameter sets.
        self.log2_max_frame_num.append(slices[0].frame_num.size)
        self.log2_max_pic_order_cnt_lsb.append(slices[0].pic_order_cnt_lsb.size)
        self._releases.append(self._kinds.setdefault(header.releases, len(self._kinds)))
        self.frame_num.append(header.numbers.frame_num)
        self.pic_order_cnt_lsb.append(header.numbers.pic_order_cnt_lsb)
        self.is_idr.append(header.is_idr)
        return header

    def releases(self, decode_indexes: Iterable[int]) -> list[tuple[int, ...] | None]:
        """Of some pictures, as in Slice."""
        kinds = list(self._kinds)
        return [kinds[self._releases[decode_index]] for decode_index in decode_indexes]


class OpenH264(H264):
    """Of one recording, whose parameter sets it has to know to read slices."""

    leads_by_time = True

    def __init__(self) -> None:
        self.parameter_sets: dict[tuple[int, int], bytes] = {}
        self.headers = PictureHeaders()
        """Of the recording's pictures."""
        self._idr_pic_ids: set[int] = set()
        self._entry_ids: Iterator[int] | None = None

    def reader(self, extradata: bytes) -> "OpenReader":
        reader = OpenReader(self, extradata)
        reader.copies_verbatim = False
        # The reader goes on adding to them.
        self.parameter_sets, self.headers = reader.parameter_sets, reader.headers
        self._idr_pic_ids = reader.idr_pic_ids
        return reader

    def copying(self, parameter_sets: tuple[bytes, ...], length_bytes: int) -> StoredCopy:
        if self._entry_ids is None:
            # Two copies may follow each other, too.
            one = first_free(IDR_PIC_IDS, self._idr_pic_ids)
            self._entry_ids = itertools.cycle((one, first_free(IDR_PIC_IDS, self._idr_pic_ids | {one})))
        return Copying(self, length_bytes, next(self._entry_ids)).stored

    def checksum(self, units: Iterable[Unit]) -> int:
        value = 0
        for unit in units:
            if self.is_slice(unit):
                value = h264_entry.checksum(self.parsed(unit), value)
            elif self.stays_in_packet(unit):
                value = zlib.crc32(unit, value)
        return value

    def stored_checksum(self, packet: Unit) -> int:
        try:
            return super().stored_checksum(packet)
        except ValueError:
            return TORN

    def stored_headers(self, packets: Iterable[Unit]) -> PictureHeaders:
        """How pictures are counted as MP4 stores them. Raises ValueError for what is torn."""
        found = PictureHeaders()
        for packet in packets:
            units = [unit for unit in nal.units(packet, LENGTH_BYTES) if self.is_slice(unit)]
            found.add([self.parsed(unit[:GUARDED_HEADER_BYTES]) for unit in units])
        return found

    def source_sets(self, coding: Coding) -> tuple[bytes, ...]:
        # Leading pictures that others refer to are left out where a copy begins, and with them their numbers.
        return tuple(
            h264.with_gaps_in_frame_num(unit) if h264.nal_unit_type(unit) == h264.SPS else unit
            for unit in coding.parameter_sets
        )

    def parsed(self, unit: Unit) -> Slice:
        """Raises ValueError."""
        pps = self.parameter_sets.get((h264.PPS, h264.slice_pps_id(unit)))
        sps = self.parameter_sets.get((h264.SPS, h264.pps_ids(pps)[1])) if pps else None
        if pps is None or sps is None:
            raise ValueError("its coding is not described")
        return h264_entry.parse_slice(unit, h264.parse_sps(sps), _pps(pps))


@functools.lru_cache(maxsize=64)
def _pps(unit: bytes) -> Pps:
    return h264_slice.parse_pps(unit)


class Counter:
    """Counts pictures since a random access point: `origin` is how that is counted, and `counted` how many reference
    pictures came before the present one since."""

    def __init__(self) -> None:
        self.origin = Numbers(0, 0)
        self.counted = 0
        self._last = 0

    def begin(self, numbers: Numbers) -> None:
        self.origin, self.counted, self._last = numbers, 0, numbers.frame_num

    def add(self, parsed: Slice) -> None:
        frame_num = parsed.numbers.frame_num
        self.counted += (frame_num - self._last) % parsed.maximum_frame_num
        self._last = frame_num


class OpenReader(NalReader):
    """Finds the recovery points, too."""

    _codec: OpenH264

    def __init__(self, codec: OpenH264, extradata: bytes) -> None:
        super().__init__(codec, extradata)
        self.headers = PictureHeaders()
        self.idr_pic_ids: set[int] = set()
        self._counter = Counter()

    def read(self, packet: Unit) -> CodedPicture:
        picture = super().read(packet)
        units = list(nal.units(packet, self.length_bytes))
        slices = [self._codec.parsed(unit) for unit in units if self._codec.is_slice(unit)]
        self.headers.add(slices)
        if (idr_pic_id := slices[0].own_idr_pic_id) is not None:
            self.idr_pic_ids.add(idr_pic_id)
            if len(self.idr_pic_ids) > MAXIMUM_IDR_PIC_IDS:
                raise CannotCopy("its pictures are counted in a rare way")
        flags = picture.flags
        if all(parsed.is_intra for parsed in slices) and any(
            h264_entry.is_exact_recovery_point(unit) for unit in units if h264.nal_unit_type(unit) == h264.SEI
        ):
            flags |= RANDOM_ACCESS
        if flags & RANDOM_ACCESS:
            self._counter.begin(slices[0].numbers)
        self._counter.add(slices[0])
        if any(back <= self._counter.counted for parsed in slices for back in parsed.releases or ()):
            flags |= RELEASING
        return picture._replace(flags=flags)


class Copying:
    """Pictures of one copy, in order, whose first becomes an IDR picture with `idr_pic_id`."""

    def __init__(self, codec: OpenH264, length_bytes: int, idr_pic_id: int) -> None:
        self._codec = codec
        self._idr_pic_id = idr_pic_id
        self._length_bytes = length_bytes
        self._counter: Counter | None = None
        """Up to the first IDR picture."""

    def stored(self, packet: Unit, *, begins: bool) -> bytes:
        units = [unit for unit in nal.units(packet, self._length_bytes) if self._codec.stays_in_packet(unit)]
        slices = [unit for unit in units if self._codec.is_slice(unit)]
        if any(h264.nal_unit_type(unit) == h264.IDR_SLICE for unit in slices):
            self._counter = None
        elif begins:
            self._counter = Counter()
            self._counter.begin(self._codec.parsed(slices[0]).numbers)
        if self._counter:
            self._counter.add(self._codec.parsed(slices[0]))
        return nal.length_prefixed([self._unit(unit, begins=begins) for unit in units])

    def _unit(self, unit: Unit, *, begins: bool) -> Unit:
        if self._counter is None or not self._codec.is_slice(unit):
            return unit
        parsed = self._codec.parsed(unit)
        if begins:
            return h264_entry.as_idr(parsed, self._idr_pic_id)
        return h264_entry.counted_from(parsed, self._counter.origin, self._counter.counted)
