"""What the same work on several recordings would take together."""

from collections.abc import Iterable, Sequence

from jobs.models import Video
from jobs.operations import registry
from jobs.operations.base import Params
from jobs.services import chain_drafts, pipelines, quotes
from jobs.services.expectation import Expected, Experiences
from jobs.services.pipelines import Chain
from jobs.services.quotes import Quote
from jobs.services.result_size import Shares


def of_work(videos: Sequence[Video], slug: str, params: Params) -> Quote | None:
    """Work on each that allows it; None where none does. For checked parameters."""
    known, shares, operation = Experiences(), Shares(), registry.get(slug)
    fitting = (video for video in videos if operation.unfit(video.info) is None)
    return total(quotes.of(video, slug, params, known, shares) for video in fitting)


def of_chain(videos: Sequence[Video], chain: Chain) -> Quote | None:
    """A saved chain on each."""
    known, shares, steps = Experiences(), Shares(), pipelines.chain_of(chain)
    return total(filter(None, (chain_drafts.quote(video, steps, known, shares) for video in videos)))


def total(quotes: Iterable[Quote]) -> Quote | None:
    """One after the other; known where it is known of all."""
    every = list(quotes)
    if not every:
        return None
    sizes = [one.bytes for one in every if one.bytes is not None]
    times = [one.seconds for one in every if one.seconds is not None]
    copies = {one.copies for one in every}
    return Quote(
        _sum(times) if len(times) == len(every) else None,
        sum(sizes) if len(sizes) == len(every) else None,
        copies.pop() if len(copies) == 1 else "",
    )


def _sum(times: Sequence[Expected]) -> Expected:
    return Expected(sum(one.low for one in times), sum(one.likely for one in times), sum(one.high for one in times))
