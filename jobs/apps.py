import contextlib

from django.apps import AppConfig
from django.conf import settings


class JobsConfig(AppConfig):
    name = "jobs"
    default = True

    def ready(self) -> None:
        from jobs import checks  # noqa: F401 registers the start-up checks
        from jobs.auth import sessions  # noqa: F401 hears when they end
        from jobs.services import deliveries, events, notices  # noqa: F401 hear what rows say of their changes

        with contextlib.suppress(OSError):  # the check of the folders says it better
            # Django takes the folder of temporary files for a mistake when it is not there.
            settings.FILE_UPLOAD_TEMP_DIR.mkdir(parents=True, exist_ok=True)
