"""What H.264 and HEVC have in common: packets of NAL units, and parameter sets that stand in the track's header."""

import zlib
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar, Protocol, Self

from jobs.engine.model.mediainfo import VideoTrack
from jobs.engine.smartcut.bitstream import nal
from jobs.engine.smartcut.bitstream.bits import MAXIMUM_UNIT_BYTES
from jobs.engine.smartcut.bitstream.nal import Unit
from jobs.engine.smartcut.codec import CannotCopy, Codec, CodedPicture, PatchSettings, SequenceParameterSet

# An H.264 track's header counts sequence parameter sets to 31 and others to 255, and ours have to fit in.
MAXIMUM_SPS, MAXIMUM_PARAMETER_SETS = 30, 254
LENGTH_BYTES = 4
"""How results tell the length of a unit."""
QUANTIZER_EVERY_PICTURES = 13
"""A prime, which does not keep step with groups of pictures."""
# Quantizers of what is encoded are a little finer than the source's. The first loses nothing that is seen, and the
# second little enough for any source; one that is coarser than the third has no detail to lose.
FINEST_QUANTIZER, FINE_QUANTIZER, COARSEST_QUANTIZER = 15, 26, 28
TORN = -2
"""No checksum: the units of a packet reach beyond it."""


class Sps(SequenceParameterSet, Protocol):
    def fits(self, other: Self) -> bool:
        """Whether decoders go from pictures of one to those of the other without setting up anew."""


class NalCodec(Codec):
    quick: ClassVar[tuple[PatchSettings, ...]]
    """With constant quantizers, which are chosen by the source's; theirs are added to these."""
    sps_type: ClassVar[int]
    """nal_unit_type of a sequence parameter set."""
    pps_type: ClassVar[int]
    """nal_unit_type of a picture parameter set."""

    @abstractmethod
    def parse_extradata(self, extradata: bytes) -> tuple[int, list[bytes]]:
        """Bytes of a unit's length (0: start codes) and the parameter sets that the container tells."""

    @abstractmethod
    def parameter_set_key(self, unit: Unit) -> tuple[int, int] | None:
        """nal_unit_type and id of a unit that belongs in a track's header; None for others."""

    @abstractmethod
    def parse_sps(self, unit: bytes) -> Sps:
        """Read a sequence parameter set."""

    @abstractmethod
    def pps_ids(self, unit: bytes) -> tuple[int, int]:
        """Of a picture parameter set: its own id and that of its sequence parameter set."""

    @abstractmethod
    def is_slice(self, unit: Unit) -> bool: ...

    @abstractmethod
    def slice_pps_id(self, unit: Unit) -> int:
        """Id of the picture parameter set that a slice was coded with."""

    @abstractmethod
    def picture_flags(self, unit: Unit, sps: SequenceParameterSet) -> int:
        """Those of the picture that a slice belongs to."""

    @abstractmethod
    def stays_in_packet(self, unit: Unit) -> bool:
        """Whether a unit stands in a packet as MP4 stores it; parameter sets do not, they stand in the header."""

    def as_broken_link(self, unit: Unit) -> Unit:
        """A unit of the picture at which a copy begins, changed to say that nothing before it may be needed."""
        return unit

    @abstractmethod
    def slice_qp(self, unit: Unit, sps: SequenceParameterSet, pps: Unit) -> int:
        """The quantizer of luma that a picture's first slice begins with. Raises ValueError."""

    def steps(self, quantizer: int | None, track: VideoTrack) -> tuple[PatchSettings, ...]:
        source = FINE_QUANTIZER if quantizer is None else quantizer
        finest = min(max(source - 2, FINEST_QUANTIZER), FINE_QUANTIZER)
        coarsest = min(max(source - 1, FINE_QUANTIZER), COARSEST_QUANTIZER)
        quick = [replace(step, finest=finest + step.finest, coarsest=coarsest + step.coarsest) for step in self.quick]
        return (*quick, self.bulk)

    def reader(self, extradata: bytes) -> "NalReader":
        return NalReader(self, extradata)

    def parse_all_sps(self, parameter_sets: tuple[bytes, ...]) -> list[SequenceParameterSet]:
        keyed = [(self.parameter_set_key(unit), unit) for unit in parameter_sets]
        return [self.parse_sps(unit) for key, unit in keyed if key and key[0] == self.sps_type]

    def stored_copy(self, packet: Unit, parameter_sets: tuple[bytes, ...], length_bytes: int, *, begins: bool) -> bytes:
        """Without what belongs in the track's header."""
        stored = [unit for unit in nal.units(packet, length_bytes) if self.stays_in_packet(unit)]
        return nal.length_prefixed([self.as_broken_link(unit) for unit in stored] if begins else stored)

    def stored_checksum(self, packet: Unit) -> int:
        units = list(nal.units(packet, LENGTH_BYTES))
        # A length that reaches beyond the packet shows when it is written anew.
        return self.checksum(units) if nal.length_prefixed(units) == packet else TORN

    def checksum(self, units: Iterable[Unit]) -> int:
        """Of a picture as MP4 stores it: the same in every container, and wherever a copy begins."""
        value = 0
        for unit in units:
            if self.stays_in_packet(unit):
                stored = self.as_broken_link(unit)
                value = zlib.crc32(stored, zlib.crc32(len(stored).to_bytes(4, "big"), value))
        return value


