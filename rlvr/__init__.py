"""rlvr: a testbed for what happens when a language model is trained on its own outputs.

The name, the version and `load_run` are here. Nothing is imported, so that importing the package
costs nothing. `rlvr.loop.round` has the six stages of a round, in their order.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False  # not typing's: that would be an import
if TYPE_CHECKING:
    from os import PathLike

    from rlvr.results.frames import RunFrames


def load_run(path: "str | PathLike[str]") -> "RunFrames":
    """Read a run folder, finished or still going, as pandas frames (rlvr/results/frames.py).

    Raises InputError when `path` is no run folder.
    """
    from pathlib import Path

    from rlvr.results.frames import read_run

    return read_run(Path(path))
