"""Recordings on their way to a site: through ends of the client and of the line, several at once, and not twice."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs.models import Image, Job, Upload, Video
from tests import media
from tests.client.conftest import Client, Said
from tests.client.line import Line, line
from tests.pictures import written
from tests.processes import wait_for
from tests.site import Site
from videoservice.client import memory

MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of some megabytes: most of it is room that no track uses."""
    path = media.video(tmp_path_factory.mktemp("talk") / "talk.mp4", seconds=2)
    with path.open("ab") as file:
        file.write((4 * MEGABYTE + 8).to_bytes(4, "big") + b"free" + os.urandom(4 * MEGABYTE))
    return path


@pytest.fixture
def slow(site: Site) -> Iterator[Line]:
    with line(site.url) as made:
        yield made


@pytest.fixture
def owner(slow: Line, site: Site, make_client: Callable[..., Client], request: pytest.FixtureRequest) -> Client:
    """Signed in through the slow line, as an account of its own."""
    client = make_client()
    client("login", slow.url, typed=site.token(f"{request.node.name}@example.org"))
    return client


def end_in_the_middle(client: Client, slow: Line, number: int, *words: object) -> tuple[int, str]:
    """Begin to upload, and send the client a signal when a part has passed. Returns its status and last words."""
    slow.rate = 4 * MEGABYTE
    process = client.start("upload", *words)
    wait_for(lambda: slow.up > 1.5 * MEGABYTE, "a part of the file to be on the site")
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    slow.rate, slow.up = None, 0
    return process.returncode, said


def test_an_upload_goes_on_after_its_client_was_killed(site: Site, slow: Line, owner: Client, talk: Path):
    status, _ = end_in_the_middle(owner, slow, signal.SIGKILL, talk)
    assert status == -signal.SIGKILL
    [known] = owner("sites", "--json").document["items"]
    owner("login", slow.url, typed=site.token(known["email"]))  # another token makes no difference
    [uploaded] = owner("upload", talk, "--json").of("uploaded")
    assert slow.up < talk.stat().st_size - MEGABYTE / 2, "what had arrived was sent again"
    with site.orm():
        video = Video.objects.get(pk=uploaded["video"]["id"])
    assert (site.media / video.key).read_bytes() == talk.read_bytes()
    assert list((owner.kept / "uploads").iterdir()) == [], "it is forgotten when it is done"


def test_ctrl_c_ends_it_and_tells_how_to_go_on(slow: Line, owner: Client, talk: Path):
    status, said = end_in_the_middle(owner, slow, signal.SIGINT, talk)
    assert status == 130
    assert "Interrupted. Give the same command again to go on." in said
    assert "Traceback" not in said


def test_an_upload_goes_on_when_the_line_breaks(slow: Line, owner: Client, talk: Path):
    slow.rate = 4 * MEGABYTE
    process = owner.start("upload", talk)
    wait_for(lambda: slow.up > 1.5 * MEGABYTE, "a part of the file to be on the site")
    slow.cut()
    assert process.wait(60) == 0
    assert slow.up < talk.stat().st_size + 3 * MEGABYTE, "it began anew"


def test_an_upload_is_begun_once_when_the_answer_is_lost(site: Site, slow: Line, owner: Client, talk: Path):
    slow.lose = b"POST /api/v1/uploads"
    [uploaded] = owner("upload", talk, "--json").of("uploaded")
    assert slow.lose == b""
    with site.orm():
        video = Video.objects.get(pk=uploaded["video"]["id"])
        assert not Upload.objects.of(video.owner).exists(), "it would hold room until it expires"


def test_an_image_is_made_once_when_the_answer_is_lost(site: Site, slow: Line, owner: Client, talk: Path):
    written(owner.folder / "logo.png")
    [uploaded] = owner("upload", talk, "--json").of("uploaded")
    slow.lose = b"POST /api/v1/images"
    [started] = owner("run", "talk", "watermark", "image=logo.png", "--json").of("started")
    assert slow.lose == b""
    with site.orm():
        [image] = Image.objects.of(Video.objects.get(pk=uploaded["video"]["id"]).owner)
        assert Job.objects.get(pk=started["job"]).params["image"] == str(image.pk)


