"""Show that a change of the code changes no figure: the same runs at two commits, file by file.

    git checkout BEFORE && python tests/support/baseline.py record /tmp/before
    git checkout AFTER  && python tests/support/baseline.py record /tmp/after
    python tests/support/baseline.py compare /tmp/before /tmp/after

Both recordings must come from one machine. `record` uses the commands of `rlvr` alone, so the code
behind them may move. It makes these runs, each with an empty cache. FOLDER/NAME appears when the
run has finished, so the same command goes on where it was stopped:

{runs}

`compare` reads every file of every run: parquet column by column, JSON and YAML key by key,
safetensors tensor by tensor, text line by line, anything else as bytes. Values must be equal to the
bit; NaN equals NaN. It prints the file, the column or key, and the row (counted from 0) of each
difference, and ends with exit code 1 if there is one. Only this may differ:

{allowed}
"""

from __future__ import annotations

import argparse
import contextlib
import fnmatch
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import yaml

ROOT = Path(__file__).resolve().parents[2]
RECORDED = "recorded.json"  # run -> its seconds and its commit; not compared
SHOWN = 5  # differences of one file that are printed
SMALL = """model=tiny-0.1m rounds=2 arms=[verified,random] train.steps=20 evaluate.problems=100
    warm_start.until=null warm_start.max_steps=200"""

# Name -> what it covers, and the arguments of `rlvr`.
RUNS = {
    "quickstart": (
        "the quickstart: 1 seed, 2 rounds",
        "run quickstart seeds=[0] rounds=2 --out run",
    ),
    "grpo": (
        "an arm of online RL: 1 round, its weights kept",
        """run grpo_tiny 'arms=[{name: grpo, keep: verified, learner: grpo}]' seeds=[0] rounds=1
        checkpoints=last generate.prompts=100 grpo.steps=5 evaluate.problems=50 --out run""",
    ),
    "claims": ("C3 and C4: smoke", "claims C3 C4 --budget smoke --out claims"),
    "large": (
        "20,000 completions a round, judged by `math`; an off-target task",
        f"""run quickstart name=large task=arithmetic seeds=[0] generate.prompts=5000 {SMALL}
        'evaluate.off_target=[{{task: addition, problems: 20}}]' --out run""",
    ),
    "ray": (
        "2 seeds over two Ray nodes",
        f"run quickstart name=ray executor=ray seeds=[0,1] generate.prompts=200 {SMALL} --out run",
    ),
}


@dataclass(frozen=True)
class Allowed:
    """What may differ: the part of a value that a pattern finds, in some files and keys."""

    files: str
    keys: str
    part: str
    why: str


ALL = r"(?s).*"
TIMES = r"\d+(\.\d)? s\b(  \(about -?\d+ min left\))?"
HASH, SUM = r"@[0-9a-f]{12}$", r"[0-9a-f]{64}"
ALLOWED = (
    Allowed("*/out.txt", "line", TIMES, "times in the lines of progress"),
    Allowed("*/timing.parquet", "seconds|tokens_per_second|rss_bytes", ALL, "times, memory"),
    Allowed("*/manifest.json", "commit", ALL, "the commit"),
    Allowed("*/manifest.json", "verifier", HASH, "a verifier's hash, which is of its source"),
    Allowed("*/manifest.json", r"sealed\.(verifier|task)\..*", ALL, "hashes of files of rlvr"),
    Allowed("*/sealed.json", "verifier|task", SUM, "hashes of files of rlvr"),
    Allowed("*/rows.parquet", "verifier", HASH, "a verifier's hash"),
    Allowed(
        "*/checksums.json",
        r"files\.(.*\.parquet|sealed\.json)|sha256",
        SUM,
        "checksums of parquet files",
    ),
)
# Two workers finish in any order: these rows are sorted first.
UNORDERED = ("ray/out.txt", "ray/run/timing.parquet")


# Comparing


def compare(one: Path, other: Path, names: Iterable[str]) -> int:
    """Print every difference between two recordings; return 1 if there is one, else 0."""
    expected = [at / name for name in names for at in (one, other)]
    found = [f"{folder}: not recorded" for folder in expected if not folder.is_dir()]
    passed: Counter[str] = Counter()
    files = sorted({path for at in (one, other) for name in names for path in files_in(at, name)})
    for file in files:
        lines = list(differences(one, other, file, passed))
        found += lines[:SHOWN]
        if len(lines) > SHOWN:
            found.append(f"{file}: {len(lines) - SHOWN} more")
    for line in found:
        print(line)
    for why, times in passed.items():
        print(f"differs {times} times, and may: {why}")
    print(f"{'DIFFERENT' if found else 'equal'}: {len(files)} files of {', '.join(names)}")
    return 1 if found else 0


