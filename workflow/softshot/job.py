"""What a job owes to the Snakemake that started it, and to an earlier run of the same job.

A Snakemake that is killed leaves its jobs running. A restarted one starts them again, perhaps with other settings: the
earlier one must not go on for hours, nor write its result over the later one's. Standard library only.
"""

import fcntl
import os
import signal
import stat
import sys
import threading
import time
from pathlib import Path

POLL = 0.5  # seconds between two looks at Snakemake
SNAKEMAKE = "SNAKEMAKE_PID"  # set by the rules; a program that is started by hand belongs to nobody


def begin() -> None:
    """Called by every stage program before it does anything."""
    parent = int(os.environ.get(SNAKEMAKE, 0))
    if parent:  # 0 in a container with process numbers of its own
        threading.Thread(target=end_with, args=(parent,), daemon=True).start()
        wait_for_earlier()


def end_with(parent: int) -> None:
    """Send this process SIGTERM as soon as `parent` is gone: a tuning job saves its state, others just end."""
    while exists(parent):
        time.sleep(POLL)
    print("Snakemake is gone, so this job ends too", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGTERM)


def exists(process: int) -> bool:
    """Whether a process of this number runs; a dead one that nobody has asked after (a zombie) does not."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):  # macOS has no /proc
        return True


def wait_for_earlier() -> None:
    """Hold a lock on the job's log, which is stderr, until the process ends; an earlier run of the job holds it too.

    A log on a terminal or on a file system without locks is no lock.
    """
    log = sys.stderr.fileno()
    if not stat.S_ISREG(os.fstat(log).st_mode):
        return
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("waiting for the end of an earlier run of this job", file=sys.stderr, flush=True)
        fcntl.flock(log, fcntl.LOCK_EX)
    except OSError:
        pass
