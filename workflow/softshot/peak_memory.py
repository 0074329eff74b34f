"""The most memory that a job has held: what is recorded of it, and what that is.

On a GPU it is what torch had allocated there. Elsewhere it is what the process had resident, less what was resident
before the model was loaded: the libraries, the same for every job. While a model is loaded it is in memory more than
once, which says nothing of the job after it, so that peak is kept apart where the system can be told to forget it.
"""

import resource
import sys
from pathlib import Path
from typing import Any

import torch

STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
ALLOCATED, RESIDENT = "allocated on the GPU", "resident, less what was before the model"


class PeakMemory:
    """Made before the model is loaded."""

    def __init__(self):
        self.gpu = torch.cuda.is_available()
        self.before = 0.0 if self.gpu else resident_mb()
        self.loading: float | None = None
        forget()

    def loaded(self) -> None:
        """The model is there: what comes now is the job's own peak."""
        peak = self.peak_mb()
        self.loading = peak if forget() else None

    def peak_mb(self) -> float:
        """Since this was made, or since the model was loaded, in MB."""
        if self.gpu:
            return torch.cuda.max_memory_allocated() / 2**20
        return most_resident_mb() - self.before

    def facts(self) -> dict[str, Any]:
        """For a job's record; `loading_peak_memory_mb` is None where the peak is that of loading too."""
        return {
            "peak_memory_mb": self.peak_mb(),
            "loading_peak_memory_mb": self.loading,
            "memory_before_mb": self.before,
            "memory": ALLOCATED if self.gpu else RESIDENT,
        }


def forget() -> bool:
    """Begin a new peak; False where the system has no way to."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        return True
    try:
        FORGET.write_text("5")  # Linux: the high-water mark of what is resident
    except OSError:
        return False
    return True


def resident_mb() -> float:
    """What the process has resident now; where only the most so far is known, that."""
    return _status("VmRSS") or most_resident_mb()


def most_resident_mb() -> float:
    """The most that the process has had resident since the last `forget`."""
    units = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, kilobytes elsewhere
    return _status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / units


def _status(name: str) -> float | None:
    """A size that Linux tells of the process, in MB; None where there is no such system."""
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 2**10 for line in lines if line.startswith(f"{name}:")), None)
