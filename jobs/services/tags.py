"""Words that people sort their recordings by: made where they are given, and there until they are deleted."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count, Q

from jobs import publish
from jobs.errors import InputError
from jobs.models import Account, Tag, Tagging, Video
from jobs.services import naming

LONGEST = 40
MOST = 500
"""Tags of one account."""
MOST_EACH = 20
"""Tags of one recording."""
ROWS = 500
"""Ids in one statement."""


def clean(name: str) -> str:
    """A tag's name as it is kept: one line, without commas, which part several. Raises InputError for none."""
    name = naming.clean(name.replace(",", " ")).lstrip("#").strip()
    if not name:
        raise InputError("A tag needs a name. Write at least one letter.", code="no_name")
    if len(name) > LONGEST:
        raise InputError(f"A tag has at most {LONGEST} letters. Write a shorter one.", code="long_name")
    return name


def key(name: str) -> str:
    return name.casefold()


def several(text: str) -> list[str]:
    """The names in a text that has commas between them, each once. Raises InputError as `clean`."""
    return once(part for part in text.split(",") if part.strip())


def once(names: Iterable[str]) -> list[str]:
    """The names as they are kept, each tag once. Raises InputError as `clean`."""
    return list({key(name): name for name in map(clean, names)}.values())


def of(owner: Account) -> list[Any]:
    """All of an owner's by name. Each has `count`, how many recordings outside of the trash have it."""
    there = Count("taggings", filter=Q(taggings__video__removal=None))
    return list(Tag.objects.of(owner).annotate(count=there).order_by("key"))


def count(tag: Tag) -> int:
    """How many recordings outside of the trash have it."""
    return tag.taggings.filter(video__removal=None).count()


def of_each(pks: Iterable[UUID]) -> dict[UUID, list[str]]:
    """The names of the tags of each of these recordings, in their order; nothing of those without any."""
    return _by_video(Tagging.objects.filter(video__in=list(pks)))


def of_all(owner: Account) -> dict[UUID, list[str]]:
    """The same of all recordings of an owner."""
    return _by_video(Tagging.objects.filter(video__owner=owner))


def _by_video(taggings: Any) -> dict[UUID, list[str]]:
    found: dict[UUID, list[str]] = {}
    for pk, name in taggings.order_by("tag__key").values_list("video", "tag__name"):
        found.setdefault(pk, []).append(name)
    return found


def of_video(video: Video) -> list[str]:
    """The names of a recording's tags, of a result those of the recording that it came from."""
    pk = video.origin_id or video.pk
    return of_each([pk]).get(pk, [])


def give(owner: Account, videos: Sequence[Video], names: Iterable[str]) -> None:
    """Give all of these recordings all of these tags, which are made where there are none.

    Raises InputError for what is no name, and where an account or a recording would have too many; then nothing is
    done.
    """
    change(owner, videos, names, ())


def take(owner: Account, videos: Sequence[Video], names: Iterable[str]) -> None:
    """Take these tags from all of these recordings. What they do not have is left out."""
    change(owner, videos, (), names)


def change(owner: Account, videos: Sequence[Video], given: Iterable[str], taken_away: Iterable[str]) -> None:
    """Both at once, or nothing. Raises InputError as `give`."""
    roots = list(dict.fromkeys(video.origin_id or video.pk for video in videos))
    with transaction.atomic():
        _take(owner, roots, taken_away)
        _give(owner, roots, once(given))
    publish.tell([owner.pk])  # once it is so: pages look right away


def _take(owner: Account, roots: Sequence[UUID], names: Iterable[str]) -> None:
    keys = [key(naming.clean(name).lstrip("#").strip()) for name in names]
    for first in range(0, len(roots) if keys else 0, ROWS):
        part = roots[first : first + ROWS]
        Tagging.objects.filter(video__in=part, tag__owner=owner, tag__key__in=keys).delete()


def _give(owner: Account, roots: Sequence[UUID], names: Sequence[str]) -> None:
    made = _made(owner, names) if names else []
    rows = [Tagging(video_id=pk, tag=tag) for pk in roots for tag in made]
    Tagging.objects.bulk_create(rows, batch_size=ROWS, ignore_conflicts=True)
    _refuse_too_many(roots)


def put(video: Video, names: Iterable[str]) -> None:
    """Have a recording have these tags and no others. Raises InputError as `give`."""
    wanted, root = once(names), video.origin_id or video.pk
    with transaction.atomic():
        Tagging.objects.filter(video=root).exclude(tag__key__in=list(map(key, wanted))).delete()
        _give(video.owner, [root], wanted)
    publish.tell([video.owner_id])


def copy(source: Video, target: Video) -> None:
    """Give a recording the tags of another one of its owner."""
    rows = Tagging.objects.filter(video=source.origin_id or source.pk).values_list("tag", flat=True)
    made = [Tagging(video=target, tag_id=tag) for tag in rows]
    Tagging.objects.bulk_create(made, ignore_conflicts=True)


def _made(owner: Account, names: Sequence[str]) -> list[Tag]:
    """These tags, those that are not there yet made."""
    by_key: Mapping[str, str] = {key(name): name for name in names}
    there = set(Tag.objects.of(owner).filter(key__in=by_key).values_list("key", flat=True))
    missing = [Tag(owner=owner, key=one, name=name) for one, name in by_key.items() if one not in there]
    if missing and Tag.objects.of(owner).count() + len(missing) > MOST:
        raise InputError(f"You have {MOST} tags, and there cannot be more. Delete one first.", code="too_many")
    Tag.objects.bulk_create(missing, ignore_conflicts=True)
    return list(Tag.objects.of(owner).filter(key__in=by_key))


def _refuse_too_many(pks: Sequence[UUID]) -> None:
    for first in range(0, len(pks), ROWS):
        rows = Tagging.objects.filter(video__in=pks[first : first + ROWS]).values("video")
        if rows.annotate(count=Count("pk")).filter(count__gt=MOST_EACH).exists():
            raise InputError(
                f"A recording has at most {MOST_EACH} tags. Take one away first, then add this one.", code="too_many"
            )


def make(owner: Account, name: str) -> Tag:
    """A tag that no recording has yet. Raises InputError as `give`, and when there is one of this name."""
    name = clean(name)
    if Tag.objects.of(owner).filter(key=key(name)).exists():
        raise taken(name)
    return _made(owner, [name])[0]


def rename(tag: Tag, name: str) -> Tag:
    """Call it something else, on all recordings at once. Raises InputError as `make`."""
    name = clean(name)
    if Tag.objects.of(tag.owner).filter(key=key(name)).exclude(pk=tag.pk).exists():
        raise taken(name)
    try:
        with transaction.atomic():
            tag.name, tag.key = name, key(name)
            tag.save(update_fields=["name", "key"])
    except IntegrityError as error:  # somebody else took it at this moment
        raise taken(name) from error
    publish.tell([tag.owner_id])
    return tag


def delete(tag: Tag) -> None:
    """Recordings that have it stay, without it."""
    tag.delete()
    publish.tell([tag.owner_id])


def taken(name: str) -> InputError:
    return InputError(f"There is a tag “{name}” already. Choose another name.", code="name_taken")