def files_in(folder: Path, name: str) -> list[str]:
    """Return the paths of a run's files, from the folder of the recording."""
    found = (folder / name).rglob("*")
    return [path.relative_to(folder).as_posix() for path in found if not path.is_dir()]


def differences(one: Path, other: Path, file: str, passed: Counter[str]) -> Iterator[str]:
    """Yield the differences between two files at one place; count in `passed` what may differ."""
    for folder in (one, other):
        if not (folder / file).is_file():
            yield f"{file}: missing in {folder}"
            return
    left, right = (in_order(decoded(folder / file), file) for folder in (one, other))
    for key in [*left, *(key for key in right if key not in left)]:
        if key not in left or key not in right:
            yield f"{file}: {key}: only in {one if key in left else other}"
            continue
        if len(left[key]) != len(right[key]):
            yield f"{file}: {key}: {len(left[key])} rows -> {len(right[key])} rows"
        for row, (a, b) in enumerate(zip(left[key], right[key], strict=False)):
            # The repr of a float has all its bits, and tells 1, 1.0, True and -0.0 apart.
            if repr(a) == repr(b):
                continue
            if masked(a, file, key) == masked(b, file, key):
                passed.update(rule.why for rule in rules(file, key))
            else:
                yield f"{file}: {key}, row {row}: {shown(repr(a), repr(b))}"


def shown(a: str, b: str) -> str:
    """Return two different texts, long ones from shortly before their first difference."""
    begin = max(0, len(os.path.commonprefix([a, b])) - 40)
    a, b = (("..." if begin else "") + text[begin : begin + 100] for text in (a, b))
    return f"{a} -> {b}"


def decoded(path: Path) -> dict[str, list[Any]]:
    """Return what a file holds: columns, keys, tensors or lines, each with its rows."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        return {f"{of.name} ({of.type})": table[of.name].to_pylist() for of in table.schema}
    data = path.read_bytes()
    if path.suffix == ".json":
        return flat(json.loads(data))
    if path.suffix in (".yaml", ".yml"):
        return flat(yaml.safe_load(data))
    if path.suffix == ".safetensors":
        return tensors(data)
    try:
        return {"line": list(data.decode().split("\n"))}
    except UnicodeDecodeError:
        return {"bytes": [data]}


def flat(value: Any, prefix: str = "") -> dict[str, list[Any]]:
    """Return nested plain data as dotted keys, each with its one value."""
    if not value or not isinstance(value, dict | list):
        return {prefix: [value]}
    found: dict[str, list[Any]] = {}
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        found |= flat(item, f"{prefix}.{key}" if prefix else str(key))
    return found


def tensors(data: bytes) -> dict[str, list[Any]]:
    """Return the tensors of a safetensors file, with their rows as bytes."""
    begin = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:begin])
    found: dict[str, list[Any]] = {"metadata": [header.pop("__metadata__", None)]}
    for name, of in header.items():
        first, last = (begin + offset for offset in of["data_offsets"])
        size = max(1, (last - first) // max(1, of["shape"][0] if of["shape"] else 1))
        rows = [data[at : at + size] for at in range(first, last, size)]
        found[f"{name} ({of['dtype']}, {of['shape']})"] = rows
    return found


def rules(file: str, key: str) -> list[Allowed]:
    """Return what may differ at a key of a file."""
    mine = [rule for rule in ALLOWED if fnmatch.fnmatchcase(file, rule.files)]
    return [rule for rule in mine if re.fullmatch(rule.keys, key.partition(" (")[0])]


def masked(value: Any, file: str, key: str) -> str:
    """Return a value as text, without the parts that may differ."""
    for rule in rules(file, key):
        if rule.part == ALL:
            return "..."
        if isinstance(value, str):
            value = re.sub(rule.part, "...", value)
    return repr(value)


def in_order(content: dict[str, list[Any]], file: str) -> dict[str, list[Any]]:
    """Return a file's columns; where any order will do, sorted by what may not differ in a row."""
    if file not in UNORDERED:
        return content
    rows = list(zip(*content.values(), strict=True))
    rows.sort(key=lambda row: [masked(x, file, key) for key, x in zip(content, row, strict=True)])
    return {key: [row[i] for row in rows] for i, key in enumerate(content)}


# Recording


