"""Which workers one machine runs: a set that suits its processors, unless WORKERS says otherwise."""

from jobs.engine.runtime import processors
from videoservice import env

QUEUES = ("fast", "cut", "encode", "speech", "hooks", "fetch")
"""A queue for each kind of work: of seconds (thumbnails, copies), cutting, encoding, hearing words, webhooks, and
recordings that come from an address."""
HEAVY = ("cut", "encode", "speech")
"""Those of work that takes longer, and most of a machine."""
FETCHING = 2
PROCESSORS_EACH = 4
"""What one cutting or encoding job keeps busy: with more threads, encoders gain little."""


def size() -> int:
    """How many workers listen to `cut` and to `encode` each; by the processors where WORKERS does not say."""
    return env.integer("WORKERS", max(1, processors.machine() // PROCESSORS_EACH), 1)


def counts(size: int) -> dict[str, int]:
    """How many workers listen to each queue. Words are heard by few: a recogniser takes much memory. One calls
    webhooks, many at once. What fetches recordings waits for other servers, of which one may be slow."""
    half = (size + 1) // 2
    return {"fast": half, "cut": size, "encode": size, "speech": half, "hooks": 1, "fetch": FETCHING}


def heavy(size: int) -> int:
    """How many jobs of more than seconds run at once."""
    return sum(counts(size)[queue] for queue in HEAVY)


def queues(size: int) -> list[str]:
    """The name of the queue of each worker, as `manage.py work` takes them."""
    return [queue for queue, count in counts(size).items() for _ in range(count)]
