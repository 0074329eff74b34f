"""`python -m softshot.launch --gpus N COMMAND ...`: claim N GPUs of this machine, then become COMMAND.

Snakemake counts GPUs but hands out none (its issue #281). Here each device has a lock file; a claim
is a lock on it that the job inherits, so that the kernel frees the device on any death of the job.
Standard library only: it runs before torch may be imported. Within SLURM the devices are already
assigned: a job with no more of them than it asks for claims nothing.
"""

import fcntl
import os
import sys
import tempfile
import time
from pathlib import Path

# Node-local and shared by all studies and users; within SLURM by the jobs of one allocation.
LOCKS = Path(tempfile.gettempdir()) / "-".join(filter(None, ("softshot-gpus", os.environ.get("SLURM_JOB_ID"))))
POLL = 1.0  # seconds between two looks at occupied devices


def devices() -> list[str]:
    """The devices this job may use: those of CUDA_VISIBLE_DEVICES where it is set, else all of the machine."""
    mask = os.environ.get("CUDA_VISIBLE_DEVICES")
    if mask is not None:
        return [device.strip() for device in mask.split(",") if device.strip() not in ("", "-1")]
    # CUDA numbers what it sees from 0, whatever the device files in a container are called.
    return [str(number) for number, _ in enumerate(Path("/dev").glob("nvidia[0-9]*"))]


def claim(device: str) -> int | None:
    """A file descriptor that holds the device's lock and outlives exec, or None where another job holds it."""
    if not LOCKS.is_dir():
        LOCKS.mkdir(exist_ok=True)
        LOCKS.chmod(0o1777)  # whatever the umask: the locks are every user's
    try:
        descriptor = os.open(LOCKS / device, os.O_RDONLY)  # another user's file can be locked, if not written
    except FileNotFoundError:
        descriptor = os.open(LOCKS / device, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    os.set_inheritable(descriptor, True)
    return descriptor


def claim_some(count: int, among: list[str]) -> list[str]:
    """Wait until `count` devices are free at once and hold them. A partial claim is given back, never kept."""
    waiting = False
    while True:
        held = {}
        for device in among:
            if len(held) < count and (descriptor := claim(device)) is not None:
                held[device] = descriptor
        if len(held) == count:
            return list(held)
        for descriptor in held.values():
            os.close(descriptor)
        if not waiting:
            print(f"waiting for {count} of the GPUs {','.join(among)}", file=sys.stderr, flush=True)
            waiting = True
        time.sleep(POLL)


def main() -> None:
    """Claim, then exec."""
    if len(sys.argv) < 4 or sys.argv[1] != "--gpus" or not sys.argv[2].isdigit():
        sys.exit("usage: python -m softshot.launch --gpus N COMMAND ...")
    count, command = int(sys.argv[2]), sys.argv[3:]
    usable = devices()
    assigned = "SLURM_JOB_ID" in os.environ and len(usable) <= count
    if count and usable and not assigned:
        if count > len(usable):
            sys.exit(f"softshot: {count} GPUs asked for, but this machine has {len(usable)}; lower the rule's `gpu`.")
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(claim_some(count, usable))
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