def test_the_same_command_finds_an_upload_of_which_nobody_told_it(site: Site, slow: Line, owner: Client, talk: Path):
    slow.lose = b"POST /api/v1/uploads"
    process = owner.start("upload", talk)
    wait_for(lambda: slow.lose == b"", "the request to be on its way")
    process.kill()
    process.communicate()
    [uploaded] = owner("upload", talk, "--json").of("uploaded")
    with site.orm():
        assert not Upload.objects.of(Video.objects.get(pk=uploaded["video"]["id"]).owner).exists()


def test_work_that_was_asked_for_is_asked_for_once(slow: Line, owner: Client, talk: Path):
    words = ("upload", talk, "--run", "extract-audio", "format=mp3", "--json")
    process = owner.start(*words, "--wait")
    first = ""
    while '"started"' not in first:
        first = process.stdout.readline()
    process.kill()
    process.communicate()
    said = owner(*words, "--wait")
    assert said.of("started")[0]["job"] in first
    assert owner("jobs", "--json").document["count"] == 1


def test_what_is_there_already_is_not_sent_again(signed_in: Client, talk: Path):
    [first] = signed_in("upload", talk, "--json").of("uploaded")
    said = signed_in("upload", talk, "--run", "extract-audio", "--json")
    assert said.of("duplicate")[0]["video"]["id"] == first["video"]["id"]
    assert len(said.of("started")) == 1
    assert "is here already, as “talk”" in signed_in("upload", talk).err
    [other] = signed_in("upload", talk, "--again", "--json").of("uploaded")
    assert other["video"]["id"] != first["video"]["id"]


def test_a_file_that_is_refused_holds_up_no_other(signed_in: Client, talk: Path):
    (signed_in.folder / "words.mp4").write_bytes(b"only words " * 1000)
    (signed_in.folder / "nothing.mp4").touch()
    said = signed_in("upload", "words.mp4", talk, "nothing.mp4", "--json", status=1)
    refused = {event["file"]: event["error"]["message"] for event in said.of("failed")}
    assert refused.keys() == {"words.mp4", "nothing.mp4"}
    assert "not a video or audio recording" in refused["words.mp4"]
    assert [event["file"] for event in said.of("uploaded")] == [str(talk)]


def test_a_file_that_goes_or_shrinks_meanwhile_holds_up_no_other(slow: Line, owner: Client, talk: Path):
    for name in ("shrinks.mp4", "goes.mp4"):
        shutil.copy(talk, owner.folder / name)
    media.video(owner.folder / "stays.mp4", seconds=1)
    slow.rate = 4 * MEGABYTE
    process = owner.start("upload", "shrinks.mp4", "goes.mp4", "stays.mp4", "--parallel", "1", "--json")
    wait_for(lambda: slow.up > MEGABYTE, "a part of the file to be on the site")
    os.truncate(owner.folder / "shrinks.mp4", MEGABYTE)
    (owner.folder / "goes.mp4").unlink()
    out, err = process.communicate(timeout=60)
    said = Said(out, err)
    assert process.returncode == 1, said
    failed = {event["file"]: event["error"]["message"] for event in said.of("failed")}
    assert failed == {
        "shrinks.mp4": "The file has become shorter while it was sent.",
        "goes.mp4": "No such file or directory (goes.mp4).",
    }
    assert [event["file"] for event in said.of("uploaded")] == ["stays.mp4"]


def test_two_clients_may_clear_away_at_once(owner: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(owner.home))
    forgotten, recent = (owner.kept / "uploads" / f"{name}.json" for name in ("forgotten", "recent"))
    forgotten.parent.mkdir()
    for path in (forgotten, recent):
        path.touch()
    os.utime(forgotten, (0, 0))
    gone = Path(forgotten.parent / "gone.json")
    monkeypatch.setattr(Path, "glob", lambda *_: iter([gone, forgotten, recent]))  # the other one was quicker
    memory.sweep()
    assert list(forgotten.parent.iterdir()) == [recent]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--run", "silence-cut", "threshold_db=loud"], "threshold_db has to be a number or “auto”"),
        (["--run", "silence-cutt"], "Did you mean silence-cut?"),
        (["--chain", "no-such"], "There is no chain “no-such”"),
    ],
)
def test_work_that_cannot_be_done_is_told_before_anything_is_sent(
    signed_in: Client, talk: Path, words: list[str], sentence: str
):
    said = signed_in("upload", talk, *words, status=2)
    assert sentence in said.err
    assert signed_in("list", "--json").document["count"] == 0


def test_a_file_that_is_not_there_is_told(signed_in: Client):
    assert "no-such.mp4" in signed_in("upload", "no-such.mp4", status=2).err
