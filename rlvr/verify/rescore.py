"""Rescore: the verdicts of a verifier on completions that another one has judged before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from rlvr.data import Problem, Verdict
from rlvr.records.stored import AT_ONCE, portions
from rlvr.verify.pool import Judge


def rejudge(
    pool: Judge,
    problems: Mapping[str, Problem],
    asked: Iterable[tuple[str, str]],
    judged: Callable[[int], None],
) -> Iterator[Verdict]:
    """Yield a verdict for each (problem's id, text), in order.

    Equal texts of a problem are judged once, as in a run (`rlvr.evaluate.evaluation.judge`).
    `judged` is called with how many more of those asked have a verdict. Holds AT_ONCE of them at a
    time. Raises KeyError for a problem that `problems` has not.
    """
    for part in portions(asked, AT_ONCE):
        times = Counter(part)
        verdicts: dict[tuple[str, str], Verdict] = {}
        found = pool.verify((problems[problem], text) for problem, text in times)
        for (one, count), verdict in zip(times.items(), found, strict=True):
            verdicts[one] = verdict
            judged(count)
        yield from map(verdicts.__getitem__, part)
