"""Putting a finished set of files and folders in the place of an old one.

The set is complete once its folder bears the name ``.ingest.done``: that one rename is the change from old to new. Then each piece is put
in place. A run that is killed in between leaves the folder; readers notice it (:func:`is_unfinished`), and the next ingest finishes first.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fraudml.errors import FraudmlError

log = logging.getLogger("fraudml")

DONE = ".ingest.done"
PART = ".ingest.part"
PIECES = "pieces.json"

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def change_over(data_dir: Path, names: Sequence[str]) -> None:
    """Puts the pieces ``names`` of the staging folder ``.ingest.part`` in place, all or none of them."""
    staging = data_dir / PART
    # a piece that was exchanged for the old one bears the same name: the inode tells the new from the old
    (staging / PIECES).write_text(json.dumps({name: (staging / name).stat().st_ino for name in names}), encoding="utf-8")
    _rename(staging, data_dir / DONE)
    finish(data_dir)


@contextmanager
def alone(data_dir: Path) -> Iterator[None]:
    """Keeps a second run out of a folder while one works in it: both would write into one staging folder. A killed run leaves no lock.

    Raises
    ------
    FraudmlError
        ``claims.busy``
    """
    try:
        import fcntl
    except ImportError:  # no such lock on this system
        yield
        return
    folder = os.open(data_dir, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FraudmlError("claims.busy", f"another ingest into {data_dir} is running.", "Wait until it has finished.") from error
        except OSError:  # file systems without locks
            log.debug("%s cannot be locked", data_dir)
        yield
    finally:
        os.close(folder)


def is_unfinished(data_dir: Path) -> bool:
    """Whether a run was killed while it put its files in place: they may be of two runs."""
    return (data_dir / DONE).is_dir()


def finish(data_dir: Path) -> None:
    """Puts in place what an earlier run had finished and not yet put in place; nothing where there is none."""
    finished = data_dir / DONE
    if not finished.is_dir():
        return
    for name, inode in json.loads((finished / PIECES).read_text(encoding="utf-8")).items():
        piece = finished / name
        if piece.exists() and piece.stat().st_ino == inode:
            put_in_place(piece, data_dir / name)
        shutil.rmtree(data_dir / f".{name}.old", ignore_errors=True)
    shutil.rmtree(data_dir / PART, ignore_errors=True)
    _rename(finished, data_dir / PART)  # half removed, it must not be taken for finished
    shutil.rmtree(data_dir / PART)


def put_in_place(finished: Path, target: Path) -> None:
    """Moves ``finished`` (file or folder, on the same file system) to ``target``; what was there is replaced.

    A folder is exchanged in one system call where the file system can; elsewhere the old one is set aside first, for an instant.
    """
    if finished.is_file() or not target.exists():
        _rename(finished, target)
    elif _exchange(finished, target):
        shutil.rmtree(finished)
    else:
        aside = target.with_name(f".{target.name}.old")
        shutil.rmtree(aside, ignore_errors=True)
        _rename(target, aside)
        _rename(finished, target)
        shutil.rmtree(aside)


def _rename(one: Path, other: Path) -> None:
    one.replace(other)


def _exchange(one: Path, other: Path) -> bool:
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    return bool(renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0)
