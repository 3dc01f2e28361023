"""The words of the project as frozen dataclasses: what flows between the stages of a round.

Problem -> Completion -> Verdict -> Row. An `Arm` says which completions become rows. Everything
here is plain data or an error: no I/O, importable in a millisecond by any plugin.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args

Split = Literal["train", "eval", "dev"]
Status = Literal["correct", "wrong", "abstain", "error"]
FinishReason = Literal["stop", "length"]
Keep = Literal[
    "verified",
    "all",
    "random",
    "majority",
    "inverted",
    "self-scored",
    "least-likely",
    "classifier",
    "format-only",
    "right-answer",
    "lucky",
    "real",
    "replay",
]
Contamination = Literal["wrong", "garbage", "duplicate", "off_topic", "natural"]
EntryKind = Contamination | Literal["clean"]
MatchBy = Literal["problems", "rows", "tokens"]
Memory = Literal["replace", "accumulate", "subsample"]
Start = Literal["previous", "base", "scratch"]
Prefer = Literal["shortest", "longest", "hardest"]
Author = Literal["model", "base", "transcriber", "retrained"]
Source = Literal["completion", "real", "warm-start"]
TrackerName = Literal["tensorboard", "trackio", "wandb"]

STATUSES: tuple[Status, ...] = get_args(Status)
CONTAMINATIONS: tuple[Contamination, ...] = get_args(Contamination)
TRACKERS: tuple[TrackerName, ...] = get_args(TrackerName)
DASH = Path("-")  # as a file's name: standard input or output
DECIDED: frozenset[str] = frozenset({"correct", "wrong"})


class InputError(ValueError):
    """The user's input is at fault: one line that names the file, the key and the fix.

    The command exits 2.
    """


class RunError(RuntimeError):
    """The run can't go on, and the input is not at fault (engine died, stale weights, disk full).

    Exits 1.
    """


class Damaged(InputError):
    """A recorded file can't be read: which, what is wrong with it, and the fix."""

    def __init__(self, path: Path, reason: str, fix: str) -> None:
        super().__init__(f"{path}: damaged ({reason}): {fix}")
        self.reason = reason

    def __reduce__(self) -> tuple[type[InputError], tuple[str]]:
        return InputError, (str(self),)  # across processes, its words are all that counts


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ", did you mean 'x'?" for the known word nearest to `word`, or ""."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f", did you mean {close[0]!r}?" if close else ""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of a task.

    `reference` is whatever the verifier needs (an answer, tests). `solution` is a real solution as
    text, None where there is none: then no warm start, no real NLL and no `real` arm. `messages`:
    pairs of role and content, where the prompt is a conversation; `prompt` is then its text.
    """

    id: str
    task: str
    split: Split
    level: str
    prompt: str
    reference: Any
    solution: str | None = None
    messages: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a corpus: a problem whose `solution` is what the corpus says, and its truth.

    `index` is 0 for a problem's own entry; the copies of one count up from 1.
    """

    problem: Problem
    kind: EntryKind
    index: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """One sampled completion.

    `token_ids` (the sampled EOS included) are the only source of training rows.

    `logprobs` has one entry per token of `token_ids`: the log-probability in nats under the policy
    that sampled it, at temperature 1. `round` is the round that the completion is used in; `arm` is
    "base" in the shared pool.
    """

    problem_id: str
    arm: str
    seed: int
    round: int
    index: int
    prompt_token_ids: tuple[int, ...]
    token_ids: tuple[int, ...]
    text: str
    logprobs: tuple[float, ...]
    finish_reason: FinishReason


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verifier says of one completion.

    `correct` and `wrong` are decided. `abstain`: the reference can't be decided on (it is
    unparseable, or no completion is judged in time against it). `error`: the infrastructure failed.
    Neither ever counts as wrong. `seconds` is wall time. `passed` says for each test in turn
    whether it passed, where the reference is a list of tests, and is empty elsewhere.
    """

    status: Status
    reason: str = ""
    extracted: str | None = None
    seconds: float = 0.0
    passed: tuple[bool, ...] = ()

    @property
    def fraction(self) -> float | None:
        """The share of tests passed, for partial credit; None where there are no tests."""
        return sum(self.passed) / len(self.passed) if self.passed else None


@dataclass(frozen=True, slots=True)
class Row:
    """One training row with its provenance.

    The prompt's tokens are masked in the loss, `token_ids` are not.
    """

    problem_id: str
    source: Source
    arm: str
    seed: int
    round: int
    index: int
    prompt_token_ids: tuple[int, ...]
    token_ids: tuple[int, ...]
    status: str
    verifier: str
    why: str


@dataclass(frozen=True, slots=True)
class Flip:
    """Errors put into a verifier: shares of wrong ones called correct and of correct called wrong.

    With a `pattern` (a regular expression searched in the completion's text) only completions that
    match can be misjudged: a systematic error instead of an independent one. `persistent`: the same
    answer to the same problem is misjudged every time or never, in every round and arm of a seed.
    """

    false_positive: float = 0.0
    false_negative: float = 0.0
    pattern: str | None = None
    persistent: bool = False


@dataclass(frozen=True, slots=True)
class Arm:
    """A point on orthogonal axes (files of `rlvr.select`). Arms that differ on one axis compare.

    keep: which completions of the round become rows. match: name of the arm whose size is copied,
    and match_by: as rows of each problem, as rows in all or as tokens in all. share: that share of
    the pool is kept, whichever problems it is of. cap: the most rows of a problem in a round. band:
    the least and the largest share of right completions of a problem whose completions are kept.
    unique: of equal completions of a problem one is kept. prefer: which are taken first where not
    all are. control: whether an arm of as many random rows is added. memory: rows of this round
    alone, of all rounds and the warm start, or as many of those as this round has. real_fraction:
    share of the round's rows that are replaced by real solutions of the same problems. start: which
    weights training starts from. flip: errors of the verifier, in selection only. learner: a file
    of `rlvr.learners`: `sft` fine-tunes on the rows kept, `grpo` is online RL whose reward is what
    `keep` would keep. author: who wrote the completions: the arm's own model, the base, or a
    transcriber that heard the same problems, frozen or retrained on its own transcripts. more: its
    values on axes that have no field here, by the axis's name.
    """

    name: str
    keep: Keep
    match: str | None = None
    match_by: MatchBy = "problems"
    share: float | None = None
    cap: int | None = None
    band: tuple[float, float] | None = None
    unique: bool = False
    prefer: Prefer | None = None
    control: bool = False
    memory: Memory = "replace"
    real_fraction: float = 0.0
    start: Start = "previous"
    flip: Flip | None = None
    author: Author = "model"
    learner: str = "sft"
    more: tuple[tuple[str, Any], ...] = ()
