"""Rounds, seeds and arms are added to a run; whatever would change what is recorded is refused."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from support.made_run import config as made_config
from support.made_run import make_run

from rlvr.config import Config, load, resolved
from rlvr.data import InputError, Problem
from rlvr.loop import adding, preflight, runner, sealing
from rlvr.loop.progress import Display
from rlvr.loop.units import Job
from rlvr.records import added, record, seals
from rlvr.records.layout import Place, base_of
from rlvr.results.compare import compare_run, read_results
from rlvr.results.sceptic import checks
from rlvr.results.tables import added_tables
from rlvr.results.terminal import print_tables
from rlvr.verify.tasks import draw_problems

CONFIG = """
name: grows
model: tiny-0.1m
task: {name: addition, digits: 2}
verifier: same.py
seeds: [0, 1]
rounds: 2
arms: [verified, random]
generate: {prompts: 8, samples: 4, max_tokens: 4}
train: {batch_size: 2}
evaluate: {problems: 4, samples: 2, k: [1]}
"""
VERIFIER = """
from rlvr.data import Verdict
def verify(problem, completion):
    return Verdict("correct" if completion == problem.reference else "wrong")
"""
RUN, YAML = Path("run"), Path("config.yaml")
MORE = ["rounds=3", "seeds=[0,1,2]", "arms=[verified,random,unfiltered]"]
DPO = "{name: dpo, keep: verified, learner: dpo}"
ONLINE = "{name: online, keep: verified, learner: grpo}"


class Notes(Display):
    """A display that keeps its lines."""

    def __init__(self) -> None:
        super().__init__(Console(quiet=True), "", 0, 0)
        self.said: list[str] = []

    def note(self, text: str) -> None:
        if "without a warm start" not in text:
            self.said.append(text)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder with a config in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(preflight, "check_model", lambda *given: 64)  # a second, each time
    YAML.write_text(CONFIG)
    Path("same.py").write_text(VERIFIER)


def ask(*overrides: str, arms: tuple[str, ...] = (), of: Path = YAML) -> Job:
    """Do what `rlvr run` does before it writes anything."""
    return runner.prepare(load(of, overrides, arms), RUN, str(of))


def places(config: Config) -> Iterator[Place]:
    for seed in config.seeds:
        yield base_of(seed)
        for arm in config.arms_in_order():
            yield from (Place(seed, arm.name, t) for t in range(1, config.rounds + 1))


def finish(job: Job, to_make: int | None = None) -> list[str]:
    """Record what a job lacks, or so many rounds of it; return what was said."""
    display = Notes()
    with runner._begun(job, display):
        lacking = [p for p in places(job.config) if not (p.folder(RUN) / "metrics.json").exists()]
        for place in lacking[:to_make]:
            folder = place.folder(RUN)
            if place.round:
                (folder / "model").mkdir(parents=True, exist_ok=True)
            names = ["pass@1", "train_eval_shared", "near_duplicates", "verifier_tpr"]
            rows = [{"metric": name, "level": "all", "value": 0.5, "n": 4} for name in names]
            where = {"seed": place.seed, "arm": place.arm, "round": place.round}
            record.write_json(folder / "sealed.json", sealing.hashes_at(job, place))
            record.write_json(folder / "metrics.json", [{**where, **row} for row in rows])
            record.write_sums(folder)
        record.write_metrics(RUN)
    return display.said


def refused(*overrides: str, arms: tuple[str, ...] = (), of: Path = YAML) -> str:
    """What is asked for must be refused before anything is written; return the words."""
    before = {path: path.read_bytes() for path in RUN.rglob("*") if path.is_file()}
    with pytest.raises(InputError) as failure:
        ask(*overrides, arms=arms, of=of)
    assert before == {path: path.read_bytes() for path in RUN.rglob("*") if path.is_file()}
    said = str(failure.value)
    assert "\n" not in said
    return said


def of_json(name: str) -> Any:
    return json.loads((RUN / name).read_text())


def test_what_is_added_is_written_down_and_the_rule_stays() -> None:
    finish(ask())
    began = of_json("config.json")
    [said] = finish(ask(*MORE))
    assert said == (
        "run: round 3, seed 2, arm unfiltered added: shown as exploratory; the verdict stays that "
        "of round 2 and seeds 0, 1"
    )
    now = of_json("config.json")
    [addition] = now.pop("added")
    assert now == began
    assert (addition["rounds"], addition["seeds"]) == (3, [0, 1, 2])
    assert [arm["name"] for arm in addition["arms"]] == ["verified", "random", "unfiltered"]
    assert addition["began"] > 1.7e9 and addition["sealed"]["data"].keys() == {
        *("problems of seed 0", "problems of seed 1", "problems of seed 2")
    }
    hashes = dict(seals.of_rounds(RUN))
    first, later = hashes[Place(0, "verified", 2)], hashes[Place(0, "verified", 3)]
    assert first == hashes[base_of(0)] and "added" not in first
    assert later == {**first, "added": later["added"]} == hashes[base_of(2)]
    assert later == hashes[Place(0, "unfiltered", 1)] == hashes[Place(2, "random", 1)]
    results = read_results(RUN)
    assert (results.rounds, results.seeds, results.arms) == (2, (0, 1), ("verified", "random"))
    assert [(one.round, one.seeds) for one in results.exploratory] == [(2, (0, 1)), (3, (0, 1, 2))]
    asked = {check.what: check for check in checks(results)}
    assert asked["rule"].ok and asked["inputs"].ok
    assert asked["added"].found == ("exploratory, no verdict: round 3, seed 2, arm unfiltered")


def begun(*more: str) -> None:
    """Write the config.json of a run, and of what was added to it."""
    config = resolved(load(YAML))
    whole = [added.extent(resolved(load(YAML, more)), {}, 1)] if more else []
    saved = {"config": config, "hash": record.digest(record.deciding(config))}
    record.write_json(RUN / "config.json", {**saved, **added.as_json(whole)})


@pytest.mark.parametrize(
    ("asked", "has"),
    [
        ([], MORE),  # the first command again
        (["rounds=4"], ["rounds=4", *MORE[1:]]),
        (["seeds=[1,0,5]"], [MORE[0], "seeds=[0,1,2,5]", MORE[2]]),
        (["arms=[real,random,verified]"], [*MORE[:2], "arms=[verified,random,unfiltered,real]"]),
    ],
)
def test_what_a_command_does_not_name_stays(asked: list[str], has: list[str]) -> None:
    begun(*MORE)
    assert adding.joined(load(YAML, asked), RUN) == resolved(load(YAML, has))


def test_an_arm_is_added_to_a_run_folder_and_once_only() -> None:
    finish(ask())
    job = ask(arms=("{name: mine, keep: random, match: verified, match_by: rows}",), of=RUN)
    assert [arm.name for arm in job.config.arms] == ["verified", "random", "mine"]
    assert "arm mine added" in finish(job)[0]
    again = ask(arms=("{name: mine, keep: random, match: verified, match_by: rows}",), of=RUN)
    assert again.extents == job.extents and finish(again) == []
    said = refused(arms=("{name: mine, keep: all}",), of=RUN)
    assert "--add-arm: 'mine' is recorded with another keep (random -> all)" in said
    assert "give the new arm another name" in said
    said = refused("arms=[verified,random,{name: mine, keep: all}]")
    assert "'mine' is recorded with another keep (random -> all)" in said


@pytest.mark.parametrize(
    ("asked", "arms", "words"),
    [
        ("rounds=1", (), "differing: rounds (2 -> 1)"),
        ("seeds=[0]", (), "differing: seeds ([0, 1] -> [0])"),
        ("arms=[verified]", (), "differing: arms (verified, random -> verified)"),
        ("train.lr=1", (), "differing: train.lr ("),
        ("evaluate.problems=5", (), "differing: evaluate.problems (4 -> 5)"),
        (
            "arms=[verified,{name: wide, keep: all},{name: random, keep: random, match: wide}]",
            (),
            "differing: arms.1.match (verified -> wide)",
        ),
        ("verdict.primary=[random]", ("real",), "differing: verdict.primary (None -> ['random'])"),
    ],
)
def test_what_would_change_recorded_figures_is_refused(
    asked: str, arms: tuple[str, ...], words: str
) -> None:
    begun()
    said = refused(asked, arms=arms)
    assert words in said and "more rounds, more seeds, arms with new names" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("verifed", "unknown arm 'verifed', did you mean 'verified'"),
        ("{name: a, kep: all}", "arms.0.kep: unknown key"),
        ("{name: base, keep: all}", "the name 'base' is the base model's"),
        ("{name: a", "--add-arm"),
        ("{name: a, keep: random, match: nobody}", "'a' matches 'nobody', which is not among"),
    ],
)
def test_an_arm_that_is_none_is_refused(text: str, words: str) -> None:
    begun()
    assert words in refused(arms=(text,), of=RUN)


def test_no_round_is_added_where_the_weights_are_gone() -> None:
    YAML.write_text(CONFIG + "checkpoints: none\n")
    finish(ask())
    assert not list(RUN.rglob("round-*/model"))
    said = refused("rounds=3")
    assert "rounds: verified, seed 0, ended with round 2, and its weights are gone" in said
    assert "(checkpoints: none): no round can be added; seeds and arms can" in said
    finish(ask("seeds=[0,1,2]", arms=("unfiltered",)))


def test_an_online_arm_goes_on_where_its_checkpoint_was_kept() -> None:
    for kept in ("last", "all"):
        YAML.write_text(CONFIG + f"checkpoints: {kept}\ngrpo: {{steps: 2}}\n")
        finish(ask(arms=(ONLINE,)))
        states = [RUN / f"seed-{seed}" / "online" / "state-000004" for seed in (0, 1)]
        for state in states:
            state.mkdir()
        if kept == "last":
            finish(ask(arms=(ONLINE,)))  # the same command deletes what is not kept
            said = refused("rounds=3", arms=(ONLINE,))
            assert "online, seed 0, ended with round 2, and the checkpoint to go on from is" in said
            RUN.rename("before")
    assert "round 3 added" in finish(ask("rounds=3", arms=(ONLINE,)))[0]


@pytest.mark.parametrize(
    ("trl", "stays"),
    [
        ({"lr_scheduler_type": "cosine"}, False),
        ({"lr_scheduler_type": "constant_with_warmup", "warmup_steps": 0.1}, False),
        ({"lr_scheduler_type": "constant_with_warmup", "warmup_steps": 3}, True),
        ({"weight_decay": 0.1}, True),
    ],
)
def test_a_schedule_over_all_rounds_takes_no_more(trl: dict[str, Any], stays: bool) -> None:
    plain = load(YAML, [f"arms=[{ONLINE}]", "grpo.steps=2"])
    # Without `load`, which asks the installed TRL for these keys: its import takes seconds.
    grpo = plain.grpo.model_copy(update={"trl": trl})
    config = plain.model_copy(update={"grpo": grpo, "rounds": 3})
    so_far = added.extent(resolved(plain), {})
    if stays:
        adding._hold_schedule(RUN, config, so_far)
        return
    with pytest.raises(InputError, match="rounds: the schedule in grpo.trl.* no round can be add"):
        adding._hold_schedule(RUN, config, so_far)
    adding._hold_schedule(RUN, config.model_copy(update={"rounds": 2}), so_far)


def test_a_learner_that_no_arm_had_brings_its_settings() -> None:
    finish(ask())
    began = of_json("config.json")["config"]
    assert "grpo" in began and "dpo" not in began
    finish(ask("dpo.steps=7", "dpo.batch_size=2", arms=(DPO,)))
    finish(ask("grpo.steps=2", arms=(ONLINE,), of=RUN))
    now = of_json("config.json")
    assert now["config"] == began
    assert now["added"][1]["sections"]["dpo"]["steps"] == 7
    assert now["added"][1]["sections"]["grpo"]["steps"] == 2
    assert ask().config.grpo.steps == 2
    assert "differing: dpo.steps (7 -> 8)" in refused("dpo.steps=8", of=RUN)
    assert "differing: grpo.steps (2 -> 4)" in refused("grpo.steps=4", of=RUN)


def test_problems_that_depend_on_how_many_are_asked_for_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    finish(ask())

    def backwards(task: Any, split: Any, n: int, *more: Any) -> list[Problem]:
        return draw_problems(task, split, n, *more)[::-1]

    recorded = of_json("manifest.json")
    monkeypatch.setattr("rlvr.loop.problems.draw_problems", backwards)
    job = runner.prepare(load(YAML), Path("other"), "config.yaml")
    record.write_json(RUN / "manifest.json", {**recorded, "sealed": job.seal})
    for path in RUN.rglob("sealed.json"):
        record.write_json(path, sealing.hashes_at(job, base_of(0)))
    said = refused("rounds=3")
    assert "the task 'addition' draws other problems for seed 0 when more are asked for" in said
    finish(ask(arms=("real",)))


def test_an_addition_is_held_to_what_it_was_added_under(monkeypatch: pytest.MonkeyPatch) -> None:
    finish(ask())
    finish(ask(*MORE), 2)

    def others(task: Any, split: Any, n: int, seed: int, *more: Any) -> list[Problem]:
        return draw_problems(task, split, n, seed, *more)[:: -1 if seed == 2 else 1]

    monkeypatch.setattr("rlvr.loop.problems.draw_problems", others)
    assert "run: added to under another data: problems of seed 2 (" in refused()
    monkeypatch.setattr("rlvr.loop.problems.draw_problems", draw_problems)
    saved = of_json("config.json")
    saved["added"][0]["arms"][2]["keep"] = "majority"
    record.write_json(RUN / "config.json", saved)
    assert "recorded under another added (" in refused("arms=[verified,random]")
    (RUN / "config.json").write_text(json.dumps({**saved, "added": [{"rounds": 3}]}))
    assert "config.json: added: damaged" in refused()


def test_killed_in_the_middle_and_added_to_again() -> None:
    finish(ask(), 3)  # even before the run has finished
    finish(ask(*MORE), 4)
    before = of_json("config.json")["added"]
    job = ask()
    assert finish(job) == [] and of_json("config.json")["added"] == before
    assert len(list(RUN.rglob("metrics.json"))) == 3 * (1 + 3 * 3)
    finish(ask("rounds=4"))
    assert [one["rounds"] for one in of_json("config.json")["added"]] == [3, 4]
    assert ask().ends == {2, 3, 4}


def test_only_one_adds_at_a_time() -> None:
    finish(ask())
    one, other = ask("rounds=3"), ask("rounds=4")
    with record.locked(RUN), pytest.raises(InputError, match="another run is using this folder"):
        finish(one)
    finish(other)
    with pytest.raises(InputError, match="run: was added to meanwhile: run the same command"):
        finish(one)


def test_what_of_the_base_depends_on_the_rounds_is_measured_again() -> None:
    finish(ask())
    metrics = base_of(0).folder(RUN) / "metrics.json"
    before = json.loads(metrics.read_text())
    finish(ask("seeds=[0,1,2]"))
    assert json.loads(metrics.read_text()) == before
    finish(ask("rounds=3"))
    now = json.loads(metrics.read_text())
    assert [row["metric"] for row in now] == [row["metric"] for row in before]
    assert [row["value"] for row in now] == [0.5, 0, 0, 0.5]
    assert not record.changed(metrics.parent)


def test_a_run_with_nothing_added_is_as_it_always_was() -> None:
    finish(ask())
    assert of_json("config.json").keys() == {"config", "hash"}
    assert added.read(RUN) == () and read_results(RUN).exploratory == ()
    assert adding.joined(load(YAML), RUN) == resolved(load(YAML))


def test_results_with_additions_keep_every_figure_of_the_rule() -> None:
    """One record, read as that of a run which had all of it, or half of it, from the start."""
    make_run(RUN)
    whole = read_results(RUN)
    began = made_config(seeds=[0, 1], rounds=1, arms=["verified", "unfiltered"])
    saved = {"config": resolved(began), "hash": record.digest(record.deciding(resolved(began)))}
    record.write_json(RUN / "config.json", saved)
    alone = compare_run(read_results(RUN))
    extent = added.extent(whole.config, {}, 1)
    record.write_json(RUN / "config.json", {**saved, **added.as_json([extent])})
    r = read_results(RUN)
    now = compare_run(r)
    more, _ = now.pop("added"), now["checks"].pop("added")
    assert now == alone
    assert more["what"] == "round 2, seed 2, arm random"
    of_arm, of_all = more["exploratory"]
    assert (of_arm["round"], of_arm["seeds"]) == (1, [0, 1])
    assert (
        of_arm["arms"]["verified"]["pass@1"]["delta"]
        == (alone["arms"]["verified"]["pass@1"]["delta"])
    )
    assert (of_all["round"], of_all["seeds"]) == (2, [0, 1, 2])
    assert of_all["contrasts"] == compare_run(whole)["contrasts"]
    assert {one["pass@1"]["p_holm"] for one in of_all["arms"].values()} == {None}
    tables = added_tables(r)
    assert [table.title for table in tables] == [
        "pass@1 at round 1, seeds 0, 1",
        "pass@1 at round 2, seeds 0, 1, 2",
    ]
    assert [[row[0] for row in table.rows] for table in tables] == [
        ["random"],
        ["verified", "unfiltered", "random"],
    ]
    out = io.StringIO()
    console = Console(width=80, file=out)
    print_tables([r], console, True)
    said = " ".join(out.getvalue().split())
    assert "pass@1 at round 2, seeds 0, 1, 2" in said
    assert "added later (round 2, seed 2, arm random): exploratory, no verdict" in said
    assert (
        "random Trains on completions drawn at random, as many of each problem as verified" in said
    )
