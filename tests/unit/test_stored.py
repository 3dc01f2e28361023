"""Stored: what waits in a file is to every reader what a list of the same items is."""

from __future__ import annotations

import errno
import gc
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from rlvr.data import Arm, Completion, Damaged, Flip, Problem, Row, RunError, Status, Verdict
from rlvr.engine.protocol import Decoding, Sampled
from rlvr.evaluate import evaluation, metrics, ngrams, one_of_k
from rlvr.evaluate.evaluation import RECORD, Record, judge
from rlvr.records import record, stored
from rlvr.records.layout import Place
from rlvr.records.stored import (
    JUDGED,
    ROW,
    Joined,
    Judged,
    Stored,
    chosen,
    held,
    joined,
    pass_over,
    pick,
    take,
)
from rlvr.select import arms, keep
from rlvr.select.arms import PRESETS
from rlvr.select.flip import misjudge
from rlvr.select.keep import Asked, majority
from rlvr.select.memory import remember
from rlvr.select.rows import completion_rows

SIZE = 7


@pytest.fixture(autouse=True)
def short_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list holds so few that everything here waits in a file."""
    monkeypatch.setattr(stored, "PART", SIZE)
    monkeypatch.setattr(stored, "LISTED", SIZE)


def pool_of(problems: int, samples: int = 3, seed: int = 0) -> list[Judged]:
    generator = random.Random(seed)
    out = []
    for i in range(problems):
        for k in range(samples):
            ids = tuple(generator.choices([1, 2, 3, 70_000, 2**30], k=generator.randrange(6)))
            status: Status = generator.choice(["correct", "wrong", "abstain", "error"])
            answer = generator.choice([None, "1", "2"])
            completion = Completion(
                problem_id=f"p{i}",
                arm="base",
                seed=seed,
                round=1,
                index=k,
                prompt_token_ids=(5, i),
                token_ids=ids,
                text=f"{answer} é",
                logprobs=tuple(-generator.randrange(64) / 16 for _ in ids),
                finish_reason=generator.choice(["stop", "length"]),
            )
            out.append((completion, Verdict(status, generator.choice(["", "no answer"]), answer)))
    return out


def records_of(pool: Sequence[Judged]) -> list[Record]:
    return [
        Record(
            problem_id=completion.problem_id,
            level=f"l{len(completion.problem_id)}",
            kind="sample",
            index=completion.index,
            text=completion.text,
            tokens=1 + len(completion.token_ids),
            token_ids=completion.token_ids,
            logprob=sum(completion.logprobs),
            truncated=completion.finish_reason == "length",
            status=verdict.status,
            reason=verdict.reason,
            extracted=verdict.extracted,
        )
        for completion, verdict in pool
    ]


POOL = pool_of(20)
RECORDS = records_of(POOL)


def test_few_are_a_list_and_more_wait_in_a_file_that_goes_with_them(tmp_path: Path) -> None:
    assert held(tmp_path, JUDGED, iter(POOL[:SIZE])) == POOL[:SIZE]
    assert list(tmp_path.iterdir()) == []
    found = held(tmp_path, JUDGED, iter(POOL))
    assert isinstance(found, Stored) and len(found) == len(POOL)
    assert [path.suffix for path in tmp_path.iterdir()] == [".parquet"]
    rows = found.pick("index")
    assert held(tmp_path, JUDGED, found) is found  # no copy
    del found
    gc.collect()
    assert sum(1 for _ in rows) == len(POOL)  # what is being read stays as long as that
    del rows
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_it_is_a_sequence_of_the_same_items(tmp_path: Path) -> None:
    found = held(tmp_path, JUDGED, iter(POOL))
    assert list(found) == POOL and list(found) == POOL
    for i in (0, 1, SIZE - 1, SIZE, 2 * SIZE, len(POOL) - 1, -1, -len(POOL)):
        assert found[i] == POOL[i]
    assert found[3:20:4] == POOL[3:20:4] and found[5:1] == []
    with pytest.raises(IndexError):
        found[len(POOL)]
    places = [40, 3, 3, 17]
    both: Joined[Judged] = Joined(POOL[:5], found, POOL[:1])
    for items, whole in ((found, POOL), (POOL, POOL), (both, [*POOL[:5], *POOL, POOL[0]])):
        assert take(items, places) == [whole[i] for i in places]
        assert list(pass_over(items, sorted(set(places)))) == [whole[i] for i in (3, 17, 40)]
    assert list(pass_over(found, [])) == []


@pytest.mark.parametrize("names", [("status",), ("text", "status", "token_ids"), ("logprobs",)])
def test_fields_are_picked_alike(names: tuple[str, ...], tmp_path: Path) -> None:
    found = held(tmp_path, JUDGED, iter(POOL))
    assert list(pick(found, *names)) == list(pick(POOL, *names))
    both: Joined[Judged] = Joined(found, POOL[:2])
    assert list(pick(both, *names)) == list(pick([*POOL, *POOL[:2]], *names))


def test_several_are_one_after_the_other(tmp_path: Path) -> None:
    found = held(tmp_path, JUDGED, iter(POOL))
    both = joined(POOL[:3], found, [])
    expected = [*POOL[:3], *POOL]
    assert list(both) == expected and len(both) == len(expected)
    assert [both[i] for i in (0, 2, 3, -1)] == [expected[i] for i in (0, 2, 3, -1)]
    assert both[1:9:3] == expected[1:9:3]
    assert joined(POOL[:2], POOL[2:4]) == POOL[:4]
    nested: Joined[Judged] = Joined(Joined(found, found), POOL[:1])
    assert len(nested.parts) == 3
    with pytest.raises(IndexError):
        nested[len(nested)]


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.5, 1.0])
def test_what_is_kept_of_a_file_is_read_from_it(rate: float, tmp_path: Path) -> None:
    generator = random.Random(3)
    kept = [generator.random() < rate for _ in POOL]
    expected = [
        Row(
            problem_id=one.problem_id,
            source="completion",
            arm=one.arm,
            seed=one.seed,
            round=one.round,
            index=one.index,
            prompt_token_ids=one.prompt_token_ids,
            token_ids=one.token_ids,
            status=verdict.status,
            verifier="v",
            why="so",
        )
        for (one, verdict), keep in zip(POOL, kept, strict=True)
        if keep
    ]
    same = {"source": "completion", "verifier": "v", "why": "so"}
    found = held(tmp_path, JUDGED, iter(POOL))
    rows = chosen(found, kept, ROW, **same)
    assert isinstance(rows, Stored) == (len(expected) > SIZE)
    assert list(rows) == list(rows) == expected == chosen(POOL, kept, ROW, **same)
    assert len(list(tmp_path.iterdir())) == 1  # no other file
    places = [i for i in (-1, 0, 5, 5, 3, 11) if i < len(expected)] if expected else []
    assert [rows[i] for i in places] == [expected[i] for i in places]
    assert take(rows, sorted(set(places[1:]))) == [expected[i] for i in sorted(set(places[1:]))]
    for names in (("why",), ("why", "index"), ("token_ids", "verifier", "status")):
        assert list(pick(rows, *names)) == list(pick(expected, *names))
    record.write_rows(tmp_path / "of-a-file.parquet", rows)
    record.write_rows(tmp_path / "of-a-list.parquet", expected)
    files = [(tmp_path / f"of-a-{name}.parquet").read_bytes() for name in ("file", "list")]
    assert files[0] == files[1]
    with pytest.raises(ValueError, match="59 flags for 60 items"):
        chosen(found, kept[1:], ROW, **same)


def test_records_of_one_kind_are_read(tmp_path: Path) -> None:
    others = [replace(one, kind="greedy") for one in RECORDS[:10]]
    evaluation.write_records(tmp_path / "eval.parquet", [*RECORDS, *others])
    samples = evaluation.read_records(tmp_path / "eval.parquet", "sample")
    assert isinstance(samples, Stored) and list(samples) == RECORDS
    assert list(evaluation.read_records(tmp_path / "eval.parquet", "greedy")) == others
    assert evaluation.read_records(tmp_path / "eval.parquet", "best") == []
    evaluation.write_records(tmp_path / "none.parquet", [])
    assert evaluation.read_records(tmp_path / "none.parquet", "sample") == []


def test_damage_of_a_scratch_file_is_nobodys_input(tmp_path: Path) -> None:
    found = held(tmp_path, JUDGED, iter(POOL))
    assert isinstance(found, Stored)
    found.path.write_bytes(b"PAR1")
    with pytest.raises(RunError, match="damaged .*: run the same command again"):
        list(found)


def test_damage_is_named_however_it_is_read(tmp_path: Path) -> None:
    record.write_completions(tmp_path / "made.parquet", POOL, [True] * len(POOL))
    found = Stored(tmp_path / "made.parquet", JUDGED)
    whole = found.path.read_bytes()
    found.path.write_bytes(whole[: len(whole) // 2])
    readings: list[Callable[[], Any]] = [
        lambda: list(found),
        lambda: found[0],
        lambda: found.take([1]),
        lambda: list(found.pick("text")),
        lambda: Stored(found.path, JUDGED),
    ]
    for reading in readings:
        with pytest.raises(Damaged, match=found.path.name):
            reading()


def test_a_full_disk_ends_the_run_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, *_: Any) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(stored, "write", full)
    with pytest.raises(RunError, match="No space left on device: make room"):
        held(tmp_path, JUDGED, iter(POOL))
    assert list(tmp_path.iterdir()) == []


def test_what_the_source_raises_is_not_the_disks_trouble(tmp_path: Path) -> None:
    def source(failure: Exception) -> Iterator[Judged]:
        yield from POOL[: 2 * SIZE]
        raise failure

    for failure in (RunError("the engine died"), ConnectionResetError("a socket"), ValueError()):
        with pytest.raises(type(failure)) as caught:
            held(tmp_path, JUDGED, source(failure))
        assert caught.value is failure
        assert list(tmp_path.iterdir()) == []


def test_a_file_is_written_in_parts_and_an_empty_one_keeps_its_columns(tmp_path: Path) -> None:
    record.write_completions(tmp_path / "c.parquet", iter(POOL), [True] * len(POOL))
    assert pq.read_metadata(tmp_path / "c.parquet").row_group(0).num_rows == SIZE
    assert len(record.read_kept(tmp_path / "c.parquet")) == len(POOL)
    assert list(record.read_completions(tmp_path / "c.parquet")) == POOL
    with pytest.raises(ValueError, match="more is kept than there are"):
        record.write_completions(tmp_path / "more.parquet", POOL, [True] * (len(POOL) + 1))
    record.write_completions(tmp_path / "none.parquet", [], [])
    assert record.read_completions(tmp_path / "none.parquet") == []
    assert "kept" in pq.read_schema(tmp_path / "none.parquet").names


# What reads them


CHOICES = {
    **PRESETS,
    "least-likely": Arm("least-likely", "least-likely", match="verified"),
    "a share": Arm("a share", "all", share=0.3),
    "the likeliest share": Arm("the likeliest share", "self-scored", share=0.3),
    "a cap": Arm("a cap", "random", cap=1),
    "tokens": Arm("tokens", "random", match="verified", match_by="tokens"),
}


@pytest.mark.parametrize("name", CHOICES)
def test_arms_keep_the_same(name: str, tmp_path: Path) -> None:
    found, arm = held(tmp_path, JUDGED, iter(POOL)), CHOICES[name]
    wanted = {f"p{i}": i % 3 for i in range(20)}
    if arm.match_by == "tokens":
        wanted = {"1": 5, "3": 9, "50": 2}
    counts = Counter(wanted) if arm.match else None
    kept = arms.choose(POOL, arm, counts, 0, 1)
    assert arms.choose(found, arm, counts, 0, 1) == kept
    rows = completion_rows(POOL, kept, arm, "v")
    assert isinstance(rows, list)
    assert list(completion_rows(found, kept, arm, "v")) == rows
    before = held(tmp_path, ROW, iter(rows * 3))
    for memory in ("replace", "accumulate", "subsample"):
        for mine, theirs in zip(
            remember(memory, before, rows, 0, 1),
            remember(memory, rows * 3, rows, 0, 1),
            strict=True,
        ):
            assert list(mine) == list(theirs)


def test_votes_and_errors_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def same(asked: Sequence[Asked]) -> list[bool]:
        return [text.startswith(answer) for _, answer, text in asked]

    whole = list(majority(POOL, same, 0))
    monkeypatch.setattr(keep, "VOTES_AT_ONCE", 7)
    found = held(tmp_path, JUDGED, iter(POOL))
    assert list(majority(found, same, 0)) == whole
    for flip in (Flip(0.5, 0.5, pattern="1"), Flip(0.5, 0.5, persistent=True)):
        assert list(misjudge(found, flip, 0)) == list(misjudge(POOL, flip, 0))


MEASURES: dict[str, Callable[[Sequence[Record]], list[dict[str, Any]]]] = {
    "accuracy": lambda records: metrics.accuracy(records, "greedy"),
    "sampled": lambda records: metrics.sampled(records, [1, 2, 3]),
    "diversity": metrics.diversity,
    "survival": lambda records: metrics.survival(records, records_of(pool_of(20, seed=1))),
    "coverage": lambda records: metrics.coverage(records, records_of(pool_of(20, seed=1)), 2),
    "amplification": lambda records: metrics.amplification(records, [(1, 2), (3,)], [(1, 2, 3)]),
    "lucky": metrics.lucky,
    "majority": lambda records: one_of_k.majority(records, [2, 3]),
    "likeliest": lambda records: one_of_k.likeliest(records, [2, 3]),
}


@pytest.mark.parametrize("name", MEASURES)
def test_metrics_are_the_same(name: str, tmp_path: Path) -> None:
    found = held(tmp_path, RECORD, iter(RECORDS))
    assert isinstance(found, Stored)
    expected = MEASURES[name](RECORDS)
    assert MEASURES[name](found) == expected and (expected or name == "lucky")


def test_the_records_of_a_problem_must_lie_together() -> None:
    assert metrics.sampled(RECORDS[:6], [1])
    with pytest.raises(ValueError, match="p0 do not lie together"):
        metrics.sampled([*RECORDS[:6], RECORDS[0]], [1])


def test_copies_of_an_n_gram_do_not_wait_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ngrams, "HELD", 1000)
    with ngrams._Different() as different:
        for first in range(0, 20_000, 500):
            different.add(np.full(500, 7))
            different.add(np.arange(first, first + 500))
        sizes = [file.seek(0, 2) for file in different._files]
        assert sum(sizes) <= 8 * (20_000 + 40) and max(sizes) < 3 * sum(sizes) / len(sizes)
        assert different.count() == 20_000


@pytest.mark.parametrize("waiting", [1, 50, 10**6])
def test_more_n_grams_than_memory_holds_are_counted(
    waiting: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ngrams, "HELD", waiting)
    monkeypatch.setattr(ngrams, "PART", 16)
    generator = random.Random(waiting)
    texts = [
        tuple(generator.choice([0, 1, 2, 5000, 2**40]) for _ in range(generator.randrange(9)))
        for _ in range(300)
    ]
    counted = [ngrams.count(texts, n) for n in (1, 2, 3, 4)]
    assert ngrams.distincts(iter(texts), (1, 2, 3, 4)) == [
        len(grams) / grams.total() for grams in counted
    ]


def test_problems_come_in_parts_of_so_many_completions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "AT_ONCE", 10)
    problems = tuple(Problem(f"p{i}", "t", "train", "1", "?", "1") for i in range(8))
    whole = evaluation.Problems(problems, ((1,),) * 8, ((2,),) * 8)
    parts = list(whole.parts(4))
    assert [len(part.problems) for part in parts] == [2, 2, 2, 2]
    assert tuple(one for part in parts for one in part.problems) == problems
    assert [len(part.problems) for part in whole.parts(11)] == [1] * 8


PROBLEMS = tuple(Problem(f"p{i}", "t", "eval", "1", "?", "1") for i in range(20))


class Judge:
    """A stand-in for the verifier's processes: it notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def verify(self, items: Any) -> Iterator[Verdict]:
        for problem, text in filter(None, items):
            self.asked.append((problem.id, text))
            yield Verdict("correct", text)


