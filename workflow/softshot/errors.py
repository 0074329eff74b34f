"""Errors for the person at the terminal: what was wrong, where, and what to do."""

import sys
from collections.abc import Callable


class UserError(Exception):
    """Something the user can mend. The message names the place and the remedy; no traceback is shown."""


def run_program(main: Callable[[], None]) -> None:
    """Run a stage program; a `UserError` ends it with its message on stderr and exit status 1."""
    try:
        main()
    except UserError as error:
        sys.exit(f"softshot: {error}")
