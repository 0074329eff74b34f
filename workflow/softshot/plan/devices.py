"""How fast a device computes: as its maker states it, or as a core here is measured, less what practice loses."""

import platform
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from softshot.plan import processor
from softshot.plan.work import Size, Work

# What a device's name holds -> dense operations per second in the format that `dtype: auto` chooses (bfloat16 where it
# has that, else float32), and bytes per second of its memory; from the makers' data sheets.
DEVICES = {
    "H200": (989e12, 4.8e12),
    "H100 PCIe": (756e12, 2.0e12),
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
    "CPU": (90e9, 15e9),  # one core with AVX2, in float32
}
SHARE, READ_SHARE = 0.3, 0.3  # of a GPU's operations and of its memory's speed: assumed
CORE_SHARE = {"float32": 0.75, "bfloat16": 0.25}  # of the rate of a core's large products: docs/benchmarks.md
LAUNCH = 0.001  # seconds of a layer, at least: a GPU waits for Python to start some twenty kernels
START, CORE_START = 15.0, 5.0  # seconds of a job before its model: imports, the tokenizer, and a GPU's own start
LOADING = 0.5e9  # bytes of weights per second, in float32: reading, converting, probing


@dataclass(frozen=True)
class Device:
    """A device, and what a job on it sustains."""

    name: str
    operations: float  # per second
    bytes: float  # per second
    dtype: str  # float32 or bfloat16: of the weights
    origin: str  # of these numbers
    launch: float = 0.0  # seconds of a layer, at least
    start: float = START  # seconds of a job before its model

    @property
    def is_gpu(self) -> bool:
        return not self.name.endswith("CPU")

    @property
    def width(self) -> int:
        """Bytes of a weight."""
        return {"float32": 4, "bfloat16": 2}[self.dtype]

    def before(self, size: Size) -> float:
        """Seconds of a job before it computes."""
        return self.start + 4 * size.parameters / LOADING

    def computing(self, works: Iterable[Work], size: Size) -> float:
        """Seconds of the computing itself."""
        return sum(self._computing(work, size) for work in works)

    def seconds(self, works: Iterable[Work], size: Size) -> float:
        """How long a job takes."""
        return self.before(size) + self.computing(works, size)

    def _computing(self, work: Work, size: Size) -> float:
        """A pass takes its arithmetic, and as long as its weights are read or, on a GPU, its kernels started."""
        reading = max(self.launch * size.layers, size.parameters * self.width / self.bytes)
        return work.operations / self.operations + work.passes * reading + work.moved * self.width / self.bytes


def device(name: str | None = None, tflops: float | None = None, dtype: str = "auto") -> Device:
    """The named device, or this machine's, with weights as `engine.dtype` says.

    `tflops`: what it sustains, where that is known better. Data sheets are of the format that `auto` chooses.
    """
    local, name = name is None, name or here()
    gpu, key = not name.endswith("CPU"), next((key for key in DEVICES if key.lower() in name.lower()), None)
    chosen = "bfloat16" if gpu and key not in ("V100", "T4") else "float32"
    dtype = chosen if dtype == "auto" else dtype
    if local and not gpu:
        (operations, read), source = processor.measured(dtype), f"a core measured now in {dtype}"
    else:
        operations, read = DEVICES[key or "A100"]
        source = "its data sheet" if key else "an A100's data sheet, its own being unknown"
        source += f", which is for {chosen}" if dtype != chosen else ""
    share = SHARE if gpu else CORE_SHARE[dtype]
    sustained, origin = (tflops * 1e12, "--tflops") if tflops else (share * operations, f"{share:.0%} of {source}")
    if gpu:
        return Device(name, sustained, READ_SHARE * read, dtype, origin, LAUNCH)
    return Device(name, sustained, read, dtype, origin, start=CORE_START)


def here() -> str:
    """This machine's device, as run.json calls it: the first GPU, or the processor."""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        names = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.split("\n")
    except (OSError, subprocess.TimeoutExpired):
        names = [""]
    return names[0].strip() or f"{platform.machine()} CPU"
