"""Rows: what an arm trains on, kept completions and real solutions, each with its provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from rlvr.data import Arm, Problem, Row
from rlvr.records.layout import Place
from rlvr.records.stored import ROW, chosen
from rlvr.select.axis import Pool


def completion_rows(pool: Pool, kept: Sequence[bool], arm: Arm, verifier: str) -> Sequence[Row]:
    """Return the kept completions as training rows: the sampled token ids themselves."""
    why = (
        f"keep={arm.keep}"
        + (f" match={arm.match}" if arm.match else "")
        + (f" by={arm.match_by}" if arm.match_by != "problems" else "")
        + (f" share={arm.share:g}" if arm.share else "")
        + (f" cap={arm.cap}" if arm.cap else "")
        + (f" band={arm.band[0]:g}-{arm.band[1]:g}" if arm.band else "")
        + (" unique" if arm.unique else "")
        + (f" prefer={arm.prefer}" if arm.prefer else "")
        + (f" author={arm.author}" if arm.author != "model" else "")
        + (" flip" if arm.flip else "")  # some of these verdicts are planted errors
    )
    return chosen(pool, kept, ROW, source="completion", verifier=verifier, why=why)


def real_rows(
    problems: Sequence[Problem],
    prompts: Sequence[tuple[int, ...]],
    solutions: Sequence[tuple[int, ...]],
    place: Place,
    counts: Mapping[str, int] | None = None,
) -> list[Row]:
    """Return a real solution a problem as rows; with `counts`, that many copies of each."""
    return [
        Row(
            problem_id=problem.id,
            source="warm-start" if place.round == 0 else "real",
            **asdict(place),
            index=copy,
            prompt_token_ids=prompt,
            token_ids=solution,
            status="correct",
            verifier="",
            why="real solution",
        )
        for problem, prompt, solution in zip(problems, prompts, solutions, strict=True)
        for copy in range(1 if counts is None else counts.get(problem.id, 0))
    ]
