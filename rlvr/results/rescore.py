"""Rescore: every recorded completion of a run under another verifier (`rlvr rescore`).

    OUT/judge.json                             the verifier, its version and its options
    OUT/seed-S/ARM/round-TTT/eval.parquet      its verdicts on a round's evaluation (KINDS)
    OUT/seed-S/ARM/round-TTT/completions.parquet    and on its training completions
    OUT/rescored.json                          what they say (`rlvr.results.rescored`), written last

A part has the rows of the run's file of that name, in its order, with the run's status as `was`. It
is written when all of it is judged; the same command goes on with the parts that are missing, that
hold an error, or whose file has changed since. The run's own files are only read.

What is left out: completions of tasks that are not trained on, which have verifiers of their own,
and studies, whose training data is not judged by the run's verifier.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rlvr.config import Config
from rlvr.data import InputError, Problem
from rlvr.evaluate.evaluation import RECORD
from rlvr.loop import sealing
from rlvr.loop.preflight import verifier_of
from rlvr.loop.problems import draw
from rlvr.records import added, record, seals
from rlvr.records.layout import BASE, COMPLETIONS, EVALUATION, Place, base_of
from rlvr.records.stored import JUDGED, Shape, Stored
from rlvr.results.agreement import KINDS, Rescored
from rlvr.results.compare import read_results
from rlvr.results.effects import Results
from rlvr.results.rejudged import VERDICT
from rlvr.results.rescored import FOLDER, SUMMARY, summary
from rlvr.verify.pool import VerifierPool
from rlvr.verify.rescore import rejudge
from rlvr.verify.verifier import check_options, load_verifier

JUDGE = "judge.json"
FOOTER = b"rlvr"  # the key of the metadata of a part
# What a part has of the run's file; the base's evaluation is needed for measurement errors.
TRAINING = ("problem_id", "index", "arm", "kept")
EVALUATED = ("problem_id", "level", "kind", "index", "tokens", "logprob")
Problems = Mapping[int, Mapping[str, Problem]]  # by seed and id


def rescore(
    run: Path,
    verifier: str,
    out: Path | None = None,
    options: Mapping[str, Any] | None = None,
    workers: int | None = None,
    timeout: float | None = None,
    console: Console | None = None,
) -> dict[str, Any]:
    """Judge a run's completions by another verifier, and return what is written to rescored.json.

    `out`: RUN/rescored/VERIFIER if None. `options`, `workers` and `timeout` as in `score_file`.
    `console` shows progress if it is a terminal. Raises InputError, before anything is judged, for
    a folder that is no run, a run without completions or of a study, problems that are not those of
    the run any more, an unknown verifier or option, and an `out` with verdicts of another verifier.
    """
    loaded = load_verifier(verifier)
    given = dict(options or {})
    check_options(loaded, given)
    r = read_results(run)
    config = config_of(r)
    files = list(_files(r, config))
    if not files:
        raise InputError(f"{run}: no completions in it (seed-*/), only figures: nothing to rescore")
    problems = problems_of(r, config)
    out = out or default_folder(run, verifier)
    judge = {"verifier": verifier, "version": loaded.version, "options": given, "timeout": timeout}
    with ExitStack() as ends:
        ends.enter_context(record.locked(out))
        _hold(out, judge)
        pool = ends.enter_context(VerifierPool(verifier, given, workers, timeout))
        with _bar(console, files) as judged:
            for file in files:
                _judge(file, out, problems[file.place.seed], pool, judged)
        facts = {**judge, "run": r.name, "was": _judge_of(r, config)}
        found = summary(Rescored(r, config, out, loaded, pool, problems), facts)
        record.write_json(out / SUMMARY, found)
    return found


def default_folder(run: Path, verifier: str) -> Path:
    """Return RUN/rescored/VERIFIER: of a verifier in a file the file's name."""
    file, _, function = verifier.partition(".py:")
    if file.endswith(".py") or function:
        name = "-".join(filter(None, (Path(file).name.removesuffix(".py"), function)))
    else:
        name = re.sub(r"[^A-Za-z0-9_.-]+", "-", verifier)
    return run / FOLDER / name


