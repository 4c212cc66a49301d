"""manage.py on a machine with a wrong clock: `python -m tests.wrong_clock SECONDS COMMAND...`, negative when behind."""

import sys
import time
from datetime import timedelta

import rq.utils
from django.core.management import execute_from_command_line
from django.utils import timezone


def main() -> None:
    seconds, right_now, right_time, right_rq = float(sys.argv[1]), timezone.now, time.time, rq.utils.now
    timezone.now = lambda: right_now() + timedelta(seconds=seconds)
    time.time = lambda: right_time() + seconds
    for module in [module for name, module in sys.modules.items() if name.partition(".")[0] == "rq"]:
        if getattr(module, "now", None) is right_rq:  # RQ's modules each have it
            module.now = lambda: right_rq() + timedelta(seconds=seconds)
    execute_from_command_line(["manage.py", *sys.argv[2:]])


if __name__ == "__main__":
    main()
