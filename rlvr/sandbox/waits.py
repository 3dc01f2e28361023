"""Waits: for how long a thread had to wait for a core, its present wait included.

The kernel books a wait when it ends, and beside programs that keep every core busy one wait may
last for seconds. So a thread that is ready to run, and has not run between two looks, has waited
since the first of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class _Look:
    ran: int  # nanoseconds so far
    at: float  # time.monotonic() of the last look that did not find it waiting


@dataclass(eq=False)
class Waits:
    """Follows threads from look to look."""

    _looks: dict[Path, _Look] = field(default_factory=dict)

    def of(self, threads: Iterable[Path]) -> dict[Path, float]:
        """Return for each thread, `/proc/PID/task/TID`, for how many seconds so far it had to wait.

        A thread that has just ended is left out.
        """
        now = time.monotonic()
        looks, waits = dict[Path, _Look](), dict[Path, float]()
        for thread in threads:
            try:
                ran, booked, _ = map(int, (thread / "schedstat").read_text().split())
                look = self._looks.get(thread)
                if look is None or look.ran != ran or not _is_ready(thread):
                    look = _Look(ran, now)
            except (OSError, ValueError):
                continue
            looks[thread] = look
            waits[thread] = booked / 1e9 + now - look.at
        self._looks = looks
        return waits


def _is_ready(thread: Path) -> bool:
    """Return whether a thread runs or waits for a core. Raises OSError if it has ended."""
    _, _, after_name = (thread / "stat").read_text().rpartition(")")
    return after_name.split()[0] == "R"
