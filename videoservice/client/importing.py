"""Waiting for a recording that a site fetches from an address."""

import contextlib
import time

from videoservice.client import wording
from videoservice.client.api import Api, Json
from videoservice.client.board import Board
from videoservice.client.failures import Failure
from videoservice.client.names import short
from videoservice.client.waiting import ENDED, LOOK_SECONDS, Absence


def fetched(api: Api, board: Board, row: Json) -> tuple[Json, bool]:
    """The recording that an import has become, or that was there before, and whether it is new. Raises Failure."""
    row = followed(api, board, row)
    error = row["error"] or {}
    if row["status"] == "failed" and error.get("code") == "duplicate":
        video = api.get(f"videos/{error['detail']['video']}")
        said = f"{row['url']}: is here already, as “{video['title']}” ({short(video['id'])})"
        board.event("duplicate", said, video=video, **{"import": row})
        return video, False
    if row["status"] != "succeeded":
        raise Failure(error.get("message") or "The import was cancelled.", error.get("code") or "cancelled")
    video = api.get(f"videos/{row['video']}")
    said = f"{row['url']}: imported as {short(video['id'])}, {wording.length(video['duration_seconds'])}"
    board.event("imported", said, video=video, **{"import": row})
    return video, True


def followed(api: Api, board: Board, row: Json) -> Json:
    """The import when it has ended."""
    absence = Absence(board)
    with contextlib.closing(board.bar(row["title"] or row["url"], 1, in_bytes=True)) as bar:
        while row["status"] not in ENDED:
            time.sleep(LOOK_SECONDS)
            with absence.borne():
                row = api.get(f"imports/{row['id']}")
                bar.show(row["received_bytes"], total=row["size_bytes"])
    return row
