"""The picture beside a form that shows where its settings lead."""

from fractions import Fraction
from uuid import UUID

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from jobs.auth.access import refused, signed_in
from jobs.auth.requests import MemberRequest
from jobs.errors import Busy, InputError, JobError, ResourceError
from jobs.forms import WorkForm
from jobs.operations.forms import clock_seconds
from jobs.services import parameters, previews, versions

STATUS = {InputError: 422, Busy: 503, ResourceError: 507}
"""By what went wrong; the first that fits counts."""


@require_safe
@signed_in
def preview(request: MemberRequest, pk: UUID, slug: str) -> HttpResponse:
    """A JPEG. The query has the fields of the form as it would be sent, and `at`, a time in seconds.

    Django runs a plain view in a thread of the request's own, so drawing holds nobody else up.
    """
    video = versions.owned(request.user, pk)
    data = request.GET.copy()
    data.setlist("operations", [slug])
    form = WorkForm(data, owner=video.owner, video=video)
    if not form.is_valid():
        return refused(422, "invalid", " ".join(form.errors))
    try:
        at = Fraction(str(clock_seconds(request.GET.get("at") or "0")))
        parameters.refuse_unfit(slug, video.info)
        params = parameters.from_json(slug, form.work[slug])
        picture = previews.picture(video, slug, params, min(at, video.info.duration))
    except ValueError:
        return refused(422, "invalid", "The time has to be written as seconds or as 1:05.5.")
    except KeyError as error:
        raise Http404("this work has no preview") from error
    except JobError as error:
        status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)
        return refused(status, error.code, error.message)
    return HttpResponse(picture, content_type="image/jpeg", headers={"Cache-Control": "private, no-store"})
