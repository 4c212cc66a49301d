"""The filters of templates: wording and outcomes, and what a template cannot say by itself."""

from typing import Any

from django import template

from jobs import outcome, preferences, remedies, tray, wording
from jobs.models import Artifact, Job
from jobs.operations import forms as operation_forms

register = template.Library()

FILTERS = (
    *(
        wording.clock,
        wording.moment,
        wording.size,
        wording.span,
        wording.brief,
        wording.count,
        wording.ordinal,
        wording.percent,
        wording.times,
        wording.attribute,
    ),
    *(wording.codec, wording.channels, wording.rate, wording.resolution, wording.initial, wording.lower_first),
    *(wording.dimensions, wording.audio, wording.around),
    *(
        preferences.day,
        preferences.short_day,
        preferences.minute,
        preferences.when,
        preferences.lately,
        preferences.instant,
    ),
    operation_forms.in_units,
    *(outcome.ending, outcome.proof, outcome.taken_at, outcome.on_its_way),
    *(outcome.made, outcome.chain_made, outcome.cost),
)
for function in FILTERS:
    register.filter(function)


@register.filter
def of_kind(artifacts: list[Artifact], kinds: str) -> list[Artifact]:
    """Those of these kinds, given as words: "video audio"."""
    return [artifact for artifact in artifacts if artifact.kind in kinds.split()]


@register.filter
def not_of_kind(artifacts: list[Artifact], kinds: str) -> list[Artifact]:
    return [artifact for artifact in artifacts if artifact.kind not in kinds.split()]


@register.filter
def dictlookup(mapping: dict[str, Any], key: str) -> Any:
    """For keys that a template cannot write, such as those with a hyphen."""
    return mapping.get(key)


@register.filter
def share(value: Any) -> str:
    """A part of one whole in per cent, also one that was typed; "" for what is no number."""
    try:
        return wording.percent(float(value))
    except (TypeError, ValueError):
        return ""


register.filter("remedies", remedies.of)
register.filter("settings_address", remedies.address_of)
register.filter("tray", tray.of)
register.filter("tray_of_chain", tray.of_chain)


@register.filter
def bytes_of(job: Job) -> int:
    """What its results take."""
    return sum(artifact.size for artifact in job.artifacts.all() if artifact.missing_since is None)


@register.filter
def ending_of(artifact: Artifact) -> str:
    """What kind of file it is, as its name tells: srt."""
    return artifact.name.rpartition(".")[2].lower()
