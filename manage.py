#!/usr/bin/env python
import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "videoservice.settings")
    if sys.argv[1:2] == ["cut"]:
        # On files alone: Django, its settings and the apps take longer to load than a short recording takes to cut.
        from jobs.management import cutting

        cutting.main(sys.argv[2:])
    else:
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)
