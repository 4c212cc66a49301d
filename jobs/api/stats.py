"""How the work went and what is there, as `/stats/` shows it."""

import dataclasses
from typing import Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from jobs import storage
from jobs.api.auth import owner
from jobs.api.documented import failures
from jobs.api.errors import ApiError
from jobs.models import Account
from jobs.services import figures, storage_use
from jobs.services.figures import PERIODS, Group, Spread
from jobs.services.storage_use import Use

router = Router(tags=["Figures"])


class StatsQuery(Schema):
    period: Literal["day", "month", "year"] = Field("day", description="The last 24 hours, 30 days or 12 months.")
    whose: Literal["mine", "everybody"] = Field("mine", description="Of everybody for operators only.")


class SpreadOut(Schema):
    """Seconds; null without any job."""

    median: float | None = Field(description="Half of the jobs took no more.")
    p95: float | None = Field(description="95 of 100 took no more.")

    @classmethod
    def of(cls, spread: Spread) -> "SpreadOut":
        return cls(median=_rounded(spread.median), p95=_rounded(spread.p95))


class GroupOut(Schema):
    """Jobs that ended: in one step of time, of one kind, or all of the period."""

    name: str
    done: int
    failed: int
    cancelled: int
    done_share: float | None = Field(description="0 to 1, of those that were not cancelled; null for none.")
    wait_seconds: SpreadOut = Field(description="In line, of those that were started.")
    run_seconds: SpreadOut = Field(description="At work, of those that succeeded.")
    removed_seconds: float = Field(description="Silence taken out.")
    under_way: int = Field(description="Those of this kind that have not ended; 0 for steps of time.")

    @classmethod
    def of(cls, group: Group) -> "GroupOut":
        return cls(
            name=group.name,
            done=group.done,
            failed=group.failed,
            cancelled=group.cancelled,
            done_share=_rounded(group.done_share),
            wait_seconds=SpreadOut.of(group.wait),
            run_seconds=SpreadOut.of(group.run),
            removed_seconds=round(group.removed_seconds, 3),
            under_way=group.under_way,
        )


class UnderWay(Schema):
    waiting: int
    queued: int
    running: int


class UseOut(Schema):
    """What lies on the disk, in bytes."""

    count: int = Field(description="Recordings.")
    length_seconds: float
    recordings: int
    results: int
    images: int
    total: int

    @classmethod
    def of(cls, use: Use) -> "UseOut":
        facts = dataclasses.asdict(use)
        return cls(total=use.total, **{name: facts[name] for name in cls.model_fields if name in facts})


class OwnerUse(UseOut):
    email: str


class StatsOut(Schema):
    """Figures of a period up to now."""

    period: Literal["day", "month", "year"]
    whose: Literal["mine", "everybody"]
    steps: list[GroupOut] = Field(description="By hour, day or month, the oldest first; the last one is not yet over.")
    operations: list[GroupOut]
    all: GroupOut
    now: UnderWay
    is_whole: bool = Field(description="False when there were so many jobs that only the newest were counted.")
    use: UseOut
    free_bytes: int = Field(description="Room on the disk; in a bucket more than anybody fills.")
    owners: list[OwnerUse] | None = Field(description="Who has most on the disk; for operators who ask of everybody.")


@router.get("", response={200: StatsOut, **failures(403, 422)}, summary="Get figures")
def get_stats(request: HttpRequest, query: Query[StatsQuery]) -> StatsOut:
    """How the work went and what lies on the disk: your own, and for operators also everybody's. They are as old as a
    minute while no job comes, starts or ends."""
    account = owner(request)
    if query.whose == "everybody" and not account.is_staff:
        raise ApiError(403, message="Figures of everybody are for operators. Ask for your own.")
    return told(account if query.whose == "mine" else None, query)


def told(whose: Account | None, query: StatsQuery) -> StatsOut:
    """`whose` None: of everybody."""
    found = figures.kept(whose, PERIODS[query.period])
    uses = [storage_use.of(whose)] if whose else storage_use.by_owner()
    most = uses[: storage_use.MOST_OWNERS]
    return StatsOut(
        period=query.period,
        whose=query.whose,
        steps=[GroupOut.of(group) for group in found.steps],
        operations=[GroupOut.of(group) for group in found.operations],
        all=GroupOut.of(found.all),
        now=UnderWay(**found.now),
        is_whole=found.is_whole,
        use=UseOut.of(storage_use.total(uses, "")),
        free_bytes=storage.free_bytes(),
        owners=None if whose else [OwnerUse(email=use.name, **UseOut.of(use).dict()) for use in most],
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
