"""`python -m softshot.plan.processor [float32|bfloat16]`: operations and bytes a second of a core, each on a line.

The best of a few tries, a second in all: a product of matrices as large as a model's, and one of a matrix and a vector,
which is as fast as memory is read. Times are the thread's: other work on the machine counts little.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
WIDTH, ROWS, LONG = 2048, 512, 32_768  # of the matrices; the long one takes 256 MB, more than most caches hold
TRIES = 5


def measured(dtype: str) -> tuple[float, float]:
    """Operations and bytes a second of one core in a format, measured in a process that has no more threads."""
    command = [sys.executable, "-m", "softshot.plan.processor", dtype]
    environment = os.environ | dict.fromkeys(THREADS, "1")
    lines = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
    return float(lines[0]), float(lines[1])


def main() -> None:
    """Measure."""
    import torch  # who asks for the numbers needs none of it

    [dtype] = sys.argv[1:] or ["float32"]
    size = getattr(torch, dtype)
    weights, rows = torch.ones(LONG, WIDTH, dtype=size), torch.ones(ROWS, WIDTH, dtype=size)
    square = weights[:WIDTH]
    with torch.inference_mode():
        print(2 * ROWS * square.numel() / least_seconds(lambda: rows @ square))
        print(weights.nbytes / least_seconds(lambda: weights @ rows[0]))


def least_seconds(product: Callable[[], object]) -> float:
    """The least time of a product in this thread."""
    seconds = []
    for _ in range(TRIES):
        began = time.thread_time()
        product()
        seconds.append(time.thread_time() - began)
    return min(seconds)


if __name__ == "__main__":
    main()
