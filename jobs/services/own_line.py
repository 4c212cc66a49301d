"""An owner's own line on hold: of what waits nothing is begun until they go on. What runs goes on, and what comes
waits too.

Whether it is on hold is asked where workers take work (`line_fronts.heads`). Others are served meanwhile as if nothing
of it were there, and whoever goes on again has no more coming to them than who has just come.
"""

from django.db import transaction
from django.db.models.functions import Now

from jobs import publish
from jobs.models import Account, QueueState
from jobs.services import line, line_fronts, queues


def is_paused(owner: Account) -> bool:
    """As its row says now."""
    return Account.objects.filter(pk=owner.pk, line_paused_at__isnull=False).exists()


def pause(owner: Account) -> bool:
    """Begin no more of its work. False: it was paused already.

    The queues' rows are held meanwhile, as by a worker that takes something: when this returns none is about to.
    """
    for name in queues.names():
        QueueState.objects.get_or_create(name=name)
    with transaction.atomic():
        list(QueueState.objects.select_for_update().order_by("name"))
        changed = Account.objects.filter(pk=owner.pk, line_paused_at=None).update(line_paused_at=Now())
    if changed:
        _tell(owner)
    return bool(changed)


def resume(owner: Account) -> bool:
    """Begin its work again. False: it was not paused."""
    if not Account.objects.filter(pk=owner.pk, line_paused_at__isnull=False).update(line_paused_at=None):
        return False
    for name in queues.names():
        # Entries in Redis that workers took meanwhile are gone.
        line.ring_many(name, line_fronts.waiting(name).filter(owner=owner)[: line.MOST_RUNG].count())
    _tell(owner)
    return True


def _tell(owner: Account) -> None:
    """Pages of all who wait, as their places have changed."""
    waiting = [pk for name in queues.names() for pk in line_fronts.counts(name)]
    publish.tell([owner.pk, *waiting])
