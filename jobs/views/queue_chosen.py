"""What is done with several rows of the queue at once."""

from collections.abc import Callable, Sequence
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.template.defaultfilters import pluralize
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from jobs.auth.requests import MemberRequest
from jobs.errors import InputError
from jobs.live.listed import LOGS
from jobs.models import Job, Run
from jobs.services import bundles, naming, runs, together
from jobs.views import removing
from jobs.views.asking import ask
from jobs.views.jobs import came_from, done
from jobs.views.members import changes, member
from jobs.zip_response import zipped

Row = Job | Run


def chosen(request: HttpRequest) -> list[Row]:
    """The rows that were ticked, as far as they are the owner's. Raises Http404 when none is."""
    found: list[Row] = []
    pks = named(request.POST.getlist("pk") or request.GET.getlist("pk"))
    jobs = Job.objects.of(request.user).defer(*LOGS).filter(pk__in=pks)  # type: ignore[arg-type]
    steps = Prefetch("jobs", Job.objects.defer(*LOGS).prefetch_related("artifacts__job__video"))
    found += jobs.prefetch_related("video", "artifacts__job__video")
    found += Run.objects.of(request.user).filter(pk__in=pks).prefetch_related("video", steps)  # type: ignore[arg-type]
    if not found:
        raise Http404
    return sorted(found, key=lambda row: row.created_at)


def named(texts: Sequence[str]) -> list[UUID]:
    found = []
    for text in texts[: bundles.MOST]:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


@member
@require_http_methods(["GET", "HEAD", "POST"])
def download(request: MemberRequest) -> HttpResponseBase:
    """All their results as one ZIP file, made while it is sent."""
    rows = chosen(request)
    entries = bundles.entries(rows)
    if not entries:
        messages.error(request, "Nothing that you chose has results to download. Choose work that is done.")
        return done(request)
    name = f"{naming.file_name(rows[0].video.title)}.zip" if len(rows) == 1 else f"results-{timezone.localdate()}.zip"
    return zipped(request, entries, name)


@changes("queue")
def again(request: MemberRequest) -> HttpResponse:
    """Do the same once more: a chain from the steps that did not succeed, or anew."""
    return done_with_each(request, chosen(request), _again, "started again")


def _again(row: Row) -> None:
    if isinstance(row, Job):
        runs.retry_job(row)
    elif row.status == Job.Status.SUCCEEDED:
        runs.again(row, {})
    else:
        runs.retry(row)


def done_with_each(request: MemberRequest, rows: list[Row], act: Callable[[Row], None], what: str) -> HttpResponse:
    count, problems = 0, dict[str, None]()
    for row in rows:
        try:
            act(row)
            count += 1
        except InputError as error:
            problems[error.message] = None
    if count:
        messages.success(request, f"{count} {what}.")
    for problem in list(problems)[:3]:
        messages.error(request, problem)
    return done(request)


@changes("queue")
def remove(request: MemberRequest) -> HttpResponse:
    """Into the trash, with one way back for all. Asked about where there is no trash."""
    rows = chosen(request)
    if not settings.TRASH_DAYS and removing.SURE not in request.POST:
        return _ask(request, rows)
    removed = together.remove(rows)
    removing.tell(request, removed, str(removed.count))
    return done(request)


def _ask(request: MemberRequest, rows: list[Row]) -> HttpResponse:
    question = f"Remove {len(rows)} row{pluralize(len(rows))} with all results?"
    fields = [("pk", str(row.pk)) for row in rows]
    response = ask(
        request,
        question,
        f"They {removing.whereto()}. The recordings stay.",
        verb=removing.verb(),
        keep="Keep them",
        back=came_from(request),
        fields=fields,
    )
    if request.htmx:
        response["HX-Retarget"], response["HX-Reswap"] = "#ask-body", "innerHTML"
    return response
