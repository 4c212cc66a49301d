"""What somebody last had done with recordings as they came, which the library offers them again."""

from django.http import QueryDict

from jobs.models import Account

NOTHING = "-"
"""Stands in the place of a chain's slug for: only keep them."""
LONGEST = 8000
"""Characters; a longer one is not kept."""


def of(owner: Account) -> QueryDict | None:
    """Fields of the upload form as they were sent: `pipeline` alone, a slug or NOTHING, or `operations`, `order` and
    the settings of these. None: nothing has been chosen as yet."""
    return QueryDict(owner.last_choice) if owner.last_choice else None


def keep(owner: Account, fields: QueryDict) -> None:
    """Remember what was chosen; written only where it is another choice than the last."""
    chosen = _essential(fields)
    if chosen != owner.last_choice and len(chosen) <= LONGEST:
        owner.last_choice = chosen
        Account.objects.filter(pk=owner.pk).update(last_choice=chosen)


def _essential(fields: QueryDict) -> str:
    slugs = fields.getlist("operations")
    pipeline = fields.get("pipeline") or ("" if slugs else NOTHING)
    kept = QueryDict(mutable=True)
    if pipeline:
        kept["pipeline"] = pipeline
        return kept.urlencode()
    for name in sorted(fields):
        if name in ("operations", "order") or name.startswith(tuple(f"{slug}-" for slug in slugs)):
            kept.setlist(name, fields.getlist(name))
    return kept.urlencode()
