"""Pages of the admin and of the API's documentation, under the site's strict policy: any violation fails the test."""

import pytest
import rq.job
import rq.registry
from django_rq.settings import get_queues_map
from playwright.sync_api import expect

from jobs.models import Job
from tests import factories

OPERATOR = "root@example.org"


@pytest.fixture
def operator(site):
    return site.client(OPERATOR, is_staff=True, is_superuser=True)


@pytest.fixture
def failed(site):
    ann = site.account("ann-of-the-admin@example.org")
    with site.orm():
        job = factories.job(ann, status=Job.Status.FAILED, error_message="It broke.", log_tail="last words")
        factories.job(ann, status=Job.Status.WAITING)
    return job


@pytest.fixture(params=["light", "dark"])
def look(request, new_page, site, operator):
    return new_page(site, operator, color_scheme=request.param)


def test_the_admin_opens_page_after_page(look, failed):
    look.goto("/admin/")
    look.locator("#jobs-job").get_by_role("link", name="Jobs").click()
    look.get_by_label("Select all objects on this page").check()  # by the admin's own script
    assert "selected" in look.locator(".action-counter").inner_text()
    look.goto(f"/admin/jobs/job/{failed.pk}/change/")
    assert look.locator("pre.log").last.inner_text() == "last words"
    look.get_by_role("button", name="Toggle theme").first.click()
    for name in ("account", "artifact", "token", "upload", "video"):
        look.goto(f"/admin/jobs/{name}/")
        assert look.locator("#changelist").is_visible()


def test_a_token_is_made_with_the_help_of_the_search(new_page, site, operator):
    site.account("carl-of-the-admin@example.org")
    page = new_page(site, operator)
    page.goto("/admin/jobs/token/add/")
    page.locator(".select2-selection").click()
    page.locator(".select2-search__field").fill("carl-of")
    page.get_by_role("option", name="carl-of-the-admin@example.org").click()
    page.get_by_role("button", name="Save", exact=True).click()
    assert page.locator("code.secret").inner_text().startswith("vs_")


def test_the_dashboard_of_the_queues_opens(new_page, site, operator):
    page = new_page(site, operator)
    lists = ("", "finished/", "failed/", "scheduled/", "started/", "deferred/")
    others = ("queues/0/details/", "queues/0/empty/", "workers/0/")
    for part in ("", *others, *(f"queues/0/{name}" for name in lists)):
        assert page.goto(f"/admin/django_rq/{part}").status == 200, part
        assert page.locator("#content").is_visible()


def test_the_entries_of_a_queue_are_ticked_all_at_once(new_page, site, operator):
    with site.redis.client() as redis:
        for name in ("one", "two"):
            entry = rq.job.Job.create("jobs.tasks.take_turn", args=[name], id=f"entry-{name}", connection=redis)
            entry.save()
            rq.registry.FailedJobRegistry("fast", connection=redis).add(entry, ttl=600)
    entries = f"/admin/django_rq/queues/{get_queues_map()['fast']}/failed/"
    page = new_page(site, operator)
    page.goto(entries)
    boxes = page.locator("input.action-select")
    expect(boxes).to_have_count(2)
    page.locator("#action-toggle").check()
    assert all(box.is_checked() for box in boxes.all())
    page.get_by_label("Actions").select_option("delete")
    page.get_by_role("button", name="Go").click()
    page.locator("input[type=submit]").last.click()
    page.goto(entries)
    expect(boxes).to_have_count(0)


def test_the_documentation_of_the_api_opens_and_can_be_tried_out(new_page, site):
    page = new_page(site, site.client("reader@example.org"))
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/api/v1/docs")
    call = page.locator("#operations-Operations-jobs_api_operations_list_operations")
    call.wait_for()
    assert page.locator(".opblock").count() >= 14
    call.locator(".opblock-summary-control").click()
    call.get_by_role("button", name="Try it out").click()
    call.get_by_role("button", name="Execute").click()
    answer = call.locator(".live-responses-table .response-col_status")
    answer.first.wait_for()
    assert "200" in call.locator(".live-responses-table").inner_text()
    assert all(url.startswith((site.url, "data:")) for url in asked), asked


def test_a_call_that_changes_works_from_the_documentation(new_page, site):
    """It carries the CSRF token of the session."""
    page = new_page(site, site.client("reader@example.org"))
    page.goto("/api/v1/docs")
    call = page.locator("#operations-Jobs-jobs_api_jobs_cancel_job")
    call.locator(".opblock-summary-control").click()
    call.get_by_role("button", name="Try it out").click()
    call.get_by_placeholder("job_id").fill("7d2c1a52-90f6-4c3e-9f2e-0f6a6f1d7c11")
    call.get_by_role("button", name="Execute").click()
    call.locator(".live-responses-table .response-col_status").first.wait_for()
    assert "not_found" in call.locator(".live-responses-table").inner_text()
