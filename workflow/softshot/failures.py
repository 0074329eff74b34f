"""What the end of a workflow's log says when jobs have failed: which, why, and where their logs are.

Read while the Snakefile is parsed: standard library only.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

LINES = 8  # of a message that are quoted
SCARCE = 2**20  # bytes; a log on a disk with less may lack its end


def report(failed: Iterable[tuple[str, str, str]], left: int) -> str:
    """`failed`: rule, what it was for, log file; `left`: jobs that were not run, most for want of their results."""
    rows = sorted(set(failed))
    head = f"softshot: {len(rows)} job(s) failed"
    head += f", and {left} more were not run:" if left else ":"
    parts = [f"  {rule} {what}\n" + _indented(reason(Path(log))) + f"\n    log: {log}" for rule, what, log in rows]
    end = "Mend the cause and give the same command again: what is done stays done."
    return "\n".join([head, *parts, end])


def reason(log: Path) -> str:
    """Why a job failed, by its log: its own message, else the exception, else that there is neither."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
        full = shutil.disk_usage(log.parent).free < SCARCE
    except OSError as error:
        return f"its log cannot be read: {error.strerror}"
    lines = [line.rstrip() for line in text.replace("\r", "\n").splitlines() if line.strip(" \0")]
    own = [number for number, line in enumerate(lines) if line.startswith("softshot: ")]
    if own:
        return "\n".join(lines[own[-1] :][:LINES]).removeprefix("softshot: ")
    if full:
        return f"the disk that holds {log.parent} is full: free some space and run again"
    if any(line.startswith("Traceback ") for line in lines):
        return lines[-1]
    said = f" Its last line: {lines[-1]}" if lines else ""
    return f"its log gives no reason: was it killed, for instance by the system for want of memory?{said}"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
