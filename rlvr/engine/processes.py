"""Processes of a run: a terminal's Ctrl-C is for the run alone, and none outlives what started it.

A terminal interrupts its whole foreground group. The run ends its children in its own time, so they
are started with `process_group=0`, in groups of their own. Ctrl-Z, too, suspends the run alone: its
children go on with what they were given, and nothing more comes.
"""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent `parent` (a pid) is gone, however it went.

    Ends this process where the parent is gone already. The parent is the thread that started this
    process: one that ends before its process does takes its children with it.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
