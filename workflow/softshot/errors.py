"""Errors for the person at the terminal: what was wrong, where, and what to do."""

import errno
import io
import os
import select
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from softshot import job

FULL = (errno.ENOSPC, errno.EDQUOT)
PLACE = (  # the fault of a path, or of who may use it, and of no program
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG),
    *(errno.EEXIST, errno.ENOTEMPTY, errno.ELOOP, errno.ENODEV, errno.ENXIO),
)


class UserError(Exception):
    """Something the user can mend. The message names the place and the remedy; no traceback is shown."""


def run_program(main: Callable[[], None]) -> None:
    """Run a stage program; a `UserError` ends it with its message on stderr and exit status 1.

    So do a path that cannot be used, a full disk, Ctrl-C and SIGTERM; what is half-written is deleted on the way out.
    A reader of stdout that has seen enough, such as `head`, ends it without a word. What a terminal cannot show is
    shown as an escape.
    """
    signal.signal(signal.SIGTERM, _stopped)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        job.begin()
        main()
        if sys.stdout:  # None of a program that is started without
            sys.stdout.flush()
    except UserError as error:
        sys.exit(f"softshot: {error}")
    except KeyboardInterrupt:
        sys.exit("softshot: interrupted; run again.")
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _unread():
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # which Python flushes once more at its end
            sys.exit(1)
        if isinstance(error, OSError) and error.errno in PLACE and error.filename is not None:
            sys.exit(f"softshot: {os.fsdecode(error.filename)}: {error.strerror}.")
        if not _disk_full(error):
            raise
        sys.exit(f"softshot: the disk is full ({error}): free some space and run again.")


def _stopped(*_) -> NoReturn:
    sys.exit("softshot: stopped by SIGTERM; run again.")


def _unread() -> bool:
    """Whether nobody reads stdout any more; a broken connection of another kind is a fault."""
    poll = select.poll()
    poll.register(sys.stdout, 0)  # faults are told unasked
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _disk_full(error: BaseException | None) -> bool:
    """Whether an error comes from a full disk; libraries in C++ and Rust say it in words only."""
    while error is not None:
        if getattr(error, "errno", None) in FULL or "No space left on device" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
