"""Response headers that every page carries."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from videoservice.middleware import AnswerMiddleware

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "media-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


# The dashboard of django-rq carries a few lines of inline style on each page; scripts stay as strict as everywhere.
DASHBOARD = "/admin/django_rq/"
DASHBOARD_POLICY = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")


class ContentSecurityPolicyMiddleware(AnswerMiddleware):
    """Allow our own files only: no inline script, no inline style, no other host."""

    def changed(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        policy = DASHBOARD_POLICY if request.path_info.startswith(DASHBOARD) else POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        return response
