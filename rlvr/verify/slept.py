"""Slept: notices that the machine, or this process, stood still; that time counts for nothing.

A virtual machine was paused, a laptop was closed, or a run was stopped with Ctrl-Z. Afterwards the
clock has jumped, and the work of that moment seems to have taken all that time. A thread reads the
clock once a second. If it comes much too late, there was such a pause.
"""

from __future__ import annotations

import os
import threading
import time

TICK = 1.0  # seconds between two readings of the clock
JUMP = 10.0  # if two readings are further apart, there was a pause

# The process of the thread, its last reading, and the end of the last pause (time.monotonic).
_state = {"pid": 0, "last": 0.0, "ended": -1.0}


def watch() -> None:
    """Start the thread that reads the clock, once in a process."""
    if _state["pid"] != os.getpid():
        _state.update(pid=os.getpid(), last=time.monotonic())
        threading.Thread(target=_look, name="rlvr-slept", daemon=True).start()


def slept_since(moment: float) -> bool:
    """Return whether there was a pause since a moment (of time.monotonic), after `watch`."""
    now, last = time.monotonic(), _state["last"]
    if last and now - last > JUMP:  # the pause is just over, and the thread has not noticed it yet
        return True
    return _state["ended"] > moment


def _look() -> None:
    while True:
        time.sleep(TICK)
        now = time.monotonic()
        if now - _state["last"] > JUMP:
            _state["ended"] = now
        _state["last"] = now
