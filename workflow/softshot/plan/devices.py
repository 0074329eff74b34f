"""How fast a device computes: as its maker states it, less what is lost in practice."""

import platform
import subprocess
from dataclasses import dataclass

from softshot.plan.work import Work

# What a device's name holds -> dense operations per second in the format that `dtype: auto` chooses (bfloat16 where it
# has that, else float32), and bytes per second of its memory; from the makers' data sheets.
DEVICES = {
    "H200": (989e12, 4.8e12),
    "H100": (989e12, 3.35e12),
    "A100": (312e12, 1.55e12),
    "L40S": (362e12, 0.86e12),
    "A40": (150e12, 0.70e12),
    "A10": (125e12, 0.60e12),
    "L4": (121e12, 0.30e12),
    "4090": (165e12, 1.01e12),
    "3090": (71e12, 0.94e12),
    "V100": (15.7e12, 0.90e12),
    "T4": (8.1e12, 0.32e12),
    "CPU": (60e9, 15e9),  # one core with AVX2, in float32
}
SHARE = {True: 0.3, False: 0.6}  # of the operations that a GPU, a CPU sustains on small batches
READ_SHARE = 0.3  # of the memory's speed while decoding, with a launch per kernel
LAUNCH = 0.025  # seconds of a pass for one more token, at least: a GPU waits for the kernels of some 24 layers
START = 30.0  # seconds of a job before it computes: imports, the model's weights


@dataclass(frozen=True)
class Device:
    """A device, and what a job on it sustains."""

    name: str
    operations: float  # per second
    bytes: float  # per second
    width: int  # bytes of a weight
    origin: str  # of these numbers
    launch: float = 0.0  # seconds of a pass that only reads the weights, at least

    @property
    def is_gpu(self) -> bool:
        return not self.name.endswith("CPU")

    def seconds(self, work: Work, parameters: int) -> float:
        """How long a job takes."""
        reading = max(self.launch, parameters * self.width / self.bytes)
        return START + work.operations / self.operations + work.passes * reading


def device(name: str | None = None, tflops: float | None = None) -> Device:
    """The named device, or this machine's; `tflops`: what it sustains, where that is known better."""
    name = name or here()
    key = next((key for key in DEVICES if key.lower() in name.lower()), None)
    gpu = not name.endswith("CPU")
    operations, read = DEVICES[key or ("A100" if gpu else "CPU")]
    origin = f"its data sheet, {SHARE[gpu]:.0%} of it" if key else f"unknown, taken for {'an A100' if gpu else 'a CPU'}"
    width, launch = 2 if gpu and key not in ("V100", "T4") else 4, LAUNCH if gpu else 0.0
    if tflops:
        return Device(name, tflops * 1e12, read * READ_SHARE, width, "--tflops", launch)
    return Device(name, operations * SHARE[gpu], read * READ_SHARE, width, origin, launch)


def here() -> str:
    """This machine's device, as run.json calls it: the first GPU, or the processor."""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        found = ""
    return found.splitlines()[0] if found else f"{platform.machine()} CPU"
