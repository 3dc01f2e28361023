"""Processes of a run: a terminal's Ctrl-C reaches only the run, and no child outlives its parent.

A terminal sends Ctrl-C to its whole foreground group. The run itself decides when its children end,
so it starts them with `process_group=0`, in groups of their own. Ctrl-Z also suspends the run
alone: its children finish the work that they have, and get no more.
"""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Let the kernel kill this process when its parent `parent` (a pid) ends for any reason.

    Ends this process at once if the parent has ended already. For the kernel, the parent is the
    thread that started this process: if that thread ends earlier than its process, the children end
    with it.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
