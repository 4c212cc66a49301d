"""manage.py on a machine with a wrong clock: `python -m tests.wrong_clock SECONDS COMMAND...`, negative when behind."""

import sys
import time
from datetime import timedelta

from django.core.management import execute_from_command_line
from django.utils import timezone


def main() -> None:
    seconds, right_now, right_time = float(sys.argv[1]), timezone.now, time.time
    timezone.now = lambda: right_now() + timedelta(seconds=seconds)
    time.time = lambda: right_time() + seconds
    execute_from_command_line(["manage.py", *sys.argv[2:]])


if __name__ == "__main__":
    main()
