"""Putting a finished folder in the place of an old one, so that a reader finds either the old or the new, never half."""

from __future__ import annotations

import ctypes
import os
import shutil
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def put_in_place(finished: Path, target: Path) -> None:
    """Moves ``finished`` (file or folder, on the same file system) to ``target``; what was there is removed.

    A folder is exchanged in one system call where the file system can; elsewhere the old one is set aside first, for an instant.
    """
    if finished.is_file() or not target.exists():
        finished.replace(target)
    elif _exchange(finished, target):
        shutil.rmtree(finished)
    else:
        aside = target.with_name(f".{target.name}.old")
        shutil.rmtree(aside, ignore_errors=True)
        target.replace(aside)
        finished.replace(target)
        shutil.rmtree(aside)


def _exchange(one: Path, other: Path) -> bool:
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    return bool(renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0)
