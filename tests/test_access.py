"""Everything a person owns is invisible to others: the same 404 as for what does not exist, on every address."""

import uuid

import pytest
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone

from jobs import storage
from jobs.models import Artifact, Delivery, Job, Removal, Run, Tag, Webhook
from jobs.services import imports, presets, trash, uploads
from tests import factories
from tests.accounts.entrance import sign_in
from tests.markup import without_tokens

pytestmark = pytest.mark.django_db
TUS = {"Tus-Resumable": "1.0.0"}
PAGES = [
    ("get", "video", "video"),
    ("get", "video-file", "video"),
    ("head", "video-file", "video"),
    ("get", "video-poster", "video"),
    ("get", "video-levels", "video"),
    ("get", "video-preview", "video"),
    ("get", "video-frame", "video"),
    ("get", "transcript", "video"),
    ("post", "transcript-line", "video"),
    ("post", "transcript-undo", "video"),
    ("post", "video-run", "video"),
    ("get", "video-do", "video"),
    ("get", "video-quote", "video"),
    ("post", "video-chain-add", "video"),
    ("post", "video-chain-change", "video"),
    ("post", "preset-rename", "preset"),
    ("post", "preset-delete", "preset"),
    ("post", "preset-restore", "preset"),
    ("post", "video-chain", "video"),
    ("post", "video-keep", "video"),
    ("post", "video-pin", "video"),
    ("get", "video-tags", "video"),
    ("post", "tag-rename", "tag"),
    ("get", "tag-delete", "tag"),
    ("post", "trash-restore-together", "removal"),
    ("get", "video-part", "video"),
    ("get", "video-results", "video"),
    ("post", "video-title", "video"),
    ("get", "video-delete", "video"),
    ("post", "video-delete", "video"),
    ("post", "video-poster-back", "video"),
    ("get", "artifact-file", "artifact"),
    ("post", "artifact-poster", "artifact"),
    ("get", "artifact-storyboard", "artifact"),
    ("get", "job", "job"),
    ("post", "job-cancel", "job"),
    ("post", "job-retry", "job"),
    ("post", "job-everywhere", "job"),
    ("post", "job-remove", "job"),
    ("get", "queue-results", "job"),
    ("get", "queue-results", "run"),
    ("get", "run", "run"),
    ("get", "run-cancel", "run"),
    ("post", "run-cancel", "run"),
    ("post", "run-retry", "run"),
    ("post", "run-keep", "run"),
    ("get", "run-remove", "run"),
    ("post", "run-remove", "run"),
    ("post", "trash-restore", "removal"),
    ("get", "trash-delete", "removal"),
    ("post", "trash-delete", "removal"),
    ("get", "webhook", "webhook"),
    ("post", "webhook", "webhook"),
    ("post", "webhook-test", "webhook"),
    ("post", "webhook-pause", "webhook"),
    ("post", "webhook-resume", "webhook"),
    ("get", "webhook-secret", "webhook"),
    ("post", "webhook-secret", "webhook"),
    ("get", "webhook-delete", "webhook"),
    ("post", "webhook-delete", "webhook"),
    ("post", "webhook-replay", "webhook"),
    ("post", "delivery-replay", "delivery"),
    ("get", "import-cancel", "import"),
    ("post", "import-cancel", "import"),
    ("post", "import-retry", "import"),
    ("post", "import-remove", "import"),
    ("head", "upload", "upload"),
    ("patch", "upload", "upload"),
    ("delete", "upload", "upload"),
]

MORE = {
    "video-preview": ["watermark"],
    "video-do": ["trim"],
    "video-quote": ["trim"],
    "transcript-line": [0],
    "video-part": ["versions"],
}
"""What an address has besides the id."""
NEED_MEDIA = ("video-levels", "video-preview", "video-frame", "artifact-storyboard", "transcript", "video-results")
"""They show something only of a real recording."""