def test_equal_texts_are_judged_once() -> None:
    judge_, texts = Judge(), [one for one, _ in POOL]
    judged = judge(judge_, PROBLEMS, texts)
    assert [verdict.reason for _, verdict in judged] == [one.text for one in texts]
    assert len(judge_.asked) == len(set(judge_.asked)) < len(POOL)


class Engine:
    """A stand-in for vLLM: it samples what a request's seed says, and notes how many at a time."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def stream(
        self, prompts: Any, _: Decoding, seeds: Sequence[int], __: float
    ) -> Iterator[list[tuple[int, Sampled]]]:
        self.sizes.append(len(seeds))
        for place in reversed(range(len(seeds))):
            tokens = (*prompts[place], seeds[place] % 1000)
            yield []
            yield [(place, Sampled(tokens, (0.0, -0.5), "stop"))]


class Tokenizer:
    """A stand-in: the text is the numbers."""

    def batch_decode(self, texts: Sequence[Any], **_: Any) -> list[str]:
        return [str(text) for text in texts]


def test_parts_are_sampled_and_judged_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    held_out = evaluation.Problems(PROBLEMS, tuple((i,) for i in range(20)), None)

    def records() -> tuple[list[int], list[Record]]:
        engine: Any = Engine()
        made = evaluation.evaluate(
            engine, Judge(), Tokenizer(), held_out, Decoding(), 3, "sample", Place(0, "a", 1)
        )
        return engine.sizes, list(made)

    sizes, whole = records()
    assert sizes == [60] and len(whole) == 60
    monkeypatch.setattr(evaluation, "AT_ONCE", 10)
    sizes, parts = records()
    assert sizes == [9] * 6 + [6] and parts == whole
