"""Every documented call with data made up from its schema, right and wrong: no failure of the server, and no answer
that the document does not tell of. New calls are tried by themselves."""

import itertools
import uuid
from unittest import mock

import hypothesis
import pytest
import schemathesis
from django.conf import settings as site
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.utils import timezone
from schemathesis import GenerationMode
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from jobs.models import Artifact, Delivery, Job, Run, Token, Webhook
from tests import factories, media, transcribed
from tests.api import ROOT
from tests.pictures import logo

pytestmark = [
    pytest.mark.django_db,
    # Uploaded files are taken up late, when the next test has emptied their folder.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
EXAMPLES = 5
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def config() -> SchemathesisConfig:
    generation = GenerationConfig(modes=MODES, with_security_parameters=False)
    return SchemathesisConfig(projects=ProjectsConfig(default=ProjectConfig(generation=generation)))


with mock.patch("videoservice.tables.are_there", return_value=True):  # the document needs none, and there are none yet
    schema = schemathesis.openapi.from_wsgi(f"{ROOT}/openapi.json", get_wsgi_application(), config=config())


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return media.video(tmp_path_factory.mktemp("film") / "film.mp4", seconds=1).read_bytes()


@pytest.fixture
def world(settings, film, tmp_path):
    """An account with one of each thing, whose ids take the place of made up ones in every second call."""
    settings.TOKEN_CALLS_PER_MINUTE = settings.ACCOUNT_CALLS_PER_MINUTE = 0
    ann = factories.account("ann@example.org")
    video = factories.video(ann, key="videos/film/source.mp4", poster="videos/film/poster.jpg")
    write(video.key, film)
    write(video.poster, logo(kind="JPEG"))
    job = factories.job(ann, video=video, status=Job.Status.SUCCEEDED)
    picture = {"kind": "image", "name": "1.jpg", "media_type": "image/jpeg", "metadata": {"time": 0.5}}
    key = f"artifacts/{job.pk}/1.jpg"
    write(key, logo(kind="JPEG"))
    artifact = Artifact.objects.create(job=job, key=key, size=5, **picture)
    transcribed.keep(video, transcribed.transcript((0.1, "we seize the day")), site.MEDIA_ROOT)
    run = Run.objects.create(owner=ann, video=video, name="Chain", status=Job.Status.FAILED)
    webhook = Webhook.objects.create(owner=ann, url="https://hooks.example.org/", events=["job.failed"])
    told = {"event": uuid.uuid4(), "kind": "job.failed", "created_at": timezone.now()}
    delivery = Delivery.objects.create(webhook=webhook, state=Delivery.State.FAILED, **told)
    secret = Token.issue(ann)
    known = {"video": video, "job": job, "artifact": artifact, "run": run, "webhook": webhook, "delivery": delivery}
    headers = {"Authorization": f"Bearer {secret}", "Accept-Encoding": "identity"}
    return headers, {name: str(thing.pk) for name, thing in known.items()}


def write(key, data):
    (site.MEDIA_ROOT / key).parent.mkdir(parents=True, exist_ok=True)
    (site.MEDIA_ROOT / key).write_bytes(data)


@pytest.fixture(autouse=True)
def kept_connection():
    """That of the test, as with Django's own client."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


turns = itertools.count()


def with_known(case, known):
    """In every second call, ids of things that are there in place of those that were made up."""
    if next(turns) % 2:
        return
    for name, value in dict(case.path_parameters or {}).items():
        thing = name.removesuffix("_id")
        if thing in known and is_id(value):
            case.path_parameters[name] = known[thing]
    if isinstance(case.body, dict):
        for name in known.keys() & case.body.keys():
            if is_id(case.body[name]):
                case.body[name] = known[name]


def is_id(value):
    try:
        return bool(uuid.UUID(str(value)))
    except ValueError:
        return False


def test_the_document_is_one_of_openapi():
    schema.validate()


@schema.parametrize()
@hypothesis.settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)
def test_no_call_fails_and_every_answer_is_documented(case, world):
    headers, known = world
    with_known(case, known)
    response = case.call(headers=headers)
    case.validate_response(response, checks=CHECKS)