# What is judged -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _File:
    """A file of completions of a run: where it lies, and of which round it is."""

    run: Path
    place: Place
    name: str

    @property
    def path(self) -> Path:
        return self.place.folder(self.run) / self.name

    @property
    def training(self) -> bool:
        return self.name == COMPLETIONS

    @property
    def shape(self) -> Shape[Any]:
        return JUDGED if self.training else RECORD

    @property
    def columns(self) -> list[str]:
        return list(TRAINING if self.training else EVALUATED)

    def part(self, out: Path) -> Path:
        return self.place.folder(out) / self.name

    def asked(self, table: pa.Table) -> list[bool]:
        """Return which rows the run's verifier judged: not real solutions, nor other tasks."""
        if self.training:
            return [True] * len(table)
        return cast(list[bool], pc.is_in(table["kind"], pa.array(KINDS)).to_pylist())


def _files(r: Results, config: Config) -> Iterator[_File]:
    """Yield the files of completions that the run has, those of a seed's base first."""
    for seed in config.seeds:
        places = [base_of(seed)]
        places += [
            Place(seed, arm.name, t) for arm in config.arms for t in range(1, config.rounds + 1)
        ]
        for place in places:
            for name in (COMPLETIONS, EVALUATION):
                file = _File(r.folder, place, name)
                if file.path.is_file():
                    yield file


def config_of(r: Results) -> Config:
    """Return the config of all that a run has, what was added to it later included.

    Raises InputError for a study's, or where it can't be read.
    The training data of a study is a corpus, whose status is its truth, or a transcriber's.
    """
    for study in ("corpus", "transcription"):
        if r.config.get(study) is not None:
            raise InputError(
                f"{r.folder}/config.json: {study}: the training data of such a run is not judged "
                "by its verifier: give a run without one"
            )
    try:
        return Config.model_validate(added.whole(r.config, added.read(r.folder)))
    except ValidationError as failure:
        first = failure.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise InputError(
            f"{r.folder}/config.json: {key}: this version of rlvr can't read it ({first['msg']}): "
            "use the version that made the run (manifest.json names it)"
        ) from failure


def problems_of(r: Results, config: Config) -> Problems:
    """Return the problems of each seed by id, drawn again from the task.

    Raises InputError where they are not those that the run began with.
    """
    drawn = {seed: draw(config, seed) for seed in config.seeds}
    began = added.extent(r.config, seals.read_manifest(r.folder).get("sealed", {}))
    for extent in (began, *added.read(r.folder)):
        reach = {"rounds": extent.rounds, "seeds": list(extent.seeds)}
        now = sealing.drawn(config.model_copy(update=reach), drawn)
        known = {
            kind: {name: value for name, value in parts.items() if name in extent.sealed[kind]}
            for kind, parts in now.items()
            if kind in extent.sealed
        }
        sealing.hold(extent.sealed, known, str(r.folder))
    return {
        seed: {one.id: one for part in (*of.rounds, of.held_out) for one in part}
        for seed, of in drawn.items()
    }


def _judge_of(r: Results, config: Config) -> str:
    """Return the run's own verifier as its manifest has it, NAME@VERSION; an older one's name."""
    return str(seals.read_manifest(r.folder).get("verifier") or verifier_of(config).name)


def _hold(out: Path, judge: Mapping[str, Any]) -> None:
    """Write what judges into a new folder. Raises InputError where another one has judged there."""
    path = out / JUDGE
    if not path.is_file():
        record.write_json(path, judge)
        return
    try:
        then = dict(json.loads(path.read_text()))
    except (ValueError, TypeError) as failure:
        raise InputError(f"{path}: not JSON ({failure}): delete the folder {out}") from failure
    differ = [key for key in judge if judge[key] != then.get(key)]
    if differ:
        shown = ", ".join(f"{key} {then.get(key)} -> {judge[key]}" for key in differ)
        raise InputError(
            f"{out}: holds verdicts of another verifier ({shown}): delete it, or give another "
            "folder with --out"
        )


