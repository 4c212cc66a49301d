"""Who may upload, and what no client should send."""

import pytest

from tests.site import Client, Site
from tests.tus import TUS, begin, begun, offset, patch
from tests.uploads.parts import code


def test_the_upload_of_another_is_not_there(site: Site, ann: Client):
    location = begun(ann, 100)
    bob = site.client("bob@example.org")
    assert bob.head(location, headers=TUS).status_code == 404
    assert patch(bob, location, 0, b"x").status_code == 404
    assert bob.delete(location, headers=TUS).status_code == 404
    assert patch(ann, location, 0, b"x").status_code == 204


def test_the_finished_upload_of_another_is_not_there_either(site: Site, ann: Client, talk: bytes):
    location = begun(ann, len(talk))
    patch(ann, location, 0, talk)
    assert site.client("bob@example.org").head(location, headers=TUS).status_code == 404


def test_nobody_is_asked_to_sign_in(site: Site, ann: Client):
    location = begun(ann, 100)
    nobody = site.client()
    for answer in (begin(nobody, 100), patch(nobody, location, 0, b"x"), nobody.head(location, headers=TUS)):
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_session_needs_a_csrf_token_and_a_bearer_does_not(site: Site, ann: Client):
    location = begun(ann, 100)
    assert code(patch(ann, location, 0, b"x", **{"X-CSRFToken": ""})) == "csrf"
    assert begin(ann, 100, {"X-CSRFToken": "0" * 32}).status_code == 403
    assert ann.delete(location, headers=TUS | {"X-CSRFToken": ""}).status_code == 403
    token = {"Authorization": f"Bearer {site.token('carl@example.org')}"}
    answer = begin(site.client(), 100, token)
    assert answer.status_code == 201
    assert patch(site.client(), answer.headers["Location"], 0, b"x", **token).status_code == 204


@pytest.mark.parametrize("secret", ["", "vs_wrong", "\u00e9", "x" * 5000])
def test_a_wrong_token_opens_nothing(site: Site, ann: Client, secret: str):
    headers = {"Authorization": f"Bearer {secret}".encode("latin-1")}
    assert begin(ann, 100, headers).status_code == 401, "not even beside a good session"


@pytest.mark.parametrize(
    ("length", "status"),
    [("0", 415), ("-1", 400), ("1e9", 400), ("", 400), ("1.5", 400), ("9" * 40, 400), ("9" * 19, 413), ("0x10", 400)],
)
def test_an_absurd_length_is_refused(ann: Client, length: str, status: int):
    answer = begin(ann, length)
    assert answer.status_code == status
    assert answer.json()["error"]["message"].endswith(".")


@pytest.mark.parametrize("wrong", ["-1", "", "x", "9" * 30, "1 2"])
def test_an_absurd_offset_is_refused(ann: Client, wrong: str):
    location = begun(ann, 100)
    assert patch(ann, location, wrong, b"x").status_code == 400
    assert offset(ann, location) == 0


@pytest.mark.parametrize(
    "header", ["filename ~~~", "filename /w==", "filename YQ==,,title ~", "a b c d", "filename =a"]
)
def test_metadata_that_cannot_be_read_is_refused(ann: Client, header: str):
    answer = ann.post("/uploads", headers=TUS | {"Upload-Length": "10", "Upload-Metadata": header})
    assert (answer.status_code, code(answer)) == (400, "bad_request")


@pytest.mark.parametrize(
    "header", ["", "filename", "filename ,  other", "is_confidential,filename YQ==", ",", "other eA=="]
)
def test_metadata_may_be_scarce(ann: Client, header: str):
    answer = ann.post("/uploads", headers=TUS | {"Upload-Length": "10", "Upload-Metadata": header})
    assert answer.status_code == 201


def test_huge_headers_are_refused_and_the_server_goes_on(ann: Client):
    many = {f"X-{number}": "A" * 5000 for number in range(4)}
    for huge in ({"Upload-Metadata": "a " + "A" * 100_000}, many):
        answer = ann.post("/uploads", headers=TUS | {"Upload-Length": "10"} | huge)
        assert (answer.status_code, code(answer)) == (431, "headers_too_long")
    assert begin(ann, 10).status_code == 201


def test_a_client_of_another_version_is_told_ours(ann: Client):
    for headers in ({}, {"Tus-Resumable": "0.2.2"}):
        answer = ann.post("/uploads", headers=headers | {"Upload-Length": "10"})
        assert (answer.status_code, answer.headers["Tus-Version"]) == (412, "1.0.0")


def test_an_unknown_length_is_not_supported(ann: Client):
    assert ann.post("/uploads", headers=TUS | {"Upload-Defer-Length": "1"}).status_code == 400


def test_bytes_of_another_content_type_are_refused(ann: Client):
    location = begun(ann, 100)
    answer = patch(ann, location, 0, b"x", **{"Content-Type": "application/octet-stream"})
    assert (answer.status_code, code(answer)) == (415, "content_type")


def test_other_methods_are_not_for_uploads(ann: Client):
    location = begun(ann, 100)
    assert ann.get(location, headers=TUS).status_code == 405
    assert ann.put(location, headers=TUS).status_code == 405
    assert ann.patch("/uploads", headers=TUS).status_code == 405
