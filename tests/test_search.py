"""Finding what was said, on the real index of each database."""

import pytest

from jobs.models import Artifact, IndexedTranscript, Job, SaidLine, Video
from jobs.services import reconcile, search, transcripts, trash
from jobs.services.wanted import Wanted
from tests import factories, transcribed

pytestmark = pytest.mark.django_db(transaction=True)  # MariaDB finds only what was committed
LINES = (
    (1.0, "Good morning everybody, this is about"),
    (4.0, "the budget of next year. To be"),
    (8.0, "or not to be, says the budget"),
    (12.0, "北京大学在海淀区"),
    (15.0, "and naïve people don’t know it"),
)


@pytest.fixture
def ann():
    return factories.account("ann@example.org")


@pytest.fixture
def talk(ann, settings):
    video = factories.video(ann, title="Talk")
    heard(video, settings, *LINES)
    return video


def heard(video, settings, *lines):
    """A recording's transcript, indexed as after its job."""
    job = transcribed.keep(video, transcribed.transcript(*lines), settings.MEDIA_ROOT)
    transcripts.index_of(job)
    return job


def starts(owner, question):
    return [moment.start for moment in search.find(owner, question).moments]


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("budget", [4.0, 8.0]),
        ("BUDG", [4.0, 8.0]),
        ("budget morning", [1.0]),
        ("naive morning", []),
        ("everybody year", [1.0]),  # over the end of a line
        ('"about the budget"', [1.0]),
        ('"budget about"', []),
        ('"to be or not to be"', [4.0]),
        ("to be", [4.0, 8.0]),
        ("the", [4.0, 8.0]),  # common words count too
        ("大学", [12.0]),
        ("京大", [12.0]),
        ("区", [12.0]),
        ("大海", []),
        ("naive dont", [15.0]),
        ("+budget -year * ( \" ' @", [4.0]),
        ("", []),
        ("?!", []),
    ],
)
def test_a_question_finds_the_places_where_it_is_said(talk, ann, question, found):
    assert starts(ann, question) == found


def test_a_moment_tells_recording_times_and_words(talk, ann):
    (moment,) = search.find(ann, "everybody year").moments
    assert (moment.video, moment.start, moment.end) == (talk, 1.0, 6.8)
    assert moment.text == "Good morning everybody, this is about the budget of next year. To be"
    assert [text for text, is_hit in moment.parts if is_hit] == ["everybody", "year"]
    assert "".join(text for text, _ in moment.parts) == moment.text


def test_others_find_nothing(talk, settings):
    eve = factories.account("eve@example.org")
    assert starts(eve, "budget") == []
    heard(factories.video(eve), settings, (3.0, "another budget"))
    assert starts(eve, "budget") == [3.0]


def test_those_of_the_newest_recording_come_first(talk, ann, settings):
    newer = factories.video(ann, title="Newer")
    heard(newer, settings, (2.0, "a budget"))
    assert [(m.video.title, m.start) for m in search.find(ann, "budget").moments] == [
        ("Newer", 2.0),
        ("Talk", 4.0),
        ("Talk", 8.0),
    ]


def test_a_changed_line_is_found_by_its_new_words_and_taken_back_by_its_old_ones(talk, ann):
    stored = transcripts.of(talk)
    changed = transcripts.edit(stored, stored.version, 1, "the harvest of last year. To be")
    assert starts(ann, "harvest") == [4.0]
    assert starts(ann, "budget") == [8.0]
    transcripts.undo(changed, changed.version)
    assert starts(ann, "harvest") == []
    assert starts(ann, "budget") == [4.0, 8.0]


def test_only_the_newest_transcript_counts_and_without_it_the_one_before(talk, ann, settings):
    job = heard(talk, settings, (5.0, "only harvest"))
    assert (starts(ann, "budget"), starts(ann, "harvest")) == ([], [5.0])
    Job.objects.filter(pk=job.pk).delete()
    assert starts(ann, "harvest") == []
    transcripts.catch_up()
    assert starts(ann, "budget") == [4.0, 8.0]


def test_the_index_goes_with_the_recording(talk, ann):
    talk.delete()
    assert not SaidLine.objects.exists()
    assert not IndexedTranscript.objects.exists()
    assert starts(ann, "budget") == []


def test_what_a_death_left_unindexed_is_caught_up_once(ann, settings, monkeypatch):
    video = factories.video(ann)
    transcribed.keep(video, transcribed.transcript((1.0, "lost words")), settings.MEDIA_ROOT)
    assert starts(ann, "lost") == []
    reconcile.sweep()
    assert starts(ann, "lost") == [1.0]
    monkeypatch.setattr(transcripts, "index", pytest.fail)
    reconcile.sweep()


def test_a_transcript_whose_file_is_gone_is_not_tried_for_ever(talk, ann, settings, monkeypatch):
    found = Artifact.objects.get(kind="data")
    (settings.MEDIA_ROOT / found.key).unlink()
    transcripts.index(found)
    assert starts(ann, "budget") == []
    monkeypatch.setattr(transcripts, "index", pytest.fail)
    transcripts.catch_up()


def test_what_is_in_the_trash_is_not_found_and_comes_back(talk, ann):
    removal = trash.remove(talk)
    assert starts(ann, "budget") == []
    trash.restore(removal)
    transcripts.catch_up()
    assert starts(ann, "budget") == [4.0, 8.0]


def test_transcripts_of_results_that_are_gone_hold_up_no_others(ann, settings):
    """They can never be indexed, as there is nothing that they are of."""
    old = factories.video(ann, title="Old")
    transcribed.keep(old, transcribed.transcript((1.0, "lost words")), settings.MEDIA_ROOT)
    video = factories.video(ann)
    for _ in range(2):
        job = transcribed.keep(video, transcribed.transcript((1.0, "of a result")), settings.MEDIA_ROOT)
        Job.objects.filter(pk=job.pk).update(on_result=True, source=None)
    transcripts.catch_up(most=1)
    assert starts(ann, "lost") == [1.0]


def test_many_recordings_take_no_more_queries(ann, settings, django_assert_max_num_queries):
    for _ in range(8):
        heard(factories.video(ann), settings, (1.0, "the harvest"), (4.0, "of next year"))
    with django_assert_max_num_queries(4):
        assert starts(ann, "harvest year") == [1.0] * 8


def test_no_more_is_looked_at_than_anybody_reads(talk, ann, settings, monkeypatch):
    monkeypatch.setattr(search, "MOST", 1)
    found = search.find(ann, "budget")
    assert (len(found.moments), found.is_all) == (1, False)


def test_a_few_are_of_several_recordings():
    def moments(count):
        video = Video(title="x")
        return [search.Moment(video, at, at + 1, "x", []) for at in range(count)]

    first, second, third = moments(7), moments(1), moments(3)
    every = search.Found([*first, *second, *third], is_all=True)
    assert every.some(5) == [*first[:2], *second, *third[:2]]
    assert every.some(4) == [*first[:2], *second, *third[:1]]
    assert search.Found(first, is_all=True).some(5) == first[:5]
    assert search.NOTHING.some(5) == []


def test_only_the_recordings_that_are_wanted_are_looked_at(ann, talk):
    assert search.find(ann, "budget", Wanted(kind=talk.kind).recordings(ann)).moments
    assert not search.find(ann, "budget", Wanted(tags=("none",)).recordings(ann)).moments