# Judging ------------------------------------------------------------------------------------------


@contextmanager
def _bar(console: Console | None, files: Sequence[_File]) -> Iterator[Callable[[int], None]]:
    """Show how many completions have a verdict; yield what is called with how many more."""
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("completions"), TimeRemainingColumn())
    shown = bool(console and console.is_terminal)
    with Progress(*columns, console=console, disable=not shown) as bar:
        task = bar.add_task("", total=sum(len(Stored(file.path, file.shape)) for file in files))
        yield lambda count: bar.advance(task, count)


def _judge(
    file: _File,
    out: Path,
    problems: Mapping[str, Problem],
    pool: VerifierPool,
    judged: Callable[[int], None],
) -> None:
    """Write the part of one file, unless it is there."""
    part = file.part(out)
    with open(file.path, "rb") as handle:
        source = hashlib.file_digest(handle, "sha256").hexdigest()
    table = record.read_table(file.path, [*file.columns, *VERDICT])
    if _done(part, source):
        judged(len(table))
        return
    verdicts = _of_base(file, out, table)
    if verdicts is None:
        verdicts = _verdicts(file, table, problems, pool, judged)
    else:
        judged(len(table))
    found = table.select(file.columns).append_column("was", table["status"])
    for name, column in verdicts.items():
        found = found.append_column(name, column)
    footer = {"of": source, "errors": pc.sum(pc.equal(found["status"], "error")).as_py() or 0}
    record.write_table(part, found.replace_schema_metadata({FOOTER: json.dumps(footer).encode()}))


def _done(part: Path, source: str) -> bool:
    """Return whether a part is there, of a file with that sha256, and without an error."""
    if not part.is_file():
        return False
    try:
        footer = json.loads((pq.read_schema(part).metadata or {}).get(FOOTER, b"{}"))
    except (OSError, ValueError, pa.ArrowException):
        return False  # by the disk: judged again
    return bool(footer == {"of": source, "errors": 0})


def _of_base(file: _File, out: Path, table: pa.Table) -> dict[str, Any] | None:
    """Return the verdicts on the base's pool where a first round is of that pool, else None."""
    base = _File(file.run, base_of(file.place.seed), COMPLETIONS).part(out)
    if not file.training or file.place.arm == BASE or not base.is_file():
        return None
    if pc.unique(table["arm"]).to_pylist() != [BASE]:
        return None
    known = record.read_table(base)
    same = ["problem_id", "index"]
    if known.select(same).to_pydict() != table.select(same).to_pydict():
        return None
    return {name: known[name] for name in VERDICT}


def _verdicts(
    file: _File,
    table: pa.Table,
    problems: Mapping[str, Problem],
    pool: VerifierPool,
    judged: Callable[[int], None],
) -> dict[str, Any]:
    """Return the columns of VERDICT of a file judged again; what is not judged has its own."""
    asked = file.asked(table)
    ids = pc.unique(table["problem_id"].filter(pa.array(asked, pa.bool_()))).to_pylist()
    if unknown := [one for one in ids if one not in problems]:
        raise InputError(
            f"{file.path}: the task has no problem {unknown[0]!r} any more: put its data back as "
            "they were when the run was made"
        )
    texts = Stored(file.path, file.shape).pick("problem_id", "text")
    chosen = cast(Iterator[tuple[str, str]], itertools.compress(texts, asked))
    columns = {name: table[name].to_pylist() for name in VERDICT}
    places = itertools.compress(itertools.count(), asked)
    for place, verdict in zip(places, rejudge(pool, problems, chosen, judged), strict=False):
        for name, column in columns.items():
            column[place] = getattr(verdict, name)
    judged(len(asked) - sum(asked))
    return {name: pa.array(column, pa.string()) for name, column in columns.items()}
