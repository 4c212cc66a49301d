from django.urls import path

from jobs.live.consumers import QueueConsumer
from jobs.views import health, jobs, levels, library, posters, previews, results, stats, transcripts, uploads, videos

urlpatterns = [
    path("", library.library, name="library"),
    path("submit/", library.submit, name="submit"),
    path("videos/<uuid:pk>/", videos.video, name="video"),
    path("videos/<uuid:pk>/file", results.video_file, name="video-file"),
    path("videos/<uuid:pk>/poster", results.video_poster, name="video-poster"),
    path("videos/<uuid:pk>/levels", levels.levels, name="video-levels"),
    path("videos/<uuid:pk>/transcript", transcripts.words, name="transcript"),
    path("videos/<uuid:pk>/transcript/part", transcripts.part, name="transcript-part"),
    path("videos/<uuid:pk>/transcript/lines/<int:place>", transcripts.edit, name="transcript-line"),
    path("videos/<uuid:pk>/transcript/undo", transcripts.undo, name="transcript-undo"),
    path("videos/<uuid:pk>/preview/<slug:slug>", previews.preview, name="video-preview"),
    path("videos/<uuid:pk>/run/", videos.run, name="video-run"),
    path("videos/<uuid:pk>/title/", videos.rename, name="video-title"),
    path("videos/<uuid:pk>/keep/", videos.keep, name="video-keep"),
    path("videos/<uuid:pk>/versions", videos.listed, name="video-versions"),
    path("videos/<uuid:pk>/delete/", videos.delete, name="video-delete"),
    path("videos/<uuid:pk>/poster/back/", posters.take_back, name="video-poster-back"),
    path("artifacts/<uuid:pk>/storyboard", results.storyboard, name="artifact-storyboard"),
    path("artifacts/<uuid:pk>/poster/", posters.choose, name="artifact-poster"),
    path("artifacts/<uuid:pk>/file", results.artifact_file, name="artifact-file"),
    path("queue/", jobs.queue, name="queue"),
    path("queue/rows/", jobs.poll, name="queue-rows"),
    path("jobs/<uuid:pk>/", jobs.job, name="job"),
    path("jobs/<uuid:pk>/cancel/", jobs.cancel, name="job-cancel"),
    path("jobs/<uuid:pk>/retry/", jobs.retry, name="job-retry"),
    path("jobs/<uuid:pk>/everywhere/", jobs.encode_whole, name="job-everywhere"),
    path("jobs/<uuid:pk>/remove/", jobs.remove, name="job-remove"),
    path("uploads", uploads.collection, name="uploads"),
    path("uploads/<uuid:pk>", uploads.upload, name="upload"),
    path("stats/", stats.stats, name="stats"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]

websocket_urlpatterns = [path("ws/queue/", QueueConsumer.as_asgi())]
