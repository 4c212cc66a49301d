"""Tokens: taken, kept, refused; and sites that do not answer."""

import os
import pty
import signal
import stat
from collections.abc import Callable

import pytest

from tests.client.conftest import Client
from tests.settings import free_port
from tests.site import Site

NOBODY = f"http://127.0.0.1:{free_port()}"


def test_a_token_is_taken_from_standard_input_and_kept_for_its_owner_alone(client: Client, site: Site):
    token = site.token("ann@example.org")
    said = client("login", site.url, typed=f"{token}\n")
    assert said.out.startswith(f"Signed in to {site.url}")
    assert token not in str(said)
    file = client.kept / "sites.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(client.kept.stat().st_mode) == 0o700
    assert [item["url"] for item in client("sites", "--json").document["items"]] == [site.url]
    client("logout")
    assert token not in file.read_text()
    client("list", status=3)


def test_ctrl_c_where_the_token_is_asked_for_ends_it(client: Client):
    ours, theirs = pty.openpty()
    process = client.start("login", NOBODY, stdin=theirs, start_new_session=True)
    assert "Make a token at" in process.stderr.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    os.close(ours)
    assert (process.returncode, "Traceback" in said) == (130, False)


def test_a_wrong_token_is_not_kept(client: Client, site: Site):
    said = client("login", site.url, typed="wrong", status=3)
    assert f"{site.url} does not take the token any more" in said.err
    assert not client.kept.exists()


def test_without_a_token_it_tells_where_to_make_one(client: Client, site: Site):
    address = client("login", site.url, status=2).err.split()[-1]
    assert "API tokens" in site.client("ann@example.org").get(address).text


def test_variables_take_the_place_of_a_login(make_client: Callable[..., Client], site: Site):
    client = make_client(VIDEOSERVICE_URL=site.url, VIDEOSERVICE_TOKEN=site.token("bob@example.org"))
    assert client("list", "--json").document == {"items": [], "count": 0}


def test_a_token_without_its_site_goes_nowhere(make_client: Callable[..., Client], site: Site):
    client = make_client(VIDEOSERVICE_TOKEN=site.token("bob@example.org"))
    assert "Set VIDEOSERVICE_URL as well" in client("list", status=3).err


def test_of_several_sites_the_last_one_is_spoken_to_and_each_by_its_address(client: Client, site: Site):
    other = site.url.replace("127.0.0.1", "localhost")
    client("login", site.url, typed=site.token("ann@example.org"))
    client("login", other, typed=site.token("bob@example.org"))
    assert [item["url"] for item in client("sites", "--json").document["items"]] == [other, site.url]
    client("list", "--site", site.url)
    client("logout", other)
    client("list")


@pytest.mark.parametrize("words", [("list",), ("upload", "talk.mp4"), ("watch",), ("me",), ("jobs", "--json")])
def test_who_is_not_signed_in_is_told_so(client: Client, words: tuple[str, ...]):
    (client.folder / "talk.mp4").write_bytes(b"talk")
    said = client(*words, status=3)
    assert said.out == ""
    assert "You are not signed in. Run: videoservice login" in said.err


def test_a_site_that_is_not_there_is_told_in_a_sentence(make_client: Callable[..., Client]):
    client = make_client(VIDEOSERVICE_URL=NOBODY, VIDEOSERVICE_TOKEN="x")
    said = client("list", status=4)
    assert said.err == f"videoservice: {NOBODY} is not reachable. Check the address and the network.\n"


@pytest.mark.parametrize("url", ["ftp://x", "https://", "https://user@x", "http://x?y=1"])
def test_what_is_no_address_is_refused(client: Client, url: str):
    assert "is not the address of a site" in client("login", url, typed="x", status=2).err