class NalReader:
    """Reads the packets of one track; gathers parameter sets from them and from its header."""

    def __init__(self, codec: NalCodec, extradata: bytes) -> None:
        self._codec = codec
        self.length_bytes, found = codec.parse_extradata(extradata)
        self.parameter_sets: dict[tuple[int, int], bytes] = {}
        self.copies_verbatim = self.length_bytes == LENGTH_BYTES
        self._sps: dict[int, Sps] = {}
        self._sps_id_of_pps: dict[int, int] = {}
        self._is_header_read = False
        self._pictures = 0
        for unit in found:
            self.add_parameter_set(unit)
        self._is_header_read = True

    @property
    def stored_parameter_sets(self) -> tuple[bytes, ...]:
        return tuple(unit for _, unit in sorted(self.parameter_sets.items()))

    def read(self, packet: Unit) -> CodedPicture:
        flags: int | None = None
        quantizer: int | None = None
        units = list(nal.units(packet, self.length_bytes))
        for unit in units:
            if not self._codec.stays_in_packet(unit):
                self.copies_verbatim = False
            # The first slice speaks for all of a picture.
            if flags is None and self._codec.is_slice(unit):
                sps = self._sps_of_slice(unit)
                flags = self._codec.picture_flags(unit, sps)
                quantizer = self._quantizer(unit, sps)
            else:
                self.add_parameter_set(unit)
        if flags is None:
            raise CannotCopy("some of it holds no picture")
        return CodedPicture(flags, self._codec.checksum(units), quantizer)

    def _quantizer(self, unit: Unit, sps: Sps) -> int | None:
        """Of some pictures, which speak for all. A header that is too rare to be read does not hinder copying."""
        self._pictures += 1
        if self._pictures % QUANTIZER_EVERY_PICTURES != 1:
            return None
        try:
            pps = self.parameter_sets[self._codec.pps_type, self._codec.slice_pps_id(unit)]
            return self._codec.slice_qp(unit, sps, pps)
        except (ValueError, KeyError):
            return None

    def add_parameter_set(self, unit: Unit) -> None:
        """Keep what belongs in the header. Raises CannotCopy when it does not fit what was there before."""
        key = self._codec.parameter_set_key(unit)
        if key is None:
            return
        stored = bytes(unit).rstrip(b"\0")
        if key not in self.parameter_sets:
            self._add(key, stored)
        elif self.parameter_sets[key] != stored:
            raise CannotCopy("its coding changes on the way")

    def _add(self, key: tuple[int, int], unit: bytes) -> None:
        kind, parameter_set_id = key
        if kind == self._codec.sps_type:
            found = self._codec.parse_sps(unit)
            # Each smart cut adds one, made to fit. Decoders that begin anywhere must find it in the header.
            is_told = not self._sps or not self._is_header_read or not self.length_bytes
            if not is_told or not all(found.fits(other) for other in self._sps.values()):
                raise CannotCopy("its coding changes on the way")
            self._sps[parameter_set_id] = found
        elif kind == self._codec.pps_type:
            self._sps_id_of_pps[parameter_set_id] = self._codec.pps_ids(unit)[1]
        self.parameter_sets[key] = unit
        if (
            len(self._sps) > MAXIMUM_SPS
            or len(self.parameter_sets) > MAXIMUM_PARAMETER_SETS
            or len(unit) > MAXIMUM_UNIT_BYTES
        ):
            raise CannotCopy("its coding is described in too many ways")

    def _sps_of_slice(self, unit: Unit) -> Sps:
        """The one that a slice was coded with."""
        if len(self._sps) == 1:
            return next(iter(self._sps.values()))
        found = self._sps.get(self._sps_id_of_pps.get(self._codec.slice_pps_id(unit), -1))
        if found is None:
            raise CannotCopy("its coding is not described")
        return found
