"""Chunks: where they go on, what they are checked by, and how large they are."""

import base64
import fcntl
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from jobs.models import Job, Video
from tests.site import Client, Site
from tests.tus import TUS, begun, metadata, offset, patch
from tests.uploads.parts import MIB, code, form_of, part_of


def test_a_chunk_that_does_not_fit_on_is_refused(ann: Client):
    location = begun(ann, 100)
    patch(ann, location, 0, b"x" * 10)
    for wrong in (0, 9, 11, 100):
        answer = patch(ann, location, wrong, b"y" * 10)
        assert (answer.status_code, code(answer)) == (409, "offset")
    assert offset(ann, location) == 10


def test_a_chunk_may_not_go_beyond_the_end(site: Site, ann: Client):
    location = begun(ann, 100)
    assert patch(ann, location, 0, b"x" * 101).status_code == 413
    assert offset(ann, location) == 0
    assert part_of(site, location).stat().st_size == 0


def test_the_size_of_the_part_file_is_the_truth(site: Site, ann: Client):
    location = begun(ann, 100)
    patch(ann, location, 0, b"x" * 50)
    os.truncate(part_of(site, location), 20)  # as after a power cut
    assert offset(ann, location) == 20
    assert patch(ann, location, 20, b"y" * 10).headers["Upload-Offset"] == "30"


def test_while_one_request_is_at_it_another_is_told_to_wait(site: Site, ann: Client):
    location = begun(ann, 100)
    with part_of(site, location).open("r+b") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        assert patch(ann, location, 0, b"x").status_code == 423
        assert ann.head(location, headers=TUS).status_code == 423
        assert ann.delete(location, headers=TUS).status_code == 423
    assert patch(ann, location, 0, b"x").status_code == 204


def test_the_same_chunk_sent_by_many_at_once_is_taken_once(site: Site, ann: Client):
    location, rounds = begun(ann, 100 * MIB), 4
    for number in range(rounds):
        chunk = bytes([number]) * MIB
        with ThreadPoolExecutor(6) as pool:
            sent = [pool.submit(patch, ann, location, number * MIB, chunk) for _ in range(6)]
            statuses = sorted(answer.result().status_code for answer in sent)
        assert statuses[0] == 204 and set(statuses[1:]) <= {409, 423}
    assert part_of(site, location).read_bytes() == b"".join(bytes([number]) * MIB for number in range(rounds))


def test_who_missed_the_last_answer_can_ask_again(ann: Client, talk: bytes):
    location = begun(ann, len(talk), filename="talk.mp4")
    video = patch(ann, location, 0, talk).headers["Video-Id"]
    again = ann.head(location, headers=TUS)
    assert again.headers["Upload-Offset"] == again.headers["Upload-Length"] == str(len(talk))
    assert again.headers["Video-Id"] == video


def test_what_is_whole_but_was_never_looked_at_is_finished_when_asked_for(site: Site, ann: Client, talk: bytes):
    location = begun(ann, len(talk), filename="talk.mp4")
    part_of(site, location).write_bytes(talk)  # the web process died before it could look
    answer = ann.head(location, headers=TUS)
    assert answer.headers["Upload-Offset"] == str(len(talk))
    with site.orm():
        assert Video.objects.filter(pk=answer.headers["Video-Id"])


def test_it_survives_a_restart_of_the_web_process(make_web_site: Callable[..., Site], talk: bytes):
    site = make_web_site()
    client = site.client("ann@example.org")
    location = begun(client, len(talk))
    patch(client, location, 0, talk[:1000])
    site.restart_web()
    client = site.client("ann@example.org")
    assert offset(client, location) == 1000
    assert patch(client, location, 1000, talk[1000:]).headers["Video-Id"]


def test_who_goes_on_may_order_other_work(site: Site, ann: Client, talk: bytes):
    location = begun(ann, len(talk), filename="talk.mp4", work=form_of("silence-cut"))
    patch(ann, location, 0, talk[:1000])
    wrong = patch(ann, location, 1000, talk[1000:], **{"Upload-Metadata": metadata(work="operations=paint-it-red")})
    assert (wrong.status_code, code(wrong)) == (422, "invalid")
    assert offset(ann, location) == 1000
    other = {"Upload-Metadata": metadata(work=form_of("thumbnails"))}
    done = patch(ann, location, 1000, talk[1000:], **other)
    with site.orm():
        assert [job.operation for job in Job.objects.filter(video=done.headers["Video-Id"])] == ["thumbnails"]


def test_it_can_be_given_up(site: Site, ann: Client):
    location = begun(ann, 100)
    patch(ann, location, 0, b"x" * 10)
    assert ann.delete(location, headers=TUS).status_code == 204
    assert ann.head(location, headers=TUS).status_code == 404
    assert not part_of(site, location).exists()


def test_a_method_can_be_said_in_a_header(ann: Client):
    location = begun(ann, 100)
    headers = TUS | {"X-HTTP-Method-Override": "DELETE"}
    assert ann.post(location, headers=headers).status_code == 204
    assert ann.head(location, headers=TUS).status_code == 404


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
def test_a_damaged_chunk_is_refused(ann: Client, algorithm: str):
    location, chunk = begun(ann, 100), b"x" * 10
    digest = base64.b64encode(hashlib.new(algorithm, chunk).digest()).decode()
    damaged = patch(ann, location, 0, b"y" * 10, **{"Upload-Checksum": f"{algorithm} {digest}"})
    assert (damaged.status_code, code(damaged)) == (460, "checksum")
    assert offset(ann, location) == 0
    assert patch(ann, location, 0, chunk, **{"Upload-Checksum": f"{algorithm} {digest}"}).status_code == 204


@pytest.mark.parametrize("header", ["crc32 AAAA", "sha1", "sha1 not~base64", "", "sha1 \u00e9"])
def test_a_checksum_that_cannot_be_read_is_refused(ann: Client, header: str):
    location = begun(ann, 100)
    answer = patch(ann, location, 0, b"x", **{"Upload-Checksum": header})
    assert answer.status_code in (400, 460)
    assert offset(ann, location) == 0


@pytest.mark.parametrize("streamed", [False, True], ids=["length said", "length not said"])
def test_a_chunk_over_the_limit_is_refused(site: Site, ann: Client, streamed: bool):
    location = begun(ann, 100 * MIB)
    data = iter([b"x" * MIB] * 9) if streamed else b"x" * (8 * MIB + 1)
    answer = patch(ann, location, 0, data)
    assert (answer.status_code, code(answer)) == (413, "too_large")
    assert "8 MB" in answer.json()["error"]["message"]
    assert part_of(site, location).stat().st_size == 0


def test_a_chunk_of_just_the_limit_is_taken(ann: Client):
    location = begun(ann, 100 * MIB)
    assert patch(ann, location, 0, b"x" * 8 * MIB).headers["Upload-Offset"] == str(8 * MIB)
