#!/usr/bin/env python
import os
import sys
from importlib import import_module

WITHOUT_SITE = ("cut",)
"""Commands on files alone: settings and apps of the site take longer to load than a short recording takes to cut."""

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "videoservice.settings")
    if sys.argv[1:2] and sys.argv[1] in WITHOUT_SITE:
        from django.conf import settings

        settings.configure()
        import_module(f"jobs.management.commands.{sys.argv[1]}").Command().run_from_argv(sys.argv)
    else:
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)
