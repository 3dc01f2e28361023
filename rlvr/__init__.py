"""rlvr: a testbed for what happens when a language model is trained on its own outputs.

Covers the name, the version and `load_run`, and imports nothing, so that importing the package
costs nothing; the stages of a round are the modules `generate`, `verify`, `arms`, `train`,
`evaluate` and `record`, called in that order by `loop`.
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
