"""The account and what belongs to it: tokens, webhooks, what was said; and what a shell completes."""

import sys
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from tests.client.conftest import Client
from tests.processes import BASE_DIR, run
from tests.receivers import receiving
from tests.site import Site
from videoservice.client import completion
from videoservice.client.main import app


def test_the_account_is_shown(signed_in: Client):
    assert signed_in("me", "--json").document["email"].endswith("@example.org")
    assert "used bytes\t0 bytes\n" in signed_in("me").out


def test_a_token_is_made_used_and_revoked(signed_in: Client, make_client: Callable[..., Client], site: Site):
    secret = signed_in("tokens", "add", "Export", "--scope", "read").out.strip()
    other = make_client(VIDEOSERVICE_URL=site.url, VIDEOSERVICE_TOKEN=secret)
    other("list")
    assert "“read”" in other("tokens", "add", "More", status=3).err
    [made] = [item for item in signed_in("tokens", "list", "--json").document["items"] if item["name"] == "Export"]
    signed_in("tokens", "delete", made["id"], "--yes")
    other("list", status=3)


def test_a_webhook_is_made_listed_and_deleted(signed_in: Client):
    url = "https://hooks.example.org/video"
    said = signed_in("hooks", "add", url, "--event", "job.failed")
    assert said.out.startswith("whsec_")
    assert url in signed_in("hooks", "list").out
    assert signed_in("hooks", "list", "--json").document["items"][0]["events"] == ["job.failed"]
    signed_in("hooks", "delete", url, "--yes")
    assert "There are no webhooks." in signed_in("hooks", "list").err
    signed_in("hooks", "add", url, "--event", "nonsense", status=2)


def test_what_a_webhook_was_told_is_listed_and_told_again(
    make_web_site: Callable[..., Site], make_client: Callable[..., Client]
):
    site = make_web_site(WEBHOOK_PRIVATE_ADDRESSES="1")
    site.start_worker("hooks")
    client = make_client(VIDEOSERVICE_URL=site.url, VIDEOSERVICE_TOKEN=site.token("ann@example.org"))
    with receiving(status=500) as receiver:
        client("hooks", "add", receiver.url)
        assert "It was told nothing yet." in client("hooks", "deliveries", receiver.url).err
        assert "answered 500." in client("hooks", "test", receiver.url, status=1).out
        [given_up] = client("hooks", "deliveries", receiver.url, "--failed", "--json").document["items"]
        assert "\twebhook.test\tfailed\tanswered 500.\n" in client("hooks", "deliveries", receiver.url).out
        assert "answered 500." in client("hooks", "replay", given_up["id"], status=1).out
        receiver.status = 200
        replayed = client("hooks", "replay", given_up["id"][:8], "--json").document
    assert (replayed["id"], replayed["state"]) == (given_up["id"], "delivered")
    assert [tried["status"] for tried in replayed["tries"]] == [500, 500, 200]
    assert len({one.event for one in receiver.received}) == 1, "by the same id"
    assert "Nothing was given up." in client("hooks", "deliveries", receiver.url, "--failed").err
    assert "There is no delivery “0000”." in client("hooks", "replay", "0000", status=2).err
    client("hooks", "replay", "0" * 32, status=2)


def test_what_nobody_says_is_not_found(signed_in: Client):
    assert signed_in("search", "never", "said", "--json").document["items"] == []
    assert "Nobody says that." in signed_in("search", "never", "said").err


def test_what_a_shell_completes_comes_from_the_site(signed_in: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(completion, "SECONDS", 60)

    def completed(*words: str) -> list[str]:
        env = {"_VIDEOSERVICE_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words)}
        env |= {"COMP_CWORD": str(len(words) - 1)}
        said = CliRunner().invoke(app, [], env=signed_in.env | env, prog_name="videoservice")
        return said.stdout.split()

    assert completed("videoservice", "run", "talk", "silence-") == ["silence-cut"]
    assert completed("videoservice", "upload", "--chain", "pod") == ["podcast"]
    signed_in("logout")
    assert completed("videoservice", "run", "talk", "silence-") == []


def test_a_command_loads_nothing_of_the_server_and_no_more_than_it_needs():
    loaded = "import sys, videoservice.client.main; print(*{name.partition('.')[0] for name in sys.modules})"
    names = set(run([sys.executable, "-c", loaded], cwd=BASE_DIR).stdout.split())
    assert names & {"django", "jobs", "tusclient", "aiohttp"} == set()
