"""Errors for the person at the terminal: what was wrong, where, and what to do."""

import errno
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from softshot import job

FULL = (errno.ENOSPC, errno.EDQUOT)


class UserError(Exception):
    """Something the user can mend. The message names the place and the remedy; no traceback is shown."""


def run_program(main: Callable[[], None]) -> None:
    """Run a stage program; a `UserError` ends it with its message on stderr and exit status 1.

    So do a full disk, Ctrl-C and SIGTERM; what is half-written is deleted on the way out.
    """
    signal.signal(signal.SIGTERM, _stopped)
    try:
        job.begin()
        main()
    except UserError as error:
        sys.exit(f"softshot: {error}")
    except KeyboardInterrupt:
        sys.exit("softshot: interrupted; run again.")
    except Exception as error:
        if not _disk_full(error):
            raise
        sys.exit(f"softshot: the disk is full ({error}): free some space and run again.")


def _stopped(*_) -> NoReturn:
    sys.exit("softshot: stopped by SIGTERM; run again.")


def _disk_full(error: BaseException | None) -> bool:
    """Whether an error comes from a full disk; libraries in C++ and Rust say it in words only."""
    while error is not None:
        if getattr(error, "errno", None) in FULL or "No space left on device" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
