"""TensorBoard's event files, read back."""

from __future__ import annotations

from pathlib import Path


def sent(folder: Path) -> dict[str, dict[str, list[tuple[int, float]]]]:
    """Read the event files back: tracker run -> metric -> (step, value)."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    runs = {}
    for place in sorted({path.parent for path in folder.rglob("events.out.tfevents.*")}):
        events = EventAccumulator(str(place))
        events.Reload()
        runs[str(place.relative_to(folder / "tensorboard"))] = {
            tag: [(one.step, one.value) for one in events.Scalars(tag)]
            for tag in events.Tags()["scalars"]
        }
    return runs
