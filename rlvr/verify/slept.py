"""Slept: the machine, or this process, stood still for a while; that time is nobody's.

A virtual machine that was paused, a laptop that was closed, a run that was stopped with Ctrl-Z: the
clock has jumped, and whatever was at work seems to have taken all that time. A thread looks at the
clock once a second; where it comes much too late, there was such a pause.
"""

from __future__ import annotations

import os
import threading
import time

TICK = 1.0  # seconds between two looks at the clock
JUMP = 10.0  # seconds between two looks from which there was a pause

# Whose thread looks; its last look, and the end of the last pause, by time.monotonic.
_state = {"pid": 0, "last": 0.0, "ended": -1.0}


def watch() -> None:
    """Start to look at the clock, once in a process."""
    if _state["pid"] != os.getpid():
        _state.update(pid=os.getpid(), last=time.monotonic())
        threading.Thread(target=_look, name="rlvr-slept", daemon=True).start()


def slept_since(moment: float) -> bool:
    """Whether there was a pause since a moment (of time.monotonic). `watch` must go before."""
    now, last = time.monotonic(), _state["last"]
    if last and now - last > JUMP:  # it is just over, and the thread has not come yet
        return True
    return _state["ended"] > moment


def _look() -> None:
    while True:
        time.sleep(TICK)
        now = time.monotonic()
        if now - _state["last"] > JUMP:
            _state["ended"] = now
        _state["last"] = now
