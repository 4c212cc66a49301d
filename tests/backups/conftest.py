import pytest

from jobs.models import Artifact, Job, Token
from jobs.services import transcripts
from tests import factories, transcribed
from tests.backups.installs import put

S = Job.Status


@pytest.fixture
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.DATA_DIR = tmp_path
    settings.MEDIA_ROOT.mkdir()
    (tmp_path / "secret_key").write_text("the secret of this install")
    return settings.MEDIA_ROOT


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "backups"


@pytest.fixture
def ann(media):
    """With a recording, its result, a transcript, a token, a webhook, and a job that waits for another."""
    ann = factories.account("ann@example.org")
    video = factories.video(ann, title="Grüße \U0001f600", key=put("videos/1/source.mp4", b"film" * 1000))
    job = factories.job(ann, video=video, status=S.SUCCEEDED, params={"version": 1, "keep": [[0.5, 1]]})
    Artifact.objects.create(
        job=job, kind="video", name="cut.mp4", key=put("artifacts/1/1/cut.mp4", b"cut"), size=3, media_type="video/mp4"
    )
    waiting = factories.job(ann, video=video, status=S.WAITING)
    waiting.after.add(job)
    transcripts.index_of(transcribed.keep(video, transcribed.transcript((1.0, "a harvest")), media))
    Token.issue(ann, "Nightly")
    return ann