def record(folder: Path, names: Iterable[str]) -> int:
    """Make the runs that are not there yet; return 0, or 1 where one failed.

    Raises SystemExit where the interpreter has another rlvr, or the folder another commit.
    """
    ask = [sys.executable, "-c", "import rlvr; print(rlvr.__file__)"]
    where = subprocess.run(ask, capture_output=True, text=True, cwd="/").stdout.strip()
    if ROOT not in Path(where).parents:
        raise SystemExit(f"{sys.executable} has rlvr from {where!r}, not {ROOT}: use its .venv")
    ask = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    commit = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    folder.mkdir(parents=True, exist_ok=True)
    notes = folder / RECORDED
    known = json.loads(notes.read_text()) if notes.exists() else {}
    if others := {of["commit"] for of in known.values()} - {commit}:
        raise SystemExit(f"{folder}: holds runs of {others.pop()}, this is {commit}")
    for name in names:
        if (folder / name).is_dir():
            say(f"{name}: there already")
            continue
        say(f"{name}: begins: {RUNS[name][0]}")
        began = time.monotonic()
        if not make(folder, name):
            return 1
        known[name] = {"commit": commit, "seconds": round(time.monotonic() - began)}
        notes.write_text(json.dumps(known, indent=1) + "\n")
        say(f"{name}: done in {known[name]['seconds']} s")
    return 0


def make(folder: Path, name: str) -> bool:
    """Make a run in a folder that gets its name when it has finished; return whether it has.

    The command runs inside that folder, so that what it prints has no path from outside.
    """
    part = folder / f"{name}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    arguments = shlex.split(RUNS[name][1])
    with tempfile.TemporaryDirectory() as cache, contextlib.ExitStack() as stack:
        env = {**os.environ, "RLVR_CACHE": cache, "COLUMNS": "160"}
        if "executor=ray" in arguments:
            env["RAY_ADDRESS"] = stack.enter_context(ray_nodes(2))
        out, err = (stack.enter_context(open(part / f"{to}.txt", "wb")) for to in ("out", "err"))
        command = [sys.executable, "-m", "rlvr.cli", *arguments]
        code = subprocess.run(command, cwd=part, env=env, stdout=out, stderr=err).returncode
    if code:
        say(f"{name}: exit code {code}: see {part}\n{(part / 'err.txt').read_text()[-2000:]}")
        return False
    part.rename(folder / name)
    return True


@contextlib.contextmanager
def ray_nodes(count: int) -> Iterator[str]:
    """Start a Ray cluster of nodes with two cores each; yield its address; end all of it."""
    # Short: the path of a socket lies below it, and may have 107 characters.
    folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    head = ["--head", f"--port={port}", f"--temp-dir={folder}", "--include-dashboard=false"]
    start = [str(Path(sys.executable).parent / "ray"), "start", "--block", "--num-cpus=2"]
    nodes = []
    try:
        for number in range(count):
            command = [*start, *(["--address", address] if number else head)]
            nodes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
            wait_for_nodes(address, number + 1)
        yield address
    finally:
        for node in reversed(nodes):
            process = psutil.Process(node.pid)
            for one in [*process.children(recursive=True), process]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
            node.wait()
        shutil.rmtree(folder, ignore_errors=True)


def wait_for_nodes(address: str, count: int) -> None:
    """Wait until a cluster has so many nodes. Raises SystemExit after 90 seconds."""
    code = f"import ray; ray.init('{address}', log_to_driver=False, logging_level=40)"
    code += "; print(sum(node['Alive'] for node in ray.nodes()))"
    end = time.monotonic() + 90
    while time.monotonic() < end:
        asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        if asked.stdout.strip() == str(count):
            return
        time.sleep(0.5)
    raise SystemExit(f"{address}: no {count} Ray nodes after 90 s: {asked.stderr[-1000:]}")


def say(text: str) -> None:
    """Print a line of progress with the time of day."""
    print(time.strftime("%H:%M:%S"), text, flush=True)


def main() -> int:
    """Read the command line; return the exit code."""
    runs = "\n".join(f"    {name:<12}{why}" for name, (why, _) in RUNS.items())
    allowed = "\n".join(f"    {rule.files:<20}{rule.why}" for rule in ALLOWED)
    parser = argparse.ArgumentParser(
        description=str(__doc__).format(runs=runs, allowed=allowed),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, folders, what in (
        ("record", 1, "make the runs with this checkout"),
        ("compare", 2, "compare every file of two recordings"),
    ):
        command = commands.add_parser(name, help=what)
        command.add_argument("folders", type=Path, nargs=folders, metavar="FOLDER")
        command.add_argument("--only", nargs="+", choices=RUNS, default=RUNS, help="these alone")
    given = parser.parse_args()
    if given.command == "record":
        return record(given.folders[0], given.only)
    return compare(given.folders[0], given.folders[1], given.only)


if __name__ == "__main__":
    sys.exit(main())
