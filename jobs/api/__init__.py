"""The REST API: one router per noun, mounted at /api/v1."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from ninja import Swagger

from jobs.api import (
    account,
    artifacts,
    conditional,
    drafts,
    errors,
    export,
    images,
    imports,
    jobs,
    operations,
    pipelines,
    possible,
    presets,
    runs,
    search,
    shortcuts,
    stats,
    tags,
    tokens,
    transcripts,
    trash,
    usage,
    videos,
    webhooks,
)
from jobs.api import bulk as bulk  # adds its calls to those of jobs and recordings
from jobs.api import bulk_videos as bulk_videos
from jobs.api import posters as posters  # adds its calls to those of recordings
from jobs.api.auth import BearerAuth, SessionAuth
from jobs.api.openapi import Api

DESCRIPTION = """\
Upload recordings, put work on them in line, watch it, and download the results.

Send `Authorization: Bearer <token>`; tokens are made on [the page “API tokens”](/account/tokens/) of your account, or
by `python manage.py createtoken EMAIL`. Each has a scope: `read` for what changes nothing, `work` also to bring
recordings and put work on them, `all` also to delete, and for tokens, webhooks and the account. A call that takes a
wider one than the token has answers 403 with the code `scope`.

What belongs to others does not exist here: 404. Times are ISO 8601 in UTC, lengths are seconds, sizes are bytes.
Lists are `{"items", "count"}` with `limit` and `offset`. Whatever is not a success is `{"error": {"code", "message",
"detail"?}}`.

Whatever can be read has an `ETag`: send it as `If-None-Match` and get 304 while nothing has changed, or as `If-Match`
with a change, which is then refused with 412 if somebody else was quicker. Every POST that makes something takes an
`Idempotency-Key`, so that it can be sent again after a lost connection. `RateLimit-Remaining` tells how many calls
are left in this minute; after the last one comes 429 with `Retry-After`.

A first job from a shell:

```
curl -H "Authorization: Bearer $TOKEN" -F file=@talk.mp4 $SITE/api/v1/videos
curl -H "Authorization: Bearer $TOKEN" -d '{"video": "<id>", "operation": "silence-cut"}' $SITE/api/v1/jobs
curl -H "Authorization: Bearer $TOKEN" $SITE/api/v1/jobs/<id>
curl -H "Authorization: Bearer $TOKEN" -o cut.mp4 $SITE<url of the artifact>
```
"""


class Page(Swagger):
    """The documentation of this install. Where ninja is no installed app, its own page takes scripts from elsewhere."""

    template_cdn = str(settings.BASE_DIR / "templates/ninja/swagger.html")


api = Api(
    title="Video service",
    version="1",
    description=DESCRIPTION,
    urls_namespace="api-v1",
    auth=[BearerAuth(), SessionAuth()],
    docs=Page({"persistAuthorization": True, "defaultModelsExpandDepth": 0}),
)
errors.install(api)
api.add_decorator(conditional.guarded, mode="operation")
api.add_router("/videos", videos.router)
api.add_router("/videos", runs.on_videos)
api.add_router("/videos", transcripts.router)
api.add_router("/videos", drafts.router)
api.add_router("/videos", possible.router)
api.add_router("/images", images.router)
api.add_router("/imports", imports.router)
api.add_router("/jobs", jobs.router)
api.add_router("/pipelines", pipelines.router)
api.add_router("/presets", presets.router)
api.add_router("/runs", runs.router)
api.add_router("/search", search.router)
api.add_router("/artifacts", artifacts.router)
api.add_router("/operations", operations.router)
api.add_router("/stats", stats.router)
api.add_router("/tags", tags.router)
api.add_router("/tokens", tokens.router)
api.add_router("/webhooks", webhooks.router)
api.add_router("/deliveries", webhooks.deliveries_router)
api.add_router("/trash", trash.router)
api.add_router("/usage", usage.router)
api.add_router("/me", account.me)
api.add_router("/me", export.router)
api.add_router("/users", account.users)
api.add_router("", shortcuts.router)


@api.get("", auth=None, include_in_schema=False)
def home(request: HttpRequest) -> HttpResponse:
    return redirect("api-v1:openapi-view")
