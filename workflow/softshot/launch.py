"""`python -m softshot.launch --gpus N [--jobs-per-gpu K] COMMAND ...`: claim N GPUs of this machine, become COMMAND.

Snakemake counts GPUs but hands out none (its issue #281). Here each device has K places, each a lock file;
a claim is a lock on one that the job inherits, so that the kernel frees the place on any death of the job.
The job sees the devices that it claimed and no other. Standard library only: it runs before torch may be
imported. A job that a cluster's scheduler started (SOFTSHOT_ASSIGNED) has its devices already and claims none.
"""

import argparse
import contextlib
import fcntl
import itertools
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from softshot.settings import Study

# Node-local and the same for all studies and users, whatever their TMPDIR. Within a SLURM allocation in which
# Snakemake runs locally, the allocation's own: its devices are numbered from 0 and nobody else has them.
ALLOCATION = os.environ.get("SLURM_JOB_ID")
LOCKS = Path(os.environ.get("SOFTSHOT_LOCKS", "/tmp/softshot-gpus") + (f"-{ALLOCATION}" if ALLOCATION else ""))
POLL = 0.5  # seconds, about, between two looks at occupied devices


def devices() -> list[str]:
    """The devices this job may use: those of CUDA_VISIBLE_DEVICES where it is set, else all of the machine."""
    mask = os.environ.get("CUDA_VISIBLE_DEVICES")
    if mask is not None:
        # As CUDA reads it: what follows the first name that is none is ignored. SLURM writes NoDevFiles.
        names = itertools.takewhile(lambda name: name not in ("", "-1", "NoDevFiles"), map(str.strip, mask.split(",")))
        return list(dict.fromkeys(names))
    if ALLOCATION:
        return []  # an allocation without GPUs, on a machine that may have some
    # CUDA numbers what it sees from 0, whatever the device files in a container are called.
    return [str(number) for number, _ in enumerate(Path("/dev").glob("nvidia[0-9]*"))]


def lock_names(among: list[str]) -> dict[str, str]:
    """Device to the name of its locks: one name for one device, whether it is called by its number or its UUID.

    A UUID (which may be cut short) is looked up in nvidia-smi; where that fails, and for the parts of a device
    (MIG), it is the name itself.
    """
    uuids = {}
    if any(device.startswith("GPU-") for device in among):
        query = ["nvidia-smi", "--query-gpu=index,uuid", "--format=csv,noheader"]
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            lines = subprocess.run(query, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
            uuids = {uuid.strip(): number for number, _, uuid in (line.partition(",") for line in lines)}
    names = {}
    for device in among:
        numbers = [number for uuid, number in uuids.items() if uuid.startswith(device)]
        names[device] = quote(numbers[0] if len(numbers) == 1 else device, safe="")  # MIG names may have slashes
    return names


def opened(path: Path) -> int:
    """A descriptor of the lock file, made where there is none."""
    while True:
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, os.O_RDONLY)  # another user's file can be locked, if not written
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL)
            os.fchmod(descriptor, 0o644)  # whatever the umask: the locks are every user's
            return descriptor


def locked(descriptor: int) -> bool:
    """Lock the file, unless another process holds it."""
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


@contextlib.contextmanager
def guard() -> Iterator[None]:
    """Only one job at a time looks and claims, so that what it has seen stays true."""
    if not LOCKS.is_dir():
        LOCKS.mkdir(exist_ok=True)
        LOCKS.chmod(0o1777)
    descriptor = opened(LOCKS / "guard")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def occupants(name: str) -> list[int]:
    """For each job on a device: among how many it is willing to share. Files are called `<name>.<place>of<K>`."""
    sharing = []
    for path in LOCKS.glob(f"{name}.*of*"):
        descriptor = opened(path)
        if not locked(descriptor):
            sharing.append(int(path.name.rpartition("of")[2]))
        os.close(descriptor)
    return sharing


def claim(name: str, share: int) -> None:
    """Take a place on a device that has one; the descriptor outlives exec."""
    for place in range(share):
        descriptor = opened(LOCKS / f"{name}.{place}of{share}")
        if locked(descriptor):
            os.set_inheritable(descriptor, True)
            return
        os.close(descriptor)
    raise AssertionError(f"{name} had a place")


def claim_some(count: int, among: list[str], share: int) -> list[str]:
    """Wait until `count` devices have a place for a job that shares among `share`, the emptiest first; take them.

    No job ever has more company than it is willing to: one that does not share is alone on its device.
    """
    names = lock_names(among)
    waiting = False
    while True:
        with guard():
            sharing = {device: occupants(names[device]) for device in among}
            free = [device for device in among if len(sharing[device]) < min([share, *sharing[device]])]
            if len(free) >= count:
                chosen = sorted(free, key=lambda device: len(sharing[device]))[:count]
                for device in chosen:
                    claim(names[device], share)
                return chosen
        if not waiting:
            print(f"waiting for {count} of the GPUs {','.join(among)}", file=sys.stderr, flush=True)
            waiting = True
        time.sleep(random.uniform(0.5, 1.5) * POLL)


def keep_folder() -> None:
    """Hold a shared lock on the folder as long as the job lives: it keeps systemd from clearing it of old files."""
    descriptor = os.open(LOCKS, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    os.set_inheritable(descriptor, True)


def forgotten(share: int) -> str | None:
    """What to tell a user who gives Snakemake no number of GPUs on a machine that has some."""
    if not (here := devices()):
        return None
    return (
        f"This machine has {len(here)} GPUs, but `--resources gpu=N` was not given: jobs wait for one another's devices"
        f" and hold their cores meanwhile. Better: --resources gpu={len(here) * share}"
        + (f" ({share} jobs on each)." if share > 1 else ".")
    )


def exports(study: "Study", assigned: bool) -> str:
    """The shell's command that gives every job its environment; `assigned`: a cluster's scheduler starts them.

    No parameters of the rules, for none decides a result; and no resources, which Snakemake evaluates for each of
    thousands of jobs.
    """
    environment = {
        "SNAKEMAKE_PID": "$PPID",  # a job ends with the Snakemake that started it (softshot/job.py)
        "JOBS_PER_GPU": study.launch.jobs_per_gpu,
        "MAX_TOKENS": study.tuning.max_tokens or "",  # of a forward pass: memory, never the prompt
        "BATCH_SIZE": study.generation.batch_size,  # rows decoded together: memory, never the text
    } | ({"SOFTSHOT_ASSIGNED": 1} if assigned else {})
    return f"export {' '.join(f'{name}={value}' for name, value in environment.items())}; "


def main() -> None:
    """Claim, then exec."""
    parser = argparse.ArgumentParser(prog="python -m softshot.launch", description=__doc__)
    parser.add_argument("--gpus", required=True, type=int, help="devices that the job needs")
    parser.add_argument("--jobs-per-gpu", default=1, type=int, help="jobs that may share a device (default 1)")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    if not args.command:
        parser.error("no command")
    usable = [] if os.environ.get("SOFTSHOT_ASSIGNED") else devices()
    if usable:
        if args.gpus > len(usable):
            sys.exit(
                f"softshot: {args.gpus} GPUs asked for, but this machine has {len(usable)}; lower the rule's `gpu`."
            )
        chosen = claim_some(args.gpus, usable, args.jobs_per_gpu)
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(chosen)  # none where the job asks for none
        keep_folder()
    os.execvp(args.command[0], args.command)


if __name__ == "__main__":
    main()
