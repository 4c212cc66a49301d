"""Tags: made where they are given, the same in every spelling, gone with nothing but their own deletion."""

import pytest
from django.db import connection

from jobs import publish
from jobs.errors import InputError
from jobs.models import Tag, Tagging, Video
from jobs.services import tags, trash, videos
from jobs.services.wanted import Wanted
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann():
    return factories.account()


def test_a_tag_is_made_where_it_is_given_and_is_one_in_all_spellings(ann):
    first, second = factories.video(ann), factories.video(ann)
    tags.give(ann, [first, second], ["Analysis II", "winter  term"])
    tags.give(ann, [first], ["#analysis ii"])
    assert [(tag.name, tag.count) for tag in tags.of(ann)] == [("Analysis II", 2), ("winter term", 2)]
    assert tags.of_video(first) == ["Analysis II", "winter term"]


def test_two_letters_are_never_one_in_any_database(ann):
    first, second = factories.video(ann), factories.video(ann)
    tags.give(ann, [first], ["café", "🎓"])
    tags.give(ann, [second], ["cafe", "🎬"])
    assert [tags.of_video(video) for video in (first, second)] == [["café", "🎓"], ["cafe", "🎬"]]
    assert list(Wanted(tags=("CAFE",)).recordings(ann)) == list(Wanted(q="cafe").recordings(ann)) == [second]
    tags.take(ann, [first], ["cafe"])
    assert tags.of_video(first) == ["café", "🎓"]


def test_tags_of_others_are_others(ann):
    eve = factories.account("eve@example.org")
    tags.give(ann, [factories.video(ann)], ["Talks"])
    tags.give(eve, [factories.video(eve)], ["Talks"])
    tags.take(eve, list(Video.objects.of(ann)), ["Talks"])
    assert Tag.objects.count() == Tagging.objects.count() == 2


def test_a_tag_is_taken_from_several_and_stays_for_the_next_time(ann):
    videos = [factories.video(ann) for _ in range(2)]
    tags.give(ann, videos, ["Talks", "Lectures"])
    tags.take(ann, videos, ["TALKS", "never there"])
    assert tags.of_each([video.pk for video in videos]) == {video.pk: ["Lectures"] for video in videos}
    assert [(tag.name, tag.count) for tag in tags.of(ann)] == [("Lectures", 2), ("Talks", 0)]


def test_what_lies_in_the_trash_does_not_count_and_has_its_tags_when_it_is_back(ann):
    video = factories.video(ann)
    tags.give(ann, [video], ["Talks"])
    removal = trash.remove(video)
    assert [tag.count for tag in tags.of(ann)] == [0]
    trash.restore(removal)
    assert (tags.of_video(video), [tag.count for tag in tags.of(ann)]) == (["Talks"], [1])
    trash.delete(video)
    assert (Tag.objects.count(), Tagging.objects.count()) == (1, 0)


@pytest.mark.parametrize("name", ["", "  ", "#", ",", "\u200b", "x" * 41])
def test_what_is_no_name_is_refused_in_a_sentence(ann, name):
    with pytest.raises(InputError, match=r"\.$"):
        tags.give(ann, [factories.video(ann)], [name])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["give", "take", "change", "put"])
def test_pages_are_told_once_it_is_so(ann, monkeypatch, how):
    video = factories.video(ann)
    seen = []
    monkeypatch.setattr(publish, "tell", lambda owners: seen.append(connection.in_atomic_block))
    asked = {"put": (video, ["Talks"]), "change": (ann, [video], ["Talks"], ["Other"])}
    getattr(tags, how)(*asked.get(how, (ann, [video], ["Talks"])))
    assert seen == [False]


def test_there_is_a_limit_to_the_tags_of_a_recording_and_nothing_is_done_beyond(ann):
    video = factories.video(ann)
    tags.put(video, [f"tag {number}" for number in range(tags.MOST_EACH)])
    with pytest.raises(InputError, match="at most 20"):
        tags.give(ann, [video], ["one more"])
    assert len(tags.of_video(video)) == Tag.objects.count() == tags.MOST_EACH
    tags.put(video, ["another"])
    assert tags.of_video(video) == ["another"]


def test_there_is_a_limit_to_the_tags_of_an_account(ann, monkeypatch):
    monkeypatch.setattr(tags, "MOST", 2)
    tags.give(ann, [factories.video(ann)], ["one", "two"])
    with pytest.raises(InputError, match="Delete one first"):
        tags.make(ann, "three")


def test_a_tag_is_renamed_on_all_recordings_but_not_to_one_that_is_there(ann):
    video = factories.video(ann)
    tags.put(video, ["Talks", "Lectures"])
    talks = Tag.objects.get(name="Talks")
    with pytest.raises(InputError, match="already"):
        tags.rename(talks, "LECTURES")
    tags.rename(talks, "talks")
    assert tags.of_video(video) == ["Lectures", "talks"]
    tags.delete(talks)
    assert (tags.of_video(video), Video.objects.count()) == (["Lectures"], 1)


def test_the_tags_of_many_are_looked_up_at_once(ann, django_assert_num_queries):
    videos = [factories.video(ann) for _ in range(30)]
    tags.give(ann, videos, ["Talks"])
    with django_assert_num_queries(1):
        assert len(tags.of_each([video.pk for video in videos])) == 30


def test_names_are_ordered_as_people_count_and_follow_the_title(ann):
    titles = ["Lecture 10", "lecture 9", "Éclair", "eclipse", "Zebra"]
    for title in titles:
        factories.video(ann, title=title)
    names = list(Video.objects.order_by("sort_name").values_list("title", flat=True))
    assert names == ["Éclair", "eclipse", "lecture 9", "Lecture 10", "Zebra"]
    video = Video.objects.get(title="Zebra")
    video.title = "Aardvark"
    video.save(update_fields=["title"])
    assert Video.objects.order_by("sort_name").first() == video


def test_what_an_older_version_left_unsorted_is_put_right(ann):
    factories.video(ann, title="Lecture 10")
    Video.objects.update(sort_name="")
    videos.name_unsorted()
    assert Video.objects.get().sort_name == "lecture 00000010"
