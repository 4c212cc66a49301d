"""A program of its own: splices a recording, and prints how many of its frames the memory held at most."""

import sys
from pathlib import Path

from jobs.engine.probe.inspection import inspect
from jobs.engine.video.encoding_threads import frame_bytes
from tests.splices import spliced_as_chosen


def main() -> None:
    source = Path(sys.argv[1])
    size = frame_bytes(inspect(source).require_video())
    before = held_bytes()
    spliced_as_chosen(source, (("0.3", "1.2"), ("1.5", "2")))
    print((held_bytes() - before) / size)


def held_bytes() -> int:
    """The most that this process has held; what getrusage says is handed down by whoever started it."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