@pytest.fixture
def anns():
    """One of each thing of Ann's, with files."""
    ann = factories.account("ann@example.org")
    video = factories.video(ann, title="Secret plans", poster="videos/x/poster.jpg")
    job = factories.job(ann, video=video, status=Job.Status.SUCCEEDED)
    artifact = Artifact.objects.create(
        job=job, kind="image", name="1.jpg", key="artifacts/x/1.jpg", size=5, media_type="image/jpeg"
    )
    for key in (video.key, video.poster, artifact.key):
        storage.path(key).parent.mkdir(parents=True, exist_ok=True)
        storage.path(key).write_bytes(b"bytes")
    upload = uploads.begin(ann, name="talk.mp4", length=100)
    coming = imports.begin(ann, "https://example.org/secret.mp4", title="Secret plans")
    run = Run.objects.create(owner=ann, video=video, name="Secret plans", status=Job.Status.RUNNING)
    removal = trash.remove(factories.job(ann, video=video, status=Job.Status.FAILED))
    Removal.objects.update(together=removal.pk)
    webhook = Webhook.objects.create(owner=ann, url="https://plans.example.org/", events=["job.failed"])
    told = {"event": uuid.uuid4(), "kind": "job.failed", "created_at": timezone.now(), "state": "failed"}
    delivery = Delivery.objects.create(webhook=webhook, payload='{"data": "Secret plans"}', **told)
    things = {"video": video, "job": job, "artifact": artifact, "upload": upload, "import": coming, "run": run}
    tag = Tag.objects.create(owner=ann, name="Secret plans", key="secret plans")
    preset = presets.save(ann, "trim", "Secret plans", {"start": 1})
    return things | {"tag": tag, "preset": preset, "removal": removal, "webhook": webhook, "delivery": delivery}


def ask(client, method, name, pk):
    return getattr(client, method)(reverse(name, args=[pk, *MORE.get(name, [])]), headers=TUS)


@pytest.mark.parametrize(("method", "name", "kind"), PAGES)
def test_others_get_the_answer_for_what_does_not_exist(anns, method, name, kind):
    client = Client()
    sign_in(client, factories.account("bob@example.org").email)
    theirs, none = (ask(client, method, name, pk) for pk in (anns[kind].pk, uuid.uuid4()))
    assert theirs.status_code == none.status_code == 404
    assert without_tokens(theirs.content) == without_tokens(none.content)
    assert all(type(thing).objects.filter(pk=thing.pk).exists() for thing in anns.values())


@pytest.mark.parametrize(("method", "name", "kind"), PAGES)
def test_an_operator_is_one_of_the_others_outside_of_the_admin(anns, method, name, kind):
    client = Client()
    sign_in(client, factories.account("root@example.org", is_staff=True, is_superuser=True).email)
    assert ask(client, method, name, anns[kind].pk).status_code == 404


@pytest.mark.parametrize(("method", "name", "kind"), PAGES)
def test_nobody_is_told_to_sign_in_whether_it_exists_or_not(anns, method, name, kind):
    theirs, none = (ask(Client(), method, name, pk) for pk in (anns[kind].pk, uuid.uuid4()))
    assert theirs.status_code == none.status_code
    assert theirs.status_code in (302, 401)
    assert b"Secret plans" not in theirs.content


SHOWN = [page for page in PAGES if page[0] == "get" and page[1] not in NEED_MEDIA]


@pytest.mark.parametrize(("method", "name", "kind"), SHOWN)
def test_the_owner_gets_it(anns, method, name, kind):
    client = Client()
    client.force_login(factories.account("ann@example.org"))
    assert ask(client, method, name, anns[kind].pk).status_code == 200


@pytest.mark.parametrize("path", ["/", "/?q=secret", "/queue/", "/queue/rows/?view=queue", "/stats/", "/trash/"])
def test_lists_do_not_mention_what_belongs_to_others(anns, path):
    client = Client()
    client.force_login(factories.account("bob@example.org"))
    response = client.get(path)
    assert response.status_code == 200
    for text in ("Secret plans", *(str(anns[kind].pk) for kind in ("video", "job", "run"))):
        assert text not in response.content.decode()


def test_the_rows_of_a_video_of_others_are_empty(anns):
    client = Client()
    client.force_login(factories.account("bob@example.org"))
    response = client.get(f"/queue/rows/?view=video&video={anns['video'].pk}")
    assert str(anns["job"].pk) not in response.content.decode()


def test_every_address_of_a_thing_is_tested_here():
    """A new address with an id in it has to be added above."""
    with_id = {
        pattern.name
        for part in get_resolver().url_patterns
        if getattr(part.pattern, "_route", None) == ""
        for pattern in part.url_patterns
        if "<uuid:pk>" in str(pattern.pattern)
    }
    assert with_id == {name for _, name, _ in PAGES}
