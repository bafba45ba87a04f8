"""What an error is to a person: one of ours, something that this machine refuses, or an internal error."""

import errno
import os

from supasync_core.model.errors import InternalError, PluginError, SupasyncError

OURSELVES = "supasync"
_FULL = "make room on that disk, for new files too (df -h, df -i), then run it again"
_CLOSED = "let the user who runs supasync read and write there, or move the folder of tables.yaml"
HINTS = {
    **dict.fromkeys((errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG), _FULL),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _CLOSED),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), "allow it more open files (ulimit -n)"),
    errno.ENOMEM: "free memory, or set fewer workers:",
    errno.ENAMETOOLONG: "move the folder to where its path is shorter",
    errno.EIO: "check that disk: the system could not read or write it",
}
"""What to do about an error of the file system, by its errno."""
_NOT_UTF8 = "".join(map(chr, range(0xDC80, 0xDD00)))
"""What stands for the bytes of a file's name that the locale does not know (PEP 383)."""
_UPGRADED = "was supasync replaced while it ran? Then run it again; else install it again"
_LACKING = "install what the plugin needs beside supasync: pipx inject supasync PACKAGE"
_WHERE = "SUPASYNC_DEBUG=1 shows where"
_UNSPEAKABLE = "rename it, or run supasync under a locale with UTF-8, such as LC_ALL=C.UTF-8"


def explain(err: BaseException, where: str = OURSELVES) -> SupasyncError:
    """The error in words: what happened, where, and what to do; `InternalError` where nobody knows.

    What a file system refuses may come from anywhere in the code, and is not an internal error. ``where`` is
    whose code failed. An internal error's message may contain values of a row: only the traceback has it.
    """
    if isinstance(err, SupasyncError):
        return err
    if refused := _of_this_machine(err):
        return refused
    if isinstance(err, ImportError):
        if where != OURSELVES:
            return PluginError(f"{where} cannot import {err.name}: {err}", hint=_LACKING)
        return SupasyncError(f"a part of the program is missing or was replaced: {err.name}", hint=_UPGRADED)
    if isinstance(err, UnicodeEncodeError) and not err.object[err.start : err.end].strip(_NOT_UTF8):
        return SupasyncError(f"a name that is not UTF-8: {err.object!r}", hint=_UNSPEAKABLE)
    return InternalError(f"internal error in {where}: {type(err).__name__}", hint=_WHERE)


def _of_this_machine(err: BaseException) -> SupasyncError | None:
    """What the machine refuses; None for anything else."""
    if isinstance(err, FileNotFoundError) and err.filename is None:
        return SupasyncError(
            "the folder that supasync was started in is gone", hint="change to one that exists"
        )
    if isinstance(err, RuntimeError) and "can't start new thread" in str(err):
        return SupasyncError("this machine starts no more threads", hint=HINTS[errno.ENOMEM])
    if isinstance(err, OSError) and (err.filename is not None or err.errno in HINTS):
        place = os.fsdecode(err.filename) if isinstance(err.filename, str | bytes) else "this machine"
        return SupasyncError(f"{place}: {err.strerror or err}", hint=HINTS.get(err.errno or 0))
    return None
