"""Several files on their way at once, each with the work that is asked for it."""

import dataclasses
import queue
import threading
from collections.abc import Sequence
from pathlib import Path

from videoservice.client import memory, uploads, wording
from videoservice.client.api import Api, Json
from videoservice.client.board import Board
from videoservice.client.failures import Failure, SignedOut, Unreachable
from videoservice.client.memory import Memory
from videoservice.client.names import short
from videoservice.client.orders import Order, Started

TICK_SECONDS = 0.2


@dataclasses.dataclass
class Sent:
    """A file whose recording is on the site, and the work on it."""

    file: Path
    video: Json
    work: list[Started]
    memory: Memory
    is_new: bool = True


class Sending:
    """Uploads files, a few at a time. One that is refused, or cannot be read, does not hold up the others."""

    def __init__(self, api: Api, board: Board, orders: Sequence[Order], *, again: bool = False) -> None:
        self._api, self._board, self._orders, self._again = api, board, orders, again
        self._files: queue.SimpleQueue[Path] = queue.SimpleQueue()
        self._stop = threading.Event()
        self.sent: list[Sent] = []
        self.refused: list[Failure] = []
        self._end: BaseException | None = None

    def run(self, files: Sequence[Path], parallel: int) -> None:
        """Returns when each file is there or refused. Raises what ends all of them: SignedOut, Unreachable, Ctrl-C."""
        memory.sweep()
        for file in files:
            self._files.put(file)
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(min(parallel, len(files)))]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():
                    thread.join(TICK_SECONDS)
        finally:
            self._stop.set()
        if self._end:
            raise self._end
        self.sent.sort(key=lambda sent: files.index(sent.file))

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                self._one(self._files.get_nowait())
            except queue.Empty:
                return
            except BaseException as error:  # noqa: BLE001 it is raised again in the main thread
                self._end = self._end or error
                self._stop.set()

    def _one(self, file: Path) -> None:
        try:
            self.sent.append(self._take(file))
        except (SignedOut, Unreachable, BrokenPipeError):  # the last one: who reads what we say has gone
            raise
        except Failure as failure:
            self._refuse(file, failure)
        except OSError as error:
            self._refuse(file, Failure.of_system(error))

    def _refuse(self, file: Path, failure: Failure) -> None:
        self.refused.append(failure)
        self._board.event("failed", f"{file}: {failure.message}", file=str(file), error=failure.to_json())

    def _take(self, file: Path) -> Sent:
        known = Memory.of(self._api.site, file)
        video, is_new = self._there(file, known)
        sent = Sent(file, video, [], known, is_new)
        for order in self._orders:
            key = known.key([video["id"], order.to_json()])
            started = order.start(self._api, {"video": video["id"]}, video["title"], key)
            sent.work.append(started)
            facts = {started.kind: started.id, "video": video["id"]}
            self._board.event("started", f"{started.name}: in line as {short(started.id)}", **facts)
        return sent

    def _there(self, file: Path, known: Memory) -> tuple[Json, bool]:
        """The recording of a file, and whether it is new."""
        size = file.stat().st_size
        if size == 0:
            raise Failure("The file is empty.", "empty")
        bar = self._board.bar(file.name, size, in_bytes=True)
        try:
            if not self._again and (there := uploads.twin(self._api, file, bar.show)):
                said = f"{file}: is here already, as “{there['title']}” ({short(there['id'])})"
                self._board.event("duplicate", said, file=str(file), video=there)
                return there, False
            metadata = {"filename": file.name, "kind": "recording"} | ({"pipeline": ""} if self._orders else {})
            pk = uploads.send(self._api, file, known, metadata, bar.show, self._stop)
        finally:
            bar.close()
        video = self._api.get(f"videos/{pk}")
        said = f"{file}: uploaded as {short(pk)}, {wording.length(video['duration_seconds'])}, {wording.size(size)}"
        self._board.event("uploaded", said, file=str(file), video=video)
        return video, True
