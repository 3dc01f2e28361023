"""Threads and memory: one OpenMP runtime for trainer and engine, and freed memory that is kept.

In the GNU runtime of torch's wheels, idle threads spin. If anything else needs the core (an engine,
a verifier, another user), a training step takes ten times as long or more. Intel's runtime defines
the GNU names too, so it is enough to load it first.

glibc returns the memory of every large tensor to the kernel when the tensor is freed. The next
tensor then costs a page fault for each 4 KiB: a fifth of a training step of a 135 M model. If
malloc keeps the memory, it is used again. Trainer and engine take turns, and each returns its free
memory at the end of its turn. So a run needs about as much memory as the larger of the two.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Milliseconds that an idle thread spins before it sleeps; the default is 200.
SETTINGS = {"KMP_BLOCKTIME": "1"}


_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # mallopt(3)
_DONTNEED = 4  # madvise(2)


def openmp_library() -> Path | None:
    """Return the path of Intel's OpenMP runtime in this environment, None if not installed."""
    path = Path(sys.prefix, "lib", "libiomp5.so")
    return path if path.is_file() else None


def keep_memory() -> None:
    """Make this process's malloc keep freed memory, large blocks too (glibc only)."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, 2**31 - 1)


def return_memory() -> None:
    """Return the freed memory that this process keeps: malloc's (glibc only), torch's on a GPU."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    if "torch" in sys.modules:
        import torch

        torch.cuda.empty_cache()  # does nothing where no GPU is in use


@contextmanager
def set_aside(tensors: Sequence[Any], file: Path) -> Iterator[None]:
    """Keep the content of CPU tensors in a file while the block runs, and return free memory."""
    held = _storages(tensors)
    views = [(ctypes.c_char * one.nbytes()).from_address(one.data_ptr()) for one in held]
    with open(file, "wb") as out:
        for view in views:
            out.write(view)
    forget(tensors)
    return_memory()
    try:
        yield
    finally:
        with open(file, "rb") as back:
            for view in views:
                back.readinto(view)
        file.unlink()


def _storages(tensors: Iterable[Any]) -> list[Any]:
    of_cpu = [t.untyped_storage() for t in tensors if t.device.type == "cpu"]
    return list({storage.data_ptr(): storage for storage in of_cpu}.values())


def forget(tensors: Iterable[Any]) -> None:
    """Return the memory of CPU tensors to the kernel: they hold zeros until written again."""
    advise, page = ctypes.CDLL(None).madvise, mmap.PAGESIZE
    for storage in _storages(tensors):
        # Only whole pages: the first and the last page may also hold other data.
        begin = -(-storage.data_ptr() // page) * page
        end = (storage.data_ptr() + storage.nbytes()) // page * page
        if end > begin:
            advise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), _DONTNEED)


def use_openmp() -> None:
    """Load the runtime into this process. Works only before torch is first imported."""
    library = openmp_library()
    if library is None or "torch" in sys.modules:
        return
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
