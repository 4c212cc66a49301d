import pytest
from django.test import Client
from django.urls import reverse

from jobs import storage
from jobs.models import Artifact
from tests import factories


@pytest.fixture
def operator():
    return factories.account("root@example.org", is_staff=True, is_superuser=True)


@pytest.fixture
def admin_client(operator):
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def ann(operator):
    return factories.account("ann@example.org")


def address(model, page="changelist", *args):
    return reverse(f"admin:jobs_{model._meta.model_name}_{page}", args=args)


def with_file(job, name="1.jpg"):
    artifact = Artifact.objects.create(
        job=job, kind="image", name=name, key=f"artifacts/{job.pk}/{name}", size=7, media_type="image/jpeg"
    )
    file = storage.path(artifact.key)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"picture")
    return artifact, file


def with_source(owner, **fields):
    video = factories.video(owner, **fields)
    video.key = f"videos/{video.pk}/source.mp4"
    video.save()
    file = storage.path(video.key)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"video")
    return video, file


def act(client, model, action, *objects, **extra):
    data = {"action": action, "_selected_action": [str(obj.pk) for obj in objects], **extra}
    return client.post(address(model), data, follow=True)


def delete(client, obj):
    return client.post(address(type(obj), "delete", obj.pk), {"post": "yes"}, follow=True)
