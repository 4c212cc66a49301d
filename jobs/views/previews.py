"""The pictures in a form that show where its settings lead: of the result, of the recording as it is, of a text."""

import io
from fractions import Fraction
from uuid import UUID

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from jobs.auth.access import refused, signed_in
from jobs.auth.requests import MemberRequest
from jobs.engine.video import text_raster
from jobs.errors import Busy, InputError, JobError, ResourceError
from jobs.forms import WorkForm
from jobs.models import Video
from jobs.operations.forms import clock_seconds
from jobs.services import parameters, previews, versions

STATUS = {InputError: 422, Busy: 503, ResourceError: 507}
"""By what went wrong; the first that fits counts."""
NO_TIME = "The time has to be written as seconds or as 1:05.5."
TEXT_WIDTH = 480
"""Pixels; a form's picture is hardly wider."""


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
        at = moment(request, video)
        parameters.refuse_unfit(slug, video.info)
        params = parameters.from_json(slug, form.work[slug])
        return drawn(previews.picture(video, slug, params, at))
    except ValueError:
        return refused(422, "invalid", NO_TIME)
    except KeyError as error:
        raise Http404("this work has no preview") from error
    except JobError as error:
        return failed(error)


@require_safe
@signed_in
def frame(request: MemberRequest, pk: UUID) -> HttpResponse:
    """A JPEG of the recording at the query's `at`, a time in seconds, for browsers that cannot play it."""
    video = versions.owned(request.user, pk)
    try:
        return drawn(previews.frame(video, moment(request, video)), keep=True)
    except ValueError:
        return refused(422, "invalid", NO_TIME)
    except JobError as error:
        return failed(error)


@require_safe
@signed_in
def text(request: MemberRequest) -> HttpResponse:
    """A PNG of the query's `text` as a watermark writes it, on nothing, cut to its ink."""
    words = request.GET.get("text", "")[: text_raster.MAXIMUM_CHARACTERS].replace("\r\n", "\n")
    made = io.BytesIO()
    try:
        text_raster.drawn(words, TEXT_WIDTH).save(made, format="PNG")
    except JobError as error:
        return failed(error)
    return drawn(made.getvalue(), "image/png", keep=True)


def moment(request: MemberRequest, video: Video) -> Fraction:
    """The time that is asked about, no later than the recording's end. Raises ValueError for what is none."""
    return min(Fraction(str(clock_seconds(request.GET.get("at") or "0"))), video.info.duration)


def drawn(picture: bytes, kind: str = "image/jpeg", *, keep: bool = False) -> HttpResponse:
    """`keep`: it is the same whenever it is asked for."""
    return HttpResponse(
        picture, content_type=kind, headers={"Cache-Control": "private, max-age=3600" if keep else "private, no-store"}
    )


def failed(error: JobError) -> HttpResponse:
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)
    return refused(status, error.code, error.message)
