"""What is asked of the audio of a result."""

import dataclasses
from typing import Literal

from jobs.errors import InputError

AudioWay = Literal["auto", "encode", "copy"]
WAYS: tuple[AudioWay, ...] = ("auto", "encode", "copy")


@dataclasses.dataclass(frozen=True)
class AudioOptions:
    """How audio is made: "encode" cuts at the sample, and encodes once. "copy" joins the source's own packets, each
    range within half a packet of where it is planned, and cuts what has no loss at the sample and keeps it without, as
    FLAC. "auto" copies where there is no picture to be in step with.

    With `handover` what would be encoded lossily is written without loss, as FLAC in MP4: a later step encodes it.
    `loudness_lufs` is how loud it is to become, which has to be encoded; None leaves it.
    """

    way: AudioWay = "auto"
    loudness_lufs: float | None = None
    handover: bool = False

    def __post_init__(self) -> None:
        """Raises InputError (`bad_params`)."""
        if self.way == "copy" and self.loudness_lufs is not None:
            raise InputError(
                "Sound that is copied stays as loud as it is. Leave the loudness as it is, or have the sound encoded.",
                code="bad_params",
            )

    @property
    def encoding_unless_asked(self) -> "AudioOptions":
        """The same, where all is to be encoded: copied only when that was asked for."""
        return dataclasses.replace(self, way="encode") if self.way == "auto" else self
