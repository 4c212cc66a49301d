"""Work that is asked for, waited for, watched, and fetched."""

import json
import os
import pty
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs.models import Video
from jobs.services import presets
from tests import clips
from tests.client.conftest import Client
from tests.client.line import Line, line
from tests.processes import wait_for
from tests.site import Site

MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sound, a pause, sound."""
    sound = clips.Sound(loud=((0, 1.5), (2.5, 4)))
    return clips.make(tmp_path_factory.mktemp("talk") / "talk.mp4", clips.Picture(seconds=4), sound)


@pytest.fixture
def with_talk(signed_in: Client, talk: Path) -> Client:
    signed_in("upload", talk)
    return signed_in


@pytest.fixture
def broken(site: Site, with_talk: Client) -> Client:
    """Its recording has lost its file, so that all work on it fails."""
    with site.orm():
        video = Video.objects.get(pk=with_talk("list", "--json").document["items"][0]["id"])
    (site.media / video.key).unlink()
    return with_talk


def test_the_main_job_in_one_command(signed_in: Client, talk: Path):
    words = ("--run", "silence-cut", "threshold_db=-28", "--wait", "--download", "out")
    said = signed_in("upload", talk, *words, "--json")
    assert [event["event"] for event in said.events][:2] == ["uploaded", "started"]
    job = said.of("job")[-1]["job"]
    assert (job["status"], job["params"]["threshold_db"]) == ("succeeded", -28)
    [saved] = said.of("downloaded")
    path = signed_in.folder / saved["path"]
    assert path.parent == signed_in.folder / "out"
    assert path.stat().st_size == job["artifacts"][0]["size"]
    assert list(path.parent.iterdir()) == [path], "nothing else is left there"


def test_without_json_it_tells_in_plain_lines_what_happens(signed_in: Client, talk: Path):
    said = signed_in("upload", talk, "--run", "extract-audio", "--wait", "--download", ".")
    assert said.out == ""
    lines = [line.split(" ")[0:3] for line in said.err.splitlines()]
    assert lines[0][1] == "uploaded" and lines[-1][0] == "saved"
    assert "extract-audio of talk: done in 0:0" in said.err
    assert "\x1b" not in said.err


def test_a_preset_has_what_is_left_out(site: Site, with_talk: Client):
    with site.orm():
        owner = Video.objects.get(pk=with_talk("list", "--json").document["items"][0]["id"]).owner
        presets.save(owner, "thumbnails", "Few", {"count": 2, "width": 64})
    said = with_talk("run", "talk", "thumbnails", "preset=Few", "width=80", "--wait", "--json")
    params = said.of("job")[-1]["job"]["params"]
    assert (params["count"], params["width"]) == (2, 80)
    assert "You have no preset “Many”" in with_talk("run", "talk", "thumbnails", "preset=Many", status=2).err


def test_a_chain_is_run_and_waited_for(with_talk: Client):
    body = {"name": "Two", "steps": [{"name": "Sound", "operation": "extract-audio"}]}
    with_talk.post("pipelines", body)
    said = with_talk("run", "talk", "--chain", "two", "--download", ".", "--json")
    assert [event["job"]["status"] for event in said.of("job")] == ["succeeded"]
    assert len(said.of("downloaded")) == 1
    run = said.of("started")[0]["run"]
    assert "is here already" in with_talk("wait", run[:8], "--download", ".").err
    assert "is here already" in with_talk("download", run.replace("-", "")).err
    assert "There is no job or run" in with_talk("cancel", "talk", status=2).err


def test_a_job_that_fails_ends_with_1_and_its_sentence(broken: Client):
    said = broken("run", "talk", "extract-audio", "--wait", status=1)
    assert "extract-audio of talk: failed. " in said.err
    [job] = broken("jobs", "--status", "failed", "--json").document["items"]
    assert broken("retry", job["id"][:8], "--wait", "--json", status=1).of("job")[-1]["job"]["id"] != job["id"]


def test_watch_follows_jobs_to_their_end(with_talk: Client):
    with_talk("run", "talk", "extract-audio")
    with_talk("run", "talk", "thumbnails", "count=1")
    assert {event["job"]["operation"] for event in with_talk("watch", "--json").of("job")} <= {
        "extract-audio",
        "thumbnails",
    }
    assert "Nothing is under way." in with_talk("watch").err
    assert {item["status"] for item in with_talk("jobs", "--json").document["items"]} == {"succeeded"}


def test_a_job_can_be_cancelled(make_web_site: Callable[..., Site], make_client: Callable[..., Client], talk: Path):
    site = make_web_site()  # where nobody works
    client = make_client(VIDEOSERVICE_URL=site.url, VIDEOSERVICE_TOKEN=site.token("ann@example.org"))
    [started] = client("upload", talk, "--run", "extract-audio", "--json").of("started")
    watching = client.start("watch")
    assert "in line" in watching.stderr.readline()
    watching.send_signal(signal.SIGINT)
    _, said = watching.communicate(timeout=30)
    assert (watching.returncode, "videoservice watch shows it" in said) == (130, True)
    client("cancel", started["job"][:8])
    assert client("jobs", "--json").document["items"][0]["status"] == "cancelled"
    client("cancel", started["job"])
    client("wait", started["job"], status=1)


def test_names_that_may_be_several_things_are_told(with_talk: Client, talk: Path):
    with_talk("upload", talk, "--again")
    said = with_talk("run", "talk", "extract-audio", status=2)
    assert said.err.startswith("videoservice: “talk” may be ")
    assert "Give more of the id." in said.err
    assert "There is no recording or job “tal”" in with_talk("run", "tal", "extract-audio", status=2).err


def test_tags_are_given_listed_by_and_taken(with_talk: Client):
    with_talk("tag", "talk", "--add", "Garden", "--add", "Winter")
    [item] = with_talk("list", "--tag", "garden", "--tag", "winter", "--json").document["items"]
    assert item["tags"] == ["Garden", "Winter"]
    assert "Winter" not in with_talk("tag", "talk", "--remove", "winter").out
    assert with_talk("list", "--tag", "winter", "--json").document["count"] == 0
    assert "--add NAME" in with_talk("tag", "talk", status=2).err
    assert "at most 40 letters" in with_talk("tag", "talk", "--add", "x" * 41, status=1).err


def test_deleting_asks_first_and_can_be_undone(with_talk: Client):
    assert "Say so with --yes." in with_talk("delete", "talk", status=2).err
    assert with_talk("list", "--json").document["count"] == 1
    assert "To have it back: videoservice restore" in with_talk("delete", "talk", "--yes").err
    assert with_talk("list", "--json").document["count"] == 0
    with_talk("restore", "talk")
    assert with_talk("list", "--json").document["count"] == 1
    with_talk("delete", "talk", "--yes", "--permanently")
    assert with_talk("trash", "--json").document["count"] == 0


# Downloads -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def slow(site: Site) -> Iterator[Line]:
    with line(site.url) as made:
        yield made


@pytest.fixture
def large(slow: Line, site: Site, signed_in: Client, talk: Path) -> Client:
    """With a recording of some megabytes, spoken to through the slow line."""
    file = signed_in.folder / "large.mp4"
    room = (4 * MEGABYTE + 8).to_bytes(4, "big") + b"free" + os.urandom(4 * MEGABYTE)
    file.write_bytes(talk.read_bytes() + room)
    signed_in("upload", file)
    known = json.loads((signed_in.kept / "sites.json").read_text())
    known["sites"][0]["url"] = slow.url
    (signed_in.kept / "sites.json").write_text(json.dumps(known))
    return signed_in


def test_a_download_goes_on_where_it_was_ended(slow: Line, large: Client):
    slow.rate = 4 * MEGABYTE
    process = large.start("download", "large", "back/", "--original")
    wait_for(lambda: slow.down > 1.5 * MEGABYTE, "a part to be here")
    process.kill()
    process.communicate()
    slow.rate, slow.down = None, 0
    large("download", "large", "back/", "--original")
    assert slow.down < 4 * MEGABYTE, "what was here was fetched again"
    assert (large.folder / "back" / "large.mp4").read_bytes() == (large.folder / "large.mp4").read_bytes()
    assert len(list((large.folder / "back").iterdir())) == 1


def test_a_download_goes_on_when_the_line_breaks(slow: Line, large: Client):
    slow.rate = 4 * MEGABYTE
    process = large.start("download", "large", "--to", "back", "--original")
    wait_for(lambda: slow.down > 1.5 * MEGABYTE, "a part to be here")
    slow.cut()
    assert process.wait(60) == 0
    assert (large.folder / "back" / "large.mp4").read_bytes() == (large.folder / "large.mp4").read_bytes()


def test_no_other_file_is_written_over(with_talk: Client, talk: Path):
    mine = with_talk.folder / "talk.mp4"
    mine.write_text("mine")
    for _ in range(2):  # the second time it is there already
        with_talk("download", "talk", "--original")
        assert mine.read_text() == "mine"
        assert (with_talk.folder / "talk (2).mp4").read_bytes() == talk.read_bytes()
    assert len(list(with_talk.folder.iterdir())) == 2
    with_talk("download", "talk", "--original", "--force")
    assert mine.read_bytes() == talk.read_bytes()


def test_with_force_results_of_one_command_do_not_replace_each_other(with_talk: Client, talk: Path):
    other = with_talk.folder / "other" / "talk.mp4"
    other.parent.mkdir()
    other.write_bytes(talk.read_bytes() + (16).to_bytes(4, "big") + b"free" + bytes(8))
    with_talk("upload", other)
    ids = [item["id"] for item in with_talk("list", "--json").document["items"]]
    for name in ("talk.mp4", "talk (2).mp4"):
        (with_talk.folder / name).write_text("from before")
    for _ in range(2):  # the second time all is there already
        with_talk("download", *ids, ids[0], "--original", "--force")
        saved = {path.name: path.read_bytes() for path in with_talk.folder.glob("*.mp4")}
        assert saved == {"talk.mp4": other.read_bytes(), "talk (2).mp4": talk.read_bytes()}


def test_what_came_damaged_is_not_kept(site: Site, with_talk: Client):
    with site.orm():
        video = Video.objects.get(pk=with_talk("list", "--json").document["items"][0]["id"])
    file = site.media / video.key
    file.write_bytes(bytes(file.stat().st_size))
    assert "came damaged" in with_talk("download", "talk", "--original", status=1).err
    assert list(with_talk.folder.iterdir()) == []


def test_what_has_no_results_is_told(with_talk: Client):
    assert "--original" in with_talk("download", "talk", status=2).err


# A terminal ----------------------------------------------------------------------------------------------------------


def test_on_a_terminal_bars_move_and_lists_are_tables(with_talk: Client):
    assert "TITLE" in on_terminal(with_talk, "list", TERM="xterm")
    bars = on_terminal(with_talk, "run", "talk", "silence-cut", "--wait", TERM="xterm")
    assert ("%" in bars, "\x1b[36m" in bars) == (True, True)
    plain = on_terminal(with_talk, "run", "talk", "silence-cut", "--wait", TERM="xterm", NO_COLOR="1")
    assert ("%" in plain, "\x1b[36m" in plain) == (True, False)


def on_terminal(client: Client, *words: str, **env: str) -> str:
    """What a command shows on a terminal of its own."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen:
        process = client.start(*words, stdout=theirs, stderr=theirs, env=env)
        os.close(theirs)
        shown = b""
        while block := read(screen):
            shown += block
        assert process.wait(60) == 0, shown
    return shown.decode()


def read(screen: object) -> bytes:
    try:
        return screen.read(4096)  # type: ignore[attr-defined, no-any-return]
    except OSError:  # how a terminal ends
        return b""
