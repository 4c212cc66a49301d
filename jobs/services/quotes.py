"""What work would cost before it is asked for: time, bytes, and what of the recording is copied."""

import dataclasses

from jobs import wording
from jobs.errors import InputError
from jobs.models import Video
from jobs.operations import registry
from jobs.operations.base import Params
from jobs.services import expectation, inputs
from jobs.services.expectation import Expected, Experiences, Load
from jobs.services.result_size import Shares


@dataclasses.dataclass(frozen=True)
class Quote:
    """`seconds` that the work takes once it begins, and `bytes` of its results; None where nothing like it was ever
    done here. `copies` says in a few words what stays as it is."""

    seconds: Expected | None
    bytes: int | None
    copies: str = ""

    def __str__(self) -> str:
        """“About 2 min, 322 MB, copies the sound”; honest about what nobody knows."""
        time = wording.about(self.seconds.low, self.seconds.high) if self.seconds else ""
        size = f"about {wording.size(self.bytes)}" if self.bytes and not time else wording.size(self.bytes)
        known = ", ".join(filter(None, (time or "time not known yet", size or "size not known yet", self.copies)))
        if not time and not size:
            known = ", ".join(filter(None, ("not done here before: time and size not known yet", self.copies)))
        return known[0].upper() + known[1:]


def of(
    subject: Video, slug: str, params: Params, known: Experiences | None = None, shares: Shares | None = None
) -> Quote:
    """For checked parameters. Nothing is looked into but rows; who asks for several hands on what is known."""
    info = subject.info
    load = expectation.fields(info, slug, params, inputs.infos(subject.owner, slug, params))
    seconds = (known or Experiences()).expected(Load.of(slug, *load.values()))
    size = (shares or Shares()).size(slug, load["load_key"], load["load_seconds"], info)
    return Quote(seconds, size, _copies(subject, slug, params))


def _copies(subject: Video, slug: str, params: Params) -> str:
    try:
        return registry.get(slug).copies(subject.info, params)
    except InputError:  # the form says that
        return ""
