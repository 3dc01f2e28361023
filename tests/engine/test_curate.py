"""Curate: corpora whose truth is known, what ranks them, and a real run that selects from one."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.here import run_here
from support.pools import POOL, pool_of
from support.runs import TINY, assert_equal_runs, completions_of, round_of, value

from rlvr.config import load, shipped_configs
from rlvr.data import (
    CONTAMINATIONS,
    Arm,
    Contamination,
    Entry,
    InputError,
    Keep,
    Problem,
    Verdict,
)
from rlvr.loop.problems import draw
from rlvr.models import loading
from rlvr.models.prose import kind_of
from rlvr.records.layout import Place
from rlvr.select.arms import choose
from rlvr.studies.curate import (
    COPIED,
    as_pool,
    classify,
    contaminate,
    hidden_means,
    kept_by_kind,
)

MADE = [kind for kind in CONTAMINATIONS if kind != "natural"]
SHARES: dict[Contamination, float] = {
    "wrong": 0.3,
    "garbage": 0.1,
    "duplicate": 0.2,
    "off_topic": 0.1,
}
NOISE = "corpus={wrong: 0.2, garbage: 0.2, duplicate: 0.1, off_topic: 0.1, labelled: 60}"


def problems(n: int) -> list[Problem]:
    return [
        Problem(f"t/{i}", "t", "train", f"l{i % 3}", f"{i}=", str(1000 + i), str(1000 + i))
        for i in range(n)
    ]


# A corpus


def test_each_kind_has_its_share() -> None:
    kinds = Counter(entry.kind for entry in contaminate(problems(4000), SHARES, 0, None))
    # Four standard errors of a share of one half of 4,000 are 0.032.
    for kind, share in SHARES.items():
        assert kinds[kind] / 4000 == pytest.approx(share, abs=0.032), kind
    assert kinds["clean"] / 4000 == pytest.approx(0.3, abs=0.032)


def test_each_kind_is_what_it_says() -> None:
    real = problems(1000)
    by_id = {problem.id: problem for problem in real}
    entries = contaminate(real, SHARES, 0, None)
    solutions = {problem.solution for problem in real}
    own = {problem.id: entry.kind for problem, entry in zip(real, entries, strict=True)}
    copied = {entry.problem.id for entry in entries if entry.kind == "duplicate"}
    assert len(copied) == round(COPIED * 1000)
    for place, (problem, entry) in enumerate(zip(real, entries, strict=True)):
        said, truth = entry.problem.solution, by_id[entry.problem.id].solution
        if entry.kind == "duplicate":
            assert said == truth and entry.index > 0
            assert own[entry.problem.id] == "clean"
            continue
        assert (entry.problem.id, entry.index) == (problem.id, 0), place
        assert entry.problem.prompt == problem.prompt
        if entry.kind == "clean":
            assert said == truth
        elif entry.kind == "wrong":  # a near miss: another first digit
            assert said != truth and str(said)[1:] == str(truth)[1:]
        elif entry.kind == "garbage":
            assert said not in solutions and len(str(said)) == len(str(truth))
        else:
            assert said != truth and said in solutions
    copies = [entry for entry in entries if entry.kind == "duplicate"]
    assert len({(entry.problem.id, entry.index) for entry in copies}) == len(copies)


def test_an_entry_depends_on_seed_and_problem_alone() -> None:
    shares: dict[Contamination, float] = {"wrong": 0.5, "garbage": 0.2}
    entries = contaminate(problems(50), shares, 3, None)
    assert contaminate(problems(50), shares, 3, None) == entries
    assert contaminate(problems(80), shares, 3, None)[:50] == entries
    assert contaminate(problems(50), shares, 4, None) != entries


def test_the_task_may_spoil_its_solutions_itself() -> None:
    entries = contaminate(problems(9), {"wrong": 0.99}, 0, lambda problem, _: f"no {problem.id}")
    assert {entry.problem.solution for entry in entries if entry.kind == "wrong"} >= {"no t/0"}


def test_without_another_solution_nothing_is_off_topic() -> None:
    alike = [dataclasses.replace(problem, solution="1") for problem in problems(9)]
    with pytest.raises(ValueError, match="alike"):
        contaminate(alike, {"off_topic": 0.99}, 0, None)


def test_the_pool_has_the_truth_as_verdict_and_the_likelihood_of_the_solution_alone() -> None:
    one, two = problems(2)
    entries = [Entry(one, "clean"), Entry(two, "garbage", 4)]
    scores = [(-9.0, -1.0, -2.0), (-9.0, -9.0, -3.0)]
    made = as_pool(entries, [(5, 6), (5, 6, 7)], [(8, 1), (1,)], scores, Place(7, "a", 2))
    pool = list(zip(*made, strict=True))
    assert [completion.logprobs for completion in pool[0]] == [(-1.0, -2.0), (-3.0,)]
    assert [completion.token_ids for completion in pool[0]] == [(8, 1), (1,)]
    assert [(c.problem_id, c.index, c.arm, c.round) for c in pool[0]] == [
        ("t/0", 0, "a", 2),
        ("t/1", 4, "a", 2),
    ]
    assert [(verdict.status, verdict.reason) for verdict in pool[1]] == [
        ("correct", ""),
        ("wrong", "garbage"),
    ]


# Selecting a share of it


@pytest.mark.parametrize(
    ("keep", "share", "kept"),
    [
        # Mean logprobs of eight completions, p then q; the first and the sixth are clean.
        ("self-scored", 0.25, [1, 5]),
        ("self-scored", 0.5, [0, 1, 5, 6]),
        ("least-likely", 0.25, [3, 7]),
        ("classifier", 0.25, [2, 3]),
        ("verified", 0.5, [0, 5]),  # there are no more: the shortfall is not topped up
    ],
)
def test_a_share_is_the_best_of_the_whole_pool(keep: Keep, share: float, kept: list[int]) -> None:
    means = [-3.0, -1.0, -5.0, -8.0, -6.0, -0.5, -2.0, -9.0]
    pool = [
        (dataclasses.replace(completion, logprobs=(mean, mean)), verdict)
        for (completion, verdict), mean in zip(
            pool_of({"p": "cwww", "q": "wcww"}), means, strict=True
        )
    ]
    scores = [0.0, 0.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0] if keep == "classifier" else None
    chosen = choose(pool, Arm("a", keep=keep, share=share), None, 0, 1, scores)
    assert [i for i, keep_it in enumerate(chosen) if keep_it] == kept


def test_a_random_share_is_drawn_from_all_and_repeats() -> None:
    arm = Arm("a", keep="random", share=0.25)
    drawn = [choose(POOL, arm, None, seed, 1) for seed in range(60)]
    assert {sum(kept) for kept in drawn} == {4}
    assert all(any(kept[i] for kept in drawn) for i in range(len(POOL)))
    assert choose(POOL, arm, None, 0, 1) == drawn[0] != choose(POOL, arm, None, 0, 2)


def test_what_was_kept_of_each_kind_and_of_the_clean_by_level() -> None:
    verdicts = [
        *(Verdict("correct"), Verdict("correct"), Verdict("correct")),
        *(Verdict("wrong", "garbage"), Verdict("wrong", "wrong"), Verdict("wrong", "wrong")),
        Verdict("wrong", "natural"),
    ]
    kept = [True, False, True, False, True, False, True]
    found = kept_by_kind(verdicts, kept, ["x", "x", "y", "x", "x", "y", "code"])
    assert {(row["metric"], row["level"]): (row["value"], row["n"]) for row in found} == {
        ("kept_clean", "all"): (pytest.approx(2 / 3), 3),
        ("kept_clean", "x"): (0.5, 2),
        ("kept_clean", "y"): (1.0, 1),
        ("kept_garbage", "all"): (0.0, 1),
        ("kept_natural", "all"): (1.0, 1),
        ("kept_natural", "code"): (1.0, 1),
        ("kept_wrong", "all"): (0.5, 2),
    }


# The classifier


def test_hidden_means_are_those_of_one_sequence_at_a_time(tmp_path: Path) -> None:
    import torch

    loading.make_tiny("tiny-0.1m", 0, tmp_path)
    prompts, solutions = [(5, 6, 7), (8,), (9, 10)], [(11, 1), (12, 13, 14, 1), (1,)]
    found = hidden_means(tmp_path, prompts, solutions, batch=2)
    network = loading.load_model(tmp_path).eval()
    for row, (prompt, solution) in enumerate(zip(prompts, solutions, strict=True)):
        with torch.no_grad():
            ids = torch.tensor([[*prompt, *solution]])
            states = network(input_ids=ids, output_hidden_states=True).hidden_states[-1]
        expected = states[0, len(prompt) :].mean(0).numpy()
        np.testing.assert_allclose(found[row], expected, atol=1e-5)


def test_the_classifier_ranks_what_it_can_tell() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 3))
    features[:100, 1] += 4.0
    scores = classify(features, [True] * 100 + [False] * 100, np.eye(3) * 4.0)
    assert scores[1] > 0 > max(scores[0], scores[2])
    assert classify(features, [True] * 100 + [False] * 100, np.eye(3) * 4.0) == scores


# The config


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["corpus={}"], "must lie between 0 and 1"),
        (["corpus={wrong: 0.6, garbage: 0.4}"], "must lie between 0 and 1"),
        (["corpus={wrongs: 0.1}"], "did you mean 'wrong'"),
        (["corpus={natural: 0.1}"], "natural and noise go together"),
        (["corpus={wrong: 0.1, noise: not_prose}"], "natural and noise go together"),
        (["corpus={wrong: 0.1}"], "set generate.samples: 1"),
        (["arms=[{name: a, keep: classifier, share: 0.5}]"], "needs a corpus"),
        (["arms=[{name: a, keep: least-likely}]"], "needs match: ARM"),
        (["arms=[{name: a, keep: all, share: 0.5}]"], "share is void"),
        (["arms=[verified,{name: a, keep: random, match: verified, share: 0.5}]"], "one of them"),
        (["corpus={wrong: 0.1}", "generate.samples=1"], "use share, as in {name: random-50"),
        (["corpus={wrong: 0.1}", "generate.samples=1", "arms=[majority]"], "has none"),
        (
            [
                "corpus={duplicate: 0.1}",
                "generate.samples=1",
                "arms=[{name: a, keep: classifier, share: 0.5}]",
            ],
            "for the classifier to learn",
        ),
    ],
)
def test_what_can_not_be_is_refused(overrides: list[str], words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        load(TINY, overrides)


def test_a_corpus_is_the_same_in_every_round_and_disjoint_from_what_else_is_drawn() -> None:
    arms = "arms=[{name: a, keep: classifier, share: 0.5}]"
    drawn = draw(load(TINY, [NOISE, "generate.samples=1", arms]), 7)
    assert drawn.rounds[0] == drawn.rounds[1] and len(drawn.corpus) == 64
    assert {entry.problem.id for entry in drawn.corpus} <= {one.id for one in drawn.rounds[0]}
    assert len(drawn.labelled) == 60 and {e.problem.split for e in drawn.labelled} == {"dev"}
    assert {entry.kind for entry in drawn.labelled} >= {"clean", "wrong", "garbage"}
    assert "duplicate" not in {entry.kind for entry in drawn.labelled}


CLASSIFIED = [
    "arms=[{name: a, keep: classifier, share: 0.5}]",
    "generate.prompts=200",
    "verdict.conditions=[]",
]


def test_natural_noise_is_of_another_task_and_says_what_it_is() -> None:
    text = shipped_configs()["claims/c3_text"]
    drawn = draw(load(text, CLASSIFIED), 7)
    noise = [entry.problem for entry in drawn.corpus if entry.kind == "natural"]
    assert 0.3 < len(noise) / len(drawn.corpus) < 0.5
    kinds = Counter(one.level for one in noise)
    assert kinds["code"] > 5 and kinds["fragment"] > 5 and len(kinds) > 4
    texts = [one.prompt + str(one.solution) for one in noise]
    assert {len(text) for text in texts} == {80} and len(set(texts)) > 0.9 * len(texts)
    assert all(kind_of(text) or len(text) == 80 for text in texts)
    labelled = {entry.problem.id for entry in drawn.labelled if entry.kind == "natural"}
    assert labelled and not labelled & {one.id for one in noise}


def test_labelled_entries_of_one_class_are_refused() -> None:
    arms = "arms=[{name: a, keep: classifier, share: 0.5}]"
    more = ["corpus={wrong: 0.01, labelled: 4}", "generate.samples=1", arms]
    with pytest.raises(InputError, match="corpus.labelled: all 4 entries of seed 7"):
        draw(load(TINY, more), 7)


# A real run


ARMS = ("everything", "oracle", "random-50", "perplexity-50", "inverted-50", "classifier-50")
OVERRIDES = [
    NOISE,
    "arms=[{name: everything, keep: all, start: base},{name: oracle, keep: verified, start: base},"
    "{name: random-50, keep: random, share: 0.5, start: base},"
    "{name: perplexity-50, keep: self-scored, share: 0.5, start: base},"
    "{name: inverted-50, keep: least-likely, share: 0.5, start: base},"
    "{name: classifier-50, keep: classifier, share: 0.5, start: base}]",
    "generate={prompts: 300, samples: 1, max_tokens: 6}",
    "seeds=[7]",
    "evaluate.off_target=[]",
    "checkpoints=all",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("curate") / "run"
    run_here(folder, folder.parent / "cache", *OVERRIDES)
    return folder


def test_all_arms_see_the_same_corpus_in_every_round(run: Path) -> None:
    def said(arm: str, round_: int) -> pd.DataFrame:
        pool = completions_of(run, 7, arm, round_)
        return pool[["problem_id", "index", "text", "status", "reason"]]

    first = said("everything", 1)
    assert len(first) == 300 and set(first.reason) == {"", *MADE}
    assert ((first.status == "correct") == (first.reason == "")).all()
    for arm in ARMS:
        for round_ in (1, 2):
            pd.testing.assert_frame_equal(said(arm, round_), first)


def test_each_arm_keeps_its_part(run: Path) -> None:
    for round_ in (1, 2):
        pools = {arm: completions_of(run, 7, arm, round_) for arm in ARMS}
        assert pools["everything"].kept.all()
        assert (pools["oracle"].kept == (pools["oracle"].status == "correct")).all()
        assert {int(pools[arm].kept.sum()) for arm in ARMS[2:]} == {150}
        for arm, sign in (("perplexity-50", 1), ("inverted-50", -1)):
            pool = pools[arm]
            score = sign * pool.logprobs.map(np.mean)
            assert score[pool.kept].min() >= score[~pool.kept].max()
    # The base's in round 1, then the arm's own model's: never the likelihood of another model.
    one, two = (completions_of(run, 7, "perplexity-50", t).logprobs.map(tuple) for t in (1, 2))
    assert (one != two).any()


def test_what_was_kept_of_each_kind_is_in_the_metrics(run: Path) -> None:
    for arm in ARMS:
        pool = completions_of(run, 7, arm, 2)
        for kind in ("clean", *MADE):
            of_kind = pool[pool.reason == ("" if kind == "clean" else kind)]
            expected = (pytest.approx(of_kind.kept.mean()), len(of_kind))
            assert value(run, 7, arm, 2, f"kept_{kind}") == expected
        assert value(run, 7, arm, 2, "sampled")[0] == 300
        assert value(run, 7, arm, 2, "train_steps")[0] == 4
    frame = pd.read_parquet(run / "metrics.parquet").query("metric == 'kept_clean'")
    assert frame.level.str.startswith("d2c").any()


def test_the_scores_are_transformers(run: Path) -> None:
    import torch

    network = loading.load_model(round_of(run, 7, "perplexity-50", 1) / "model")
    for row in completions_of(run, 7, "perplexity-50", 2).head(12).to_dict("records"):
        ids = torch.tensor([[*row["prompt_token_ids"], *row["token_ids"]]])
        with torch.no_grad():
            logprobs = network(input_ids=ids).logits[0, :-1].log_softmax(-1)
        expected = logprobs.gather(1, ids[0, 1:, None])[-len(row["token_ids"]) :, 0]
        np.testing.assert_allclose(row["logprobs"], expected, atol=1e-4)


def test_a_round_done_again_is_the_same(run: Path, tmp_path: Path) -> None:
    again = tmp_path / "run"
    shutil.copytree(run, again)
    for arm in ("classifier-50", "perplexity-50"):
        shutil.rmtree(round_of(again, 7, arm, 2))
    run_here(again, run.parent / "cache", *OVERRIDES)
    assert_equal_runs(run, again)
