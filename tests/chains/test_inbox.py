"""Files that appear in a folder."""

import os
from pathlib import Path

import pytest

from jobs.errors import ResourceError
from jobs.models import Account, Run, Video
from jobs.services import inbox, pipelines, uploads
from jobs.services.inbox import Inbox
from tests import media
from tests.chains.conftest import TRIM

pytestmark = pytest.mark.django_db(transaction=True)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watched(tmp_path: Path, clock: Clock) -> Inbox:
    return Inbox(tmp_path / "inbox", 10, clock)


@pytest.fixture
def folder(tmp_path: Path, ann: Account) -> Path:
    pipelines.save(ann, "Mine", [TRIM])
    found = tmp_path / "inbox" / "Ann@example.org" / "mine"
    found.mkdir(parents=True)
    return found


def rounds(watched: Inbox, clock: Clock, seconds: float = 11) -> None:
    watched.look()
    clock.now += seconds
    watched.look()


def names(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def test_a_file_that_stands_still_becomes_a_recording_with_its_chain(watched, clock, folder, ann):
    media.video(folder / "Week 1.mp4", seconds=2)
    rounds(watched, clock)
    video = Video.objects.get(owner=ann)
    assert (video.title, Run.objects.get(video=video).slug) == ("Week 1", "mine")
    assert names(folder) == ["done/Week 1.mp4"]
    rounds(watched, clock)
    assert Video.objects.count() == 1


def test_a_file_that_still_grows_is_left(watched, clock, folder):
    file = media.video(folder / "talk.mp4", seconds=2)
    data = file.read_bytes()
    file.write_bytes(data[:1000])
    watched.look()
    for end in (2000, 3000, len(data)):
        clock.now += 9
        file.write_bytes(data[:end])
        watched.look()
    assert not Video.objects.exists() and names(folder) == ["talk.mp4"]
    clock.now += 11
    watched.look()
    assert Video.objects.exists()


def test_what_is_no_recording_is_put_aside_with_the_reason(watched, clock, folder):
    (folder / "notes.mp4").write_text("milk, bread")
    rounds(watched, clock)
    assert names(folder) == ["failed/notes.mp4", "failed/notes.mp4.txt"]
    reason = (folder / "failed" / "notes.mp4.txt").read_text()
    assert reason.rstrip().endswith(".") and len(reason) > 30


@pytest.mark.parametrize(
    ("path", "said"), [("ann@example.org/nothing", "no chain “nothing”"), ("bob@example.org/mine", "no account bob")]
)
def test_a_folder_that_names_nothing_is_told(watched, clock, folder, path, said):
    other = watched.root / path
    other.mkdir(parents=True)
    media.video(other / "talk.mp4", seconds=2)
    rounds(watched, clock)
    assert said in (other / "failed" / "talk.mp4.txt").read_text()
    assert not Video.objects.exists()


def test_the_same_bytes_again_are_put_aside(watched, clock, folder):
    media.video(folder / "talk.mp4", seconds=2)
    rounds(watched, clock)
    media.video(folder / "talk.mp4", seconds=2)
    rounds(watched, clock)
    assert "already there" in (folder / "failed" / "talk.mp4.txt").read_text()
    assert Video.objects.count() == 1


def test_hidden_unfinished_and_linked_files_are_left(watched, clock, folder, tmp_path):
    elsewhere = media.video(tmp_path / "elsewhere.mp4", seconds=2)
    for name in (".hidden.mp4", "talk.mp4.part", "~talk.mp4"):
        (folder / name).write_bytes(elsewhere.read_bytes())
    (folder / "link.mp4").symlink_to(elsewhere)
    rounds(watched, clock)
    assert not Video.objects.exists()
    assert len(names(folder)) == 4


def test_of_two_machines_one_takes_a_file(folder):
    file = media.video(folder / "talk.mp4", seconds=2)
    assert inbox.take(folder, file) is not None
    assert inbox.take(folder, file) is None
    assert len(names(folder)) == 1


def test_what_was_taken_by_one_that_died_is_gone_on_with_once(watched, clock, folder, ann, monkeypatch):
    own = inbox.take(folder, media.video(folder / "talk.mp4", seconds=2))
    with monkeypatch.context() as dying:
        dying.setattr(inbox, "_end", lambda *_: Path("/nowhere").stat())
        with pytest.raises(OSError, match="nowhere"):
            inbox._arrive(folder, own)
    video = Video.objects.get(owner=ann)
    Run.objects.all().delete()  # as if it had died between the two
    watched.look()
    assert Video.objects.get() == video
    assert Run.objects.count() == 1
    assert names(folder) == ["done/talk.mp4"]


def test_a_file_that_another_process_copies_is_left_to_it(watched, folder):
    own = inbox.take(folder, media.video(folder / "talk.mp4", seconds=2))
    pid = os.fork()
    if pid == 0:
        with inbox._held(own) as source:
            os.kill(os.getpid(), 19)  # SIGSTOP, with the lock
            os._exit(0 if source else 1)
    os.waitpid(pid, os.WUNTRACED)
    try:
        watched.look()
        assert not Video.objects.exists()
    finally:
        os.kill(pid, 18)
        assert os.waitpid(pid, 0)[1] == 0
    watched.look()
    assert Video.objects.exists()


def refuse_to_open(monkeypatch, name: str, *ways: int) -> None:
    """As for a file of somebody else: the superuser, whom tests may run as, is refused nothing."""
    opened = os.open

    def guarded(path, flags, *rest, **options):
        if Path(path).name == name and flags & os.O_ACCMODE in ways:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, flags, *rest, **options)

    monkeypatch.setattr(os, "open", guarded)


