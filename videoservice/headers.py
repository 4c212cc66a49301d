"""Response headers that every page carries."""

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from jobs.storage.address import bucket_origin
from videoservice.middleware import AnswerMiddleware

# Pictures, video and audio come from the bucket where the site leads browsers there.
BUCKETS = [url for url in (settings.STORAGE_URL, settings.STORAGE_ALSO) if "://" in url]
BUCKET = "".join(f" {origin}" for origin in dict.fromkeys(map(bucket_origin, BUCKETS)) if origin)
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        f"img-src 'self' data:{BUCKET}",
        f"media-src 'self'{BUCKET}",
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
