"""The API of the real site: through daphne, Redis and workers."""

import http.client
import json
import time

import pytest
import requests

from tests import media

ROOT = "/api/v1"


@pytest.fixture
def ann(site):
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {site.token('ann-of-the-api@example.org')}"
    return session


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """A tone, two seconds of silence, a tone."""
    path = tmp_path_factory.mktemp("speech") / "speech.mp4"
    tone = "aevalsrc=exprs='if(lt(t,1)+gt(t,3),0.3*sin(2*PI*440*t),0)':d=4:s=48000"
    media.run_ffmpeg(*media.picture(4), "-f", "lavfi", "-i", tone, *media.FAST_X264, "-c:a", "aac", media.url(path))
    return path


def finished(api, address, seconds=60):
    end = time.monotonic() + seconds
    while (job := api.get(address, timeout=30).json())["finished_at"] is None:
        assert time.monotonic() < end, job
        time.sleep(0.2)
    return job


def test_a_script_uploads_cuts_and_downloads(site, ann, speech):
    with speech.open("rb") as file:
        answer = ann.post(f"{site.url}{ROOT}/videos", files={"file": file}, data={"duplicate": "allow"}, timeout=60)
    assert answer.status_code == 201, answer.text
    video = answer.json()
    params = {"threshold_db": -40}
    plan = ann.post(f"{site.url}{ROOT}/videos/{video['id']}/cut-plan", json={"params": params}, timeout=60).json()
    order = {"video": video["id"], "operation": "silence-cut", "params": params}
    job = ann.post(f"{site.url}{ROOT}/jobs", json=order, timeout=30).json()
    after = {"video": video["id"], "operation": "thumbnails", "params": {"count": 2}, "after": [job["id"]]}
    last = ann.post(f"{site.url}{ROOT}/jobs", json=after, timeout=30).json()
    assert last["status"] == "waiting"

    job = finished(ann, f"{site.url}{ROOT}/jobs/{job['id']}")
    assert (job["status"], job["error"], job["progress"], job["attempt"]) == ("succeeded", None, 1, 1)
    (result,) = job["artifacts"]
    assert result["metadata"]["keep"] == plan["keep"]
    data = ann.get(site.url + result["url"], timeout=30)
    assert (len(data.content), data.headers["Content-Type"]) == (result["size"], "video/mp4")
    part = ann.get(site.url + result["url"], headers={"Range": "bytes=4-7"}, timeout=30)
    assert (part.status_code, part.content) == (206, b"ftyp")
    assert requests.get(site.url + result["url"], timeout=30).status_code == 401

    last = finished(ann, f"{site.url}{ROOT}/jobs/{last['id']}")
    assert (last["status"], len(last["artifacts"])) == ("succeeded", 2)
    assert ann.delete(f"{site.url}{ROOT}/videos/{video['id']}", timeout=30).json()["artifacts"] == 3
    assert ann.get(site.url + result["url"], timeout=30).status_code == 404


def test_wrong_content_is_refused_through_the_real_server(site, ann):
    answer = ann.post(f"{site.url}{ROOT}/videos", files={"file": ("a.mp4", b"no video" * 99)}, timeout=60)
    assert answer.status_code == 415, answer.text
    assert answer.json()["error"]["message"]


def test_a_body_over_the_limit_is_refused_before_it_is_sent(site, ann):
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
    connection.putrequest("POST", f"{ROOT}/videos")
    connection.putheader("Authorization", ann.headers["Authorization"])
    connection.putheader("Content-Type", "multipart/form-data; boundary=x")
    connection.putheader("Content-Length", str(300 * 1024**2))
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, json.load(answer)["error"]["code"]) == (413, "too_large")


def test_the_token_of_the_command_works(site):
    token = site.manage("createtoken", "made-by-command@example.org", "--create").stdout
    assert token.startswith("vs_")
    assert token.count("\n") == 1
    headers = {"Authorization": f"Bearer {token.strip()}"}
    assert requests.get(f"{site.url}{ROOT}/jobs", headers=headers, timeout=30).json() == {
        "items": [],
        "count": 0,
        "next": None,
        "cursor": None,
    }
