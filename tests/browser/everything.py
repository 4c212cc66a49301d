"""An account with something in every state, for all that its pages can show."""

from uuid import uuid4

from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.utils import user_pk_to_url_str
from django.utils import timezone

from jobs.models import Account, Artifact, Delivery, Job, Removal, Sweep, Tag, Webhook
from jobs.services import tags
from jobs.services.events import Kind
from jobs.services.sweeping import Report
from tests import factories
from tests.pages.test_runs import chain

EMAIL = "looks@example.org"
S = Job.Status


def everything(site):
    """Make it for the account EMAIL, an operator. Returns what stands in the addresses of pages, by name."""
    site.account(EMAIL, is_staff=True)
    with site.orm():
        owner = Account.objects.get(email=EMAIL)
        long = "Weekly review of everything that happened in the garden, 17 November, camera A"
        video = factories.video(owner, title=long, facts=factories.info(seconds=2544), size=1_290_000_000)
        audio = factories.video(owner, title="Podcast 112, raw", facts=factories.info(seconds=3895, video=None))
        for name in ("Garden", "Everything that was said in the winter"):
            tag = Tag.objects.create(owner=owner, name=name, key=tags.key(name))
            tag.taggings.create(video=video)
        jobs = {status: factories.job(owner, video=video, status=status) for status in S.values}
        run = chain(owner, S.SUCCEEDED, S.RUNNING, S.WAITING, S.WAITING, video=video)
        Job.objects.update(queue="nobody works on this")
        running = Job.objects.filter(status=S.RUNNING)
        stage = "Encoding around 1 214 cuts, 87 % untouched"
        running.update(heartbeat_at="2100-01-01T00:00Z", progress=0.62, stage=stage, eta_seconds=18)
        failed = Job.objects.filter(pk=jobs[S.FAILED].pk)
        failed.update(
            error_message="Nothing in this recording reaches the threshold of -12 dBFS. Choose a lower one.",
            command_log="ffmpeg -nostdin -i file:/a/very/long/path/to/some/recording.mp4 -map 0:0 -f f32le pipe:1",
            log_tail="Conversion failed",
        )
        done = jobs[S.SUCCEEDED]
        facts = {
            "source_duration": 2544,
            "output_duration": 1865.5,
            "render_reason": "The whole picture is encoded, because no stretch of what is kept can be copied.",
            "checked": "checked: 55 950 frames, 1 213 joins, drift 0 ms",
        }
        for kind, name in (("video", "cut.mp4"), ("image", "one.jpg"), ("image", "two.jpg"), ("audio", "cut.m4a")):
            values = {"key": "none", "size": 5000, "media_type": "x/y", "sha256": "0" * 64}
            made = Artifact.objects.create(job=done, kind=kind, name=name, metadata={"seconds": 754, **facts}, **values)
            if kind == "video":
                version = factories.video(owner, pk=made.pk, artifact=made, origin=video, title=f"{long}: cut")
        jobs[S.WAITING].after.add(jobs[S.RUNNING])
        confirm = confirm_link(owner)  # first: the key of the other one depends on the addresses
        links = {"account": owner.pk, "confirm_link": confirm, "reset_link": reset_link(owner)}
        links |= {"run": run.pk, "version": version.pk, **told(owner), **gone(owner, long)}
        return {"video": video.pk, "audio": audio.pk, "done": done.pk, "failed": jobs[S.FAILED].pk, **links}


def gone(owner, title):
    """Something in the trash, something whose file is lost, and a sweep that has found both kinds of strays."""
    job = factories.job(owner, status=S.FAILED)
    facts = {"kind": "job", "title": f"Thumbnails of {title}", "size": 12_000_000}
    job.removal = Removal.objects.create(owner=owner, job=job, **facts)
    job.save()
    report = Report(files=100_000, rows=99_000)
    report.strays.add("artifacts/left/1/behind.mp4", 12_000_000)
    report.missing.add("video gone", 0)
    Sweep.record(report.to_json(), is_fix=False)
    lost = factories.video(owner, title="Interview", missing_since=timezone.now())
    return {"removal": job.removal.pk, "removed": job.pk, "lost": lost.pk}


def told(owner):
    """A webhook that is failing, and one that was switched off."""
    now, long = timezone.now(), "https://hooks.example.org/video/of/the/whole/department?token=a-long-one"
    failing = Webhook.objects.create(owner=owner, url=long, events=Kind.values, failing_since=now, failures=1200)
    reason = "It answered 410: it wants no more."
    Webhook.objects.create(owner=owner, url="https://old.example.net/in", paused_at=now, paused_reason=reason)
    tried = {"at": now.isoformat(), "status": 500, "seconds": 0.212, "answer": "Out of order", "error": ""}
    rows = {"created_at": now, "attempt": 1, "tries": [tried], "payload": '{"type": "job.succeeded", "data": {}}'}
    sent = [
        Delivery.objects.create(
            webhook=failing, event=uuid4(), kind=kind, state=state, due_at="2100-01-01T00:00Z", **rows
        )
        for kind in ("job.succeeded", "pipeline.finished")
        for state in Delivery.State.values
    ]
    return {"webhook": failing.pk, "delivery": sent[0].pk}


def reset_link(account):
    """As in the letter for a forgotten password."""
    key = f"{user_pk_to_url_str(account)}-{default_token_generator.make_token(account)}"
    return f"/accounts/password/reset/key/{key}/"


def confirm_link(account):
    """As in the letter that asks whether an address is right."""
    address = EmailAddress.objects.create(user=account, email="another@example.org")
    return f"/accounts/confirm-email/{EmailConfirmationHMAC(address).key}/"