def test_a_file_that_may_only_be_read_is_taken_in(watched, clock, folder, monkeypatch):
    media.video(folder / "talk.mp4", seconds=2)
    with monkeypatch.context() as other:
        refuse_to_open(other, "talk.mp4", os.O_RDWR, os.O_WRONLY)
        rounds(watched, clock)
    assert Video.objects.exists() and names(folder) == ["done/talk.mp4"]


def test_a_file_that_may_only_be_read_is_locked_too(folder, monkeypatch):
    own = inbox.take(folder, media.video(folder / "talk.mp4", seconds=2))
    refuse_to_open(monkeypatch, "talk.mp4", os.O_RDWR, os.O_WRONLY)
    with inbox._held(own) as first, inbox._held(own) as second:
        assert first and second is None


def test_a_file_that_cannot_be_read_is_told(watched, clock, folder, monkeypatch, caplog):
    media.video(folder / "talk.mp4", seconds=2)
    with monkeypatch.context() as other:
        refuse_to_open(other, "talk.mp4", os.O_RDWR, os.O_RDONLY)
        rounds(watched, clock)
    assert "talk.mp4 stays where it is" in caplog.text and "Permission denied" in caplog.text
    watched.look()
    assert names(folder) == ["done/talk.mp4"]


def test_what_another_machine_just_finished_is_passed_over(watched, folder, monkeypatch):
    own = inbox.take(folder, media.video(folder / "talk.mp4", seconds=2))
    found = inbox._folders_of_ids

    def finishing(place: Path):
        for one in found(place):
            inbox._end(own, folder / "done")
            yield one

    monkeypatch.setattr(inbox, "_folders_of_ids", finishing)
    assert inbox.taken(folder) == []
    assert names(folder) == ["done/talk.mp4"]


def test_a_full_disk_costs_no_file(watched, clock, folder, monkeypatch):
    media.video(folder / "talk.mp4", seconds=2)

    def refuse(length: int) -> None:
        raise ResourceError("The disk is full.")

    with monkeypatch.context() as full:
        full.setattr(
            uploads, "refuse_overfull", lambda length: (_ for _ in ()).throw(ResourceError("The disk is full."))
        )
        rounds(watched, clock)
    assert not Video.objects.exists()
    assert names(folder)[0].startswith(".taken/")
    watched.look()
    assert names(folder) == ["done/talk.mp4"]
