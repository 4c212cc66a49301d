"""An S3 server as one process: OpenStack Swift with its s3api, all its four parts, on a folder of this machine.

    python -m tests.bucket.server --folder FOLDER --port PORT [--host 127.0.0.1] [--key KEY] [--secret SECRET]

It is real, as some who sell object storage run it, and what this site relies on was tried against it: signatures of
version 4 in headers and in addresses (wrong key, wrong secret, changed or expired address: 403), Content-MD5 and
x-amz-checksum-* of what arrives (400), ranges, multipart uploads with ListParts, ListMultipartUploads, UploadPartCopy,
Abort and Complete, parts below 5 MiB refused (EntityTooSmall), ListObjectsV2, DeleteObjects, CopyObject, If-None-Match
and response-content-disposition. Ready within 2 s, 75 MB of memory, about 200 MB/s.

What it does not do that Amazon's does: it keeps no checksums (nothing comes back for ChecksumMode), refuses every
encryption header (501 NotImplemented), knows no lifecycle rules, storage classes, sessions (STS) or bucket policies,
and no addresses with the bucket in the host name. A copy of an object made of parts shares them with it. One key has
all rights, so what too narrow a policy refuses is not tried here. Folders need extended attributes (ext4, xfs, tmpfs
of Linux 6.6).
"""

import argparse
import warnings
from pathlib import Path
from typing import Any

warnings.filterwarnings("ignore", category=DeprecationWarning)

import eventlet  # noqa: E402

eventlet.monkey_patch()

import eventlet.wsgi  # noqa: E402
from swift.common import utils, wsgi  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402

BACKENDS = ("account", "container", "object")
FILTERS = "catch_errors gatekeeper listing_formats s3api tempauth copy slo"
LARGEST_OBJECT = 5 * 1024**3 + 2


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--key", default="test:tester")
    parser.add_argument("--secret", default="testing")
    serve(parser.parse_args())


def serve(options: argparse.Namespace) -> None:
    """Answer until the process is ended."""
    folder = options.folder.resolve()
    (folder / "disk" / "d").mkdir(parents=True, exist_ok=True)
    (folder / "swift.conf").write_text(
        f"[swift-hash]\nswift_hash_path_suffix = tests\n[swift-constraints]\nmax_file_size = {LARGEST_OBJECT}\n"
    )
    utils.set_swift_dir(str(folder))
    for name in BACKENDS:
        listener = eventlet.listen(("127.0.0.1", 0))
        _save_ring(folder, name, listener.getsockname()[1])
        eventlet.spawn(_answer, listener, _app(folder, f"[app:main]\nuse = egg:swift#{name}\n"))
    _answer(eventlet.listen((options.host, options.port)), _app(folder, _front(options.key, options.secret)))


def _answer(listener: Any, app: Any) -> None:
    eventlet.wsgi.server(listener, app, log_output=False, custom_pool=eventlet.GreenPool(1000))


def _app(folder: Path, own: str) -> Any:
    common = f"swift_dir = {folder}\ndevices = {folder / 'disk'}\nmount_check = false\nlog_level = WARNING\n"
    return wsgi.loadapp(wsgi.ConfigString(f"[DEFAULT]\n{common}{own}"))


def _front(key: str, secret: str) -> str:
    """What speaks S3: it passes all on to the backends."""
    account, _, user = key.partition(":")
    own = {
        "tempauth": f"user_{account}_{user} = {secret} .admin",
        "s3api": "location = us-east-1\nmin_segment_size = 5242880",
    }
    filters = "".join(f"[filter:{name}]\nuse = egg:swift#{name}\n{own.get(name, '')}\n" for name in FILTERS.split())
    return (
        f"[pipeline:main]\npipeline = {FILTERS} proxy-server\n{filters}"
        "[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\n"
    )


def _save_ring(folder: Path, name: str, port: int) -> None:
    """Say where a kind of thing lies: all of it once, on this machine."""
    builder = RingBuilder(part_power=2, replicas=1, min_part_hours=0)
    builder.add_dev({"region": 0, "zone": 0, "ip": "127.0.0.1", "port": port, "device": "d", "weight": 1})
    builder.rebalance()
    builder.get_ring().save(str(folder / f"{name}.ring.gz"))


if __name__ == "__main__":
    main()
