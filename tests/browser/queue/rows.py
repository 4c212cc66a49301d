"""Jobs in every state for tests of live pages, and the rows that show them."""

from datetime import timedelta

from django.utils import timezone

from jobs.live import rows
from jobs.live.view import View
from jobs.models import Account, Job
from tests import factories

S = Job.Status


class Desk:
    """An account's rows on the site, changed behind its back; `poke` makes the site tell its pages."""

    def __init__(self, site, client, email):
        self.site, self.client = site, client
        with site.orm():
            self.owner = Account.objects.get(email=email)
            self.video = factories.video(self.owner, title="Lecture 4")

    def job(self, **fields):
        far = timezone.now() + timedelta(days=1)  # nobody takes it for lost
        with self.site.orm():
            job = factories.job(self.owner, video=self.video, **({"status": S.RUNNING} | fields))
            Job.objects.filter(pk=job.pk).update(heartbeat_at=far, queue="nobody works on this")
            return job

    def change(self, change):
        with self.site.orm():
            change()
        self.poke()

    def advance(self, job, progress, stage="Encoding", eta=None):
        def change():
            job.advance(1, progress, stage, eta)
            Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() + timedelta(days=1))

        self.change(change)

    def poke(self, title="Lecture 4"):
        response = self.client.post(f"/videos/{self.video.pk}/title/", data={"title": title})
        assert response.status_code == 200

    def stored(self, job):
        return self.site.job(job.pk)

    def order(self):
        with self.site.orm():
            return [str(job.pk) for job in rows.of_view(self.owner, View("queue"))]


def row(page, job):
    return page.locator(f"#job-{job.pk}")


def more(page, job, name):
    """Press a button of the menu of a row."""
    row(page, job).locator(".menu > summary").click()
    row(page, job).locator(".menu").get_by_role("button", name=name).click()
