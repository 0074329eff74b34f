"""Recognising that memory has run out, on whichever device and whoever says so.

torch's own allocators raise OutOfMemoryError; the libraries below it fail in their own words, and the processor's
allocator in a RuntimeError.
"""

import torch

ERRORS = (RuntimeError, MemoryError)  # what to catch and to look at
WORDS = (
    "out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUSPARSE_STATUS_INSUFFICIENT_RESOURCES",
    "cublasCreate",  # whose workspace did not fit: CUBLAS_STATUS_NOT_INITIALIZED
    "can't allocate memory",  # the processor's allocator
    "not enough memory",  # the same on Windows
)


def ran_out(error: BaseException) -> bool:
    """Whether `error` says that memory did not suffice."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in WORDS)


def release() -> None:
    """Give back what torch keeps of a GPU's memory. Outside the handler, whose error holds the failed tensors."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
