"""Out of memory, of all kinds."""

import torch


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device's memory does not suffice."""
    return isinstance(error, torch.OutOfMemoryError) or "CUBLAS_STATUS_ALLOC_FAILED" in str(error)
