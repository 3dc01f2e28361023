"""The command line: bad input is one line, exit 2 and nothing written; help and lists."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.chat import chat_model
from support.command import Call, assert_refused, shell
from support.runs import TINY

from rlvr import cli
from rlvr.config import Config, load, resolved, shipped_configs
from rlvr.engine.devices import bf16_speed
from rlvr.loop import preflight
from rlvr.models.loading import LADDER, make_tiny, materialise
from rlvr.records import record
from rlvr.select.arms import PRESETS

COMMANDS = {
    "bench": ["run", "--arm", "--tasks"],
    "audit": ["name", "--labelled", "--pairs", "-o"],
    "run": ["config", "key=value", "--out", "--dry-run"],
    "compare": ["runs"],
    "plan": ["config", "key=value", "--pilot", "--effect"],
    "forecast": ["config", "key=value", "--audit", "--tpr", "--fpr", "--pilot", "--rounds"],
    "report": ["runs", "--out"],
    "rescore": ["run", "--verifier", "--option", "--out"],
    "sweep": ["config", "--over", "key=value", "--out"],
    "claims": ["c1", "--budget", "--out"],
    "export": ["run", "--kept", "--arm", "--seed", "--out"],
    "score": ["file", "--verifier", "--out", "--option", "--workers", "--timeout"],
    "check": ["name", "-n", "--option", "--timeout"],
    "new": ["verifier", "name", "--folder"],
    "list": ["verifiers|tasks|arms|models|configs"],
    "show": ["name"],
    "doctor": [],
}


def jsonl(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(line + "\n" for line in lines))
    return path


GOOD = [json.dumps({"problem": f"What is {i} + 1?", "answer": str(i + 1)}) for i in range(50)]
SOLVED = [
    json.dumps({"problem": f"{i} + 1 = ?", "answer": str(i + 1), "solution": str(i + 1)})
    for i in range(50)
]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["train.stepz=3"], ["tiny.yaml", "train.stepz", "did you mean 'steps'"]),
        (["modle=x"], ["tiny.yaml", "modle", "did you mean 'model'"]),
        (["rounds=many"], ["tiny.yaml", "rounds", "'many'"]),
        (["train.lr=-1"], ["tiny.yaml", "train.lr", "greater than 0"]),
        (["train.learning_rate=1"], ["train.learning_rate", "here it is train.lr"]),
        (["generate.num_generations=4"], ["here it is generate.samples"]),
        (["evaluate.n=4"], ["evaluate.n", "here it is evaluate.samples"]),
        (["train.fp16=true"], ["here it is train.precision", "fp16 is not offered"]),
        (["seeds=3"], ["tiny.yaml", "seeds", "write [3]"]),
        (["generate.max_tokens=600"], ["max_tokens: 600", "lower it to 505"]),
        (["verifier=maths"], ["verifier", "'maths'", "did you mean 'math'", "exact"]),
        (["verifier=nowhere.py:verify"], ["verifier", "nowhere.py"]),
        (["task.name=adition"], ["task", "'adition'", "did you mean 'addition'"]),
        (["task.name=nowhere.py"], ["task", "nowhere.py"]),
        (["task.digit=3"], ["task.digit", "did you mean 'digits'"]),
        (["arms=[verifed]"], ["tiny.yaml", "arms", "'verifed'", "did you mean 'verified'"]),
        (["arms=[random]"], ["tiny.yaml", "'random'", "'verified'"]),
        (["arms=[{name: luck, keep: lucky}]"], ["tiny.yaml", "'luck'", "math_steps"]),
        (["model=./nowhere"], ["tiny.yaml", "model", "./nowhere", "known: tiny-0.1m", "folder"]),
        (["model=tiny-0.5m"], ["tiny.yaml", "model", "did you mean"]),
        (["rounds"], ["'rounds'", "key=value"]),
        (["evaluate.k=[1,16]"], ["tiny.yaml", "evaluate", "samples >= k"]),
        (["evaluate.problems=1000000"], ["addition", "'eval'", "1000000"]),
        (["generate.prompts=100000000000"], ["TB, ", "B is free", "--out", "generate.prompts"]),
        (["seeds=[1,1]"], ["tiny.yaml", "seeds", "only once"]),
    ],
)
def test_bad_input(call: Call, tmp_path: Path, overrides: list[str], words: list[str]) -> None:
    assert_refused(call, words, "run", TINY, *overrides, "--out", tmp_path / "run")


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        # What a run would otherwise find out on the way, with a folder already made.
        (["train.micro_batch=3"], ["train", "micro_batch"]),
        (["prompt.format=chat"], ["prompt.format", "chat template"]),
        (["verifier={name: exact, strict: true}"], ["verifier.strict"]),
        (["generate.max_tokens=600"], ["max_tokens"]),
    ],
)
def test_bad_input_that_shows_late(
    call: Call, tmp_path: Path, overrides: list[str], words: list[str]
) -> None:
    short = ["seeds=[7]", "rounds=1", "arms=[verified]", "warm_start=null", "train.steps=1"]
    assert_refused(call, words, "run", TINY, *short, *overrides, "--out", tmp_path / "run")


def test_without_out_nothing_is_written_where_one_stands(call: Call) -> None:
    assert_refused(call, ["arms"], "run", TINY, "arms=[]")


def test_a_dry_run_says_what_would_be_done_and_does_nothing(call: Call, tmp_path: Path) -> None:
    code, out, err = call("run", TINY, "--dry-run", "--out", tmp_path / "run")
    assert (code, err) == (0, "") and not (tmp_path / "run").exists()
    said = {line[:18].strip(): line[19:] for line in out.splitlines()}
    assert said["run"].startswith("2 seeds x (2 arms x 2 rounds and a base)")
    assert said["problems of a seed"] == "warm start 500, each round 64, held out (eval) 32"
    assert said["sampled a round"] == "512 completions of at most 6 tokens, by each arm"
    trained = "628 by each seed (warm start 500 + rounds 128)"
    assert said["drawn to train"] == f"{trained}: each comes once"
    assert "warning" not in said
    # 4 steps of 16 rows are 64: a tenth of 512 completions, 51.2, is gone through 1.25 times.
    assert said["trained a round"].endswith("by the share kept: 10%: 1.2, 50%: 0.2, 100%: 0.1")
    assert "MB" in said["disk"]
    assert_refused(call, ["'adition'"], "run", TINY, "task.name=adition", "--dry-run")


def test_a_dry_run_asks_the_verifier_once(call: Call, tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text("def verify(problem, completion):\n    return 'correct'\n")
    code, _, err = call("run", TINY, f"verifier={mine}", "--dry-run")
    assert code == 2 and "fails on an empty completion of" in err
    code, out, _ = call("run", TINY, "--dry-run")
    said = r"^verifier +exact; an empty completion of .* is wrong$"
    assert code == 0 and re.search(said, out, re.MULTILINE)


def test_a_dry_run_marks_rows_learnt_by_heart_and_problems_that_come_again(call: Call) -> None:
    _, out, _ = call("run", TINY, "train.steps=48", "--dry-run")
    # 48 steps of 16 rows are 768: a tenth of 512 completions is gone through 15 times.
    said = "10%: 15.0 !, 50%: 3.0, 100%: 1.5; ! more than 10: rows are learnt by heart"
    assert f"by the share kept: {said}\n" in out
    _, out, _ = call("run", TINY, "generate.prompts=4200", "--dry-run")
    assert "8,900 by each seed (warm start 500 + rounds 8,400): problems come again (" in out


def test_a_dry_run_warns_of_a_config_that_can_have_no_verdict(call: Call) -> None:
    _, out, _ = call("run", TINY, "seeds=[0]", "verdict.margin=5", "--dry-run")
    assert "a verdict needs 3 seeds: all will be inconclusive" in out
    assert "verdict.margin: 5: pass@1 lies within 0 and 1, so that no arm grows" in out
    _, out, _ = call("run", TINY, "seeds=[0,1,2]", "--dry-run")
    assert "warning" not in out and "inconclusive" not in out


def test_a_dry_run_warns_of_a_tiny_model_without_a_warm_start(call: Call, tmp_path: Path) -> None:
    _, out, _ = call("run", TINY, "warm_start=null", "--dry-run")
    (line,) = [line for line in out.splitlines() if line.startswith("warning ")]
    assert "tiny-0.1m starts from random weights: without a warm start it solves nothing" in line
    key = yaml.safe_load(re.findall(r"warm_start: \{.*?\}", line)[0])
    assert Config.model_validate({**yaml.safe_load(TINY.read_text()), **key}).warm_start
    make_tiny("tiny-0.1m", 0, tmp_path / "own")
    code, out, _ = call("run", TINY, "warm_start=null", f"model={tmp_path / 'own'}", "--dry-run")
    assert code == 0 and "warning" not in out


def test_a_dry_run_warns_of_bfloat16_on_a_cpu_without_it(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "on_gpu", lambda: False)
    monkeypatch.setattr(preflight, "bf16_speed", lambda: 0.025)
    _, out, _ = call("run", TINY, "train.precision=bf16", "--dry-run")
    (line,) = [line for line in out.splitlines() if line.startswith("warning ")]
    assert "1/40 as fast in bfloat16 as in float32: write train.precision=fp32" in line
    _, out, _ = call("run", TINY, "--dry-run")
    assert "warning" not in out
    monkeypatch.setattr(preflight, "bf16_speed", lambda: 2.0)
    _, out, _ = call("run", TINY, "train.precision=bf16", "--dry-run")
    assert "warning" not in out


def test_the_speed_of_bfloat16_is_measured() -> None:
    assert 0.0001 < bf16_speed() < 100


def test_a_dry_run_says_how_a_file_is_split(call: Call, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "data.jsonl", GOOD)
    config = qa_config(tmp_path, path=str(path))
    given = ["warm_start=null", "evaluate.problems=2", "--dry-run"]
    code, out, err = call("run", config, *given)
    assert (code, err) == (0, "")
    (said,) = [line for line in out.splitlines() if line.startswith("problems there")]
    counts = [int(word) for word in said.replace(",", "").split() if word.isdigit()]
    assert sum(counts) == 50 and counts[0] > 30
    (drawn,) = [line for line in out.splitlines() if line.startswith("drawn to train")]
    said = f"16 by each seed (rounds 16), of {counts[0]} that there are: each comes once"
    assert drawn.endswith(said)
    _, out, _ = call("run", config, *given, "generate.prompts=30")
    (drawn,) = [line for line in out.splitlines() if line.startswith("drawn to train")]
    assert drawn.endswith(
        f"60 by each seed (rounds 60), of {counts[0]} that there are: problems come again"
    )
    assert [line for line in out.splitlines() if line.startswith("fewer")] == []


def test_what_a_file_has_not_got_is_less_with_a_word(call: Call, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "data.jsonl", SOLVED)
    config = qa_config(tmp_path, path=str(path))
    given = ["evaluate.problems=400", "warm_start.problems=20", "warm_start.until=0.3"]
    code, out, err = call("run", config, *given, "--dry-run")
    assert (code, err) == (0, "")
    said = {line[:18].rstrip(): line[19:] for line in out.splitlines() if line[:5] != "fewer"}
    assert said["problems there"] == "train 26, eval 16, dev 8"
    assert said["problems of a seed"].endswith("held back (dev) 8, held out (eval) 16")
    assert said["rows"].startswith(f"{path}: 50 rows, prompt-answer (prompt: problem, ")
    assert [line.split(None, 1)[1] for line in out.splitlines() if line[:5] == "fewer"] == [
        "evaluate.problems: 400 asked for, 16 there and used",
        "warm_start.held_back: 200 asked for, 8 there and used",
    ]


def test_a_verifier_that_does_not_fit_is_named(call: Call, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "data.jsonl", SOLVED)
    run = ["run", qa_config(tmp_path, path=str(path)), "warm_start.problems=20", "--dry-run"]
    said = "verifier: code can't judge such references: math suits them"
    assert said in call(*run, "verifier=code")[1]
    assert "verifier:" not in call(*run, "verifier=exact")[1]


def test_missing_config_names_the_nearest_shipped_one(call: Call) -> None:
    assert_refused(call, ["quickstrat.yaml", "did you mean 'quickstart'"], "run", "quickstrat.yaml")


@pytest.mark.parametrize("text", ["name: [1\n", "- a\n- b\n", "", "name: x\n"])
def test_file_that_is_no_config(call: Call, tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    assert_refused(call, [str(path)], "run", path)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", ["not JSON"]),
        ("[]", ["list"]),
        ('{"problem": "p"}', ["'answer'"]),
    ],
)
def test_malformed_jsonl_line_is_named_by_number(
    call: Call, tmp_path: Path, line: str, words: list[str]
) -> None:
    path = jsonl(tmp_path / "data.jsonl", [*GOOD[:6], line, *GOOD[6:]])
    config = qa_config(tmp_path, path=str(path))
    assert_refused(call, [f"{path}:7:", *words], "run", config, "--out", tmp_path / "run")


def test_jsonl_that_holds_too_little(call: Call, tmp_path: Path) -> None:
    empty = jsonl(tmp_path / "empty.jsonl", [])
    config = qa_config(tmp_path, path=str(empty))
    assert_refused(call, [str(empty), "empty"], "run", config, "--out", tmp_path / "run")
    few = jsonl(tmp_path / "few.jsonl", GOOD[:2])
    run = ["run", qa_config(tmp_path, path=str(few)), "warm_start=null", "--out", tmp_path / "run"]
    words = [f"{few}: 2 problems", "0 for 'eval'", "give at least 24", "by evaluate.problems"]
    assert_refused(call, words, *run)
    bytes_ = tmp_path / "bytes.jsonl"
    bytes_.write_bytes(b'{"problem": "\xff", "answer": "1"}\n')
    config = qa_config(tmp_path, path=str(bytes_))
    assert_refused(call, [str(bytes_)], "run", config, "--out", tmp_path / "run")
    config = qa_config(tmp_path, path=str(tmp_path / "nowhere.jsonl"))
    said = assert_refused(call, ["nowhere.jsonl"], "run", config, "--out", tmp_path / "run")
    assert "asked for" not in said, "the number has nothing to do with it"


def test_a_prompt_that_is_too_long_is_named(call: Call, tmp_path: Path) -> None:
    long = json.dumps({"problem": "7 " * 2007, "answer": "7"})
    path = jsonl(tmp_path / "long.jsonl", [*GOOD, long])
    config = qa_config(tmp_path, path=str(path))
    given = ["warm_start=null", "rounds=1", "evaluate.problems=2", "generate.prompts=40"]
    code, _, err = call("run", config, *given, "--out", tmp_path / "run")
    assert code == 2 and "max_tokens" not in err, err
    assert all(word in err for word in ("the prompt of", "leaves no room", "choose another"))
    assert not (tmp_path / "run").exists()


def test_real_solutions_that_are_not_there_are_asked_for_before_the_run(
    call: Call, tmp_path: Path
) -> None:
    lines = [json.dumps({"problem": f"{i} + 2?", "answer": str(i + 2)}) for i in range(6000)]
    path = jsonl(tmp_path / "train.jsonl", lines)
    rest = {"eval_path": str(jsonl(tmp_path / "eval.jsonl", GOOD[:40]))}
    config = qa_config(tmp_path, path=str(path), **rest)
    for overrides, word in ((["arms=[real]"], "real"), (["prompt.few_shot=2"], "few_shot")):
        run = ["run", config, "warm_start=null", *overrides, "--out", tmp_path / "run"]
        assert_refused(call, [word, "real solution"], *run)
    assert_refused(call, ["warm_start"], "run", config, "--out", tmp_path / "run")


def qa_config(tmp_path: Path, **task: Any) -> Path:
    content = yaml.safe_load(TINY.read_text())
    content |= {"task": {"name": "qa", **task}}
    content["evaluate"] = {"problems": 8, "samples": 4, "k": [1]}
    content["generate"]["prompts"] = 8
    path = tmp_path / "qa.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_model_folders_that_will_not_do(call: Call, tmp_path: Path) -> None:
    tiny = tmp_path / "tiny"
    make_tiny("tiny-0.1m", 0, tiny)
    (tmp_path / "empty").mkdir()
    no_eos = tmp_path / "no-eos"
    materialise(str(tiny), 0, no_eos, "test")
    settings = json.loads((no_eos / "tokenizer_config.json").read_text())
    del settings["eos_token"]
    (no_eos / "tokenizer_config.json").write_text(json.dumps(settings))
    wrong_eos = chat_model(tiny, tmp_path / "wrong-eos", eos="<|im_start|>")
    for folder, words in (
        (tmp_path / "empty", ["model", "config.json"]),
        (no_eos, ["EOS", "tokenizer_config.json"]),
        (wrong_eos, ["EOS", "<|im_end|>", "tokenizer_config.json"]),
    ):
        chat = ["prompt.format=chat", f"model={folder}"]
        run = ["run", TINY, *chat, "--out", tmp_path / "run"]
        assert_refused(call, [*words, str(folder)], *run)


def test_hub_model_that_can_not_be_had(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    words = ["tiny.yaml", "model", "'no-such-org/no-such-model'", "local folder"]
    run = ["run", TINY, "model=no-such-org/no-such-model", "--out", tmp_path / "run"]
    assert_refused(call, words, *run)


def test_changed_config_on_a_run_that_is_there(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    plain = resolved(load(TINY))
    record.write_json(folder / "config.json", {"config": plain, "hash": record.digest(plain)})
    words = [
        str(folder / "config.json"),
        "train.lr (0.0005 -> 0.001)",
        "can be added to it: more rounds",
        "--out",
    ]
    message = assert_refused(call, words, "run", TINY, "train.lr=1e-3", "rounds=3", "--out", folder)
    assert "steps" not in message


def test_out_that_is_a_file(call: Call, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert_refused(call, [str(tmp_path / "file")], "run", TINY, "--out", tmp_path / "file")
    inside = tmp_path / "file" / "run"
    assert_refused(call, [str(tmp_path / "file")], "run", TINY, "--out", inside)


@pytest.mark.parametrize("content", [None, "config.json"])
def test_compare_on_what_is_no_run(call: Call, tmp_path: Path, content: str | None) -> None:
    folder = tmp_path / "folder"
    if content:
        plain = resolved(load(TINY))
        record.write_json(folder / content, {"config": plain, "hash": record.digest(plain)})
    assert_refused(call, [str(folder)], "compare", folder)


# Help and lists


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_every_argument(call: Call, command: str) -> None:
    code, out, err = call(command, "--help")
    assert (code, err) == (0, "")
    flat = " ".join(out.split()).lower()
    for word in COMMANDS[command]:
        assert word in flat, word
    assert call(command, "-h")[1] == out


def test_help_lists_every_command(call: Call) -> None:
    code, out, _ = call("--help")
    assert code == 0
    for command in COMMANDS:
        assert command in out
    assert set(COMMANDS) == {
        str(info.name or getattr(info.callback, "__name__", ""))
        for info in cli.app.registered_commands
    }, "a command without a test"


def test_unknown_command_and_missing_argument_exit_2(call: Call) -> None:
    for arguments in (["rnu"], ["run"], ["compare"], ["list"], ["run", TINY, "--ouut", "x"]):
        code, out, err = call(*arguments)
        assert code == 2 and out == "" and err, arguments
        assert "Traceback" not in err


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("verifiers", ["math", "exact"]),
        ("tasks", ["addition", "rows"]),
        ("arms", list(PRESETS)),
        ("models", list(LADDER)),
        ("configs", list(shipped_configs())),
    ],
)
def test_list_names_each_with_what_it_is(call: Call, kind: str, names: list[str]) -> None:
    code, out, err = call("list", kind)
    assert (code, err) == (0, "")
    for name in names:
        (line,) = [line for line in out.splitlines() if line.split()[:1] == [name]]
        assert len(line.split()) > 2, f"nothing is said of {name}"


def test_show_says_rules_and_options(call: Call, tmp_path: Path) -> None:
    code, out, _ = call("show", "math")
    assert code == 0 and "verifier math" in out and "Policies, as options" in out
    assert "percent: Literal['value', 'number'] = 'value'" in out
    code, out, _ = call("show", "algebra")
    assert code == 0 and "verifier algebra" in out and "task algebra" in out
    own = tmp_path / "own.py"
    own.write_text(
        '"""My rule."""\ndef verify(problem, completion, *, strict: bool = False, x=3):\n    ...\n'
    )
    code, out, _ = call("show", own)
    assert code == 0 and "My rule." in out and "strict: bool = False" in out and "x = 3" in out
    assert_refused(call, ["did you mean 'math'", "rlvr list tasks"], "show", "mth")


def test_list_of_something_else(call: Call) -> None:
    assert_refused(call, ["'verifier'", "did you mean 'verifiers'", "tasks"], "list", "verifier")


def test_interrupting_a_run_says_how_to_go_on(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rlvr.loop.runner.run", interrupted)
    code, _, err = call("run", TINY, "--out", tmp_path / "run")
    assert code == 130 and "run the same command again" in err and err.count("\n") == 1


def test_a_run_that_fails_exits_1_with_one_line(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlvr.data import RunError

    def failing(*_: object) -> None:
        raise RunError("the engine\nended")

    monkeypatch.setattr("rlvr.loop.runner.run", failing)
    code, out, err = call("run", TINY, "--out", tmp_path / "run")
    assert (code, out, err) == (1, "", "rlvr: the engine ended\n")


def test_claims_refuses_what_it_does_not_know(call: Call) -> None:
    assert_refused(call, ["no claim 'C77'", "C1"], "claims", "C77")
    assert_refused(call, ["--budget gpu", "smoke, cpu"], "claims", "C2", "--budget", "gpu")


# What the shell may hand over


@pytest.fixture
def links(call: Call) -> Path:
    folder = Path.cwd()
    (folder / "a").symlink_to(folder / "b")
    (folder / "b").symlink_to(folder / "a")
    jsonl(folder / "in.jsonl", ['{"completion": "1", "answer": "1", "label": true}'])
    return folder


@pytest.mark.parametrize(
    "command",
    [
        "score in.jsonl --verifier exact -o a", "score in.jsonl --verifier exact -o a/x",
        "score a --verifier exact", "score in.jsonl --verifier a.py", "report a", "compare a",
        "audit exact --labelled in.jsonl -o a/x", "audit exact --labelled a", "export a",
        "export a -o b", "run a", f"run {TINY} --out a", f"run {TINY} --out a/b", "check a.py",
        "new verifier x --folder a", f"sweep {TINY} --over rounds=1,2 --out a",
        "claims C1 --budget smoke --out a",
    ],
)  # fmt: skip
def test_a_loop_of_links_is_refused_in_one_line(call: Call, links: Path, command: str) -> None:
    assert_refused(call, [], *command.split())
    assert (links / "a").is_symlink() and (links / "b").is_symlink()


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("list verifiers >&-", 2, "standard output is closed"),
        ("compare a <&- >&-", 2, "standard output is closed"),
        ("--help >&-", 2, "standard output is closed"),
        ("list verifiers >/dev/full", 1, "No space left"),
    ],
)
def test_closed_descriptors(links: Path, command: str, code: int, words: str) -> None:
    """Where a verifier runs too: tests/sandbox/test_closed.py."""
    found, lines = shell(command, links)
    assert found == code and any(words in line for line in lines), lines
