"""The command line: each command reads its input and calls one function of a stage."""

from __future__ import annotations

import itertools
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, cast

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from rlvr.data import DASH, STATUSES, Arm, InputError, RunError

if TYPE_CHECKING:
    from rlvr.claims.experiments import Claim
    from rlvr.config import Config
    from rlvr.loop.units import Job
    from rlvr.records.collected import Collected

app = typer.Typer(
    name="rlvr",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Does a model that learns from its own outputs grow or collapse? Run the verified loop "
    "and its controls "
    "on the same prompts, seeds and budgets, and get a verdict with an interval.\n\n"
    "Start with: rlvr run configs/quickstart.yaml",
)
console = Console()
KINDS = ("verifiers", "tasks", "arms", "models", "configs")


@app.command()
def run(
    config: Annotated[
        str,
        typer.Argument(
            help="A YAML config, the name of a shipped one (rlvr list configs), or a run folder."
        ),
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Keys to override: rounds=3 train.lr=1e-3"),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run folder (default: runs/<name>).")] = None,
    add_arm: Annotated[
        list[str] | None,
        typer.Option(metavar="ARM", help="One more arm: a preset, or {name: mine, keep: random}."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, say what the run would do, stop.")
    ] = False,
) -> None:
    """Run a config: the base, then every arm's rounds, for every seed.

    A round: generate, verify, select, train, evaluate, record.

    The same command on the same folder resumes where it was killed. More rounds, seeds or arms are
    added to the run that is there: only what is missing is made, and the verdict stays where its
    rule put it. Ends with the comparison.
    """
    from rlvr import config as config_
    from rlvr.engine.threads import use_openmp
    from rlvr.loop import adding, runner
    from rlvr.loop.progress import Display

    use_openmp()

    loaded = config_.load(Path(config), overrides or [], add_arm or [])
    folder = out or _folder_of(Path(config), loaded.name)
    if dry_run:
        _say_plan(runner.prepare(loaded, folder, config))
        return
    try:
        whole = adding.whole(loaded, folder, config)
        with Display(console, loaded.name, *_sizes([whole])) as display:
            runner.run(whole, folder, display, config)
    except KeyboardInterrupt:
        _stop("interrupted; what was recorded is kept: run the same command again to resume", 130)
    _compare([folder])
    console.print(
        f"\nThe run: {folder}   every table: rlvr compare {folder} --all",
        highlight=False,
        soft_wrap=True,
    )


def _folder_of(config: Path, name: str) -> Path:
    """Return where a config runs: a run folder in itself."""
    return config if config.is_dir() else Path("runs") / name


def _say_plan(job: Job) -> None:
    from rlvr.loop.dry_run import said_of
    from rlvr.results.plan import time_said
    from rlvr.results.sceptic import MAX_PASSES

    for name, said in (
        *said_of(job, MAX_PASSES),
        ("time", time_said(job.config, job.folder, job.where)),
    ):
        line = f"{name:<18} {said}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _sizes(configs: Sequence[Config]) -> tuple[int, int]:
    """Return how many bases and how many rounds these configs ask for."""
    bases = sum(len(one.seeds) for one in configs)
    return bases, sum(len(one.seeds) * len(one.arms) * one.rounds for one in configs)


@app.command()
def plan(
    config: Annotated[str, typer.Argument(help="A YAML config, or the name of a shipped one.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Keys to override: evaluate.problems=800"),
    ] = None,
    pilot: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="A run of this config, of fewer seeds or rounds."),
    ] = None,
    effect: Annotated[
        float | None,
        typer.Option(help="The change to see, in the metric's unit (default: verdict.margin)."),
    ] = None,
) -> None:
    """Plan a run: the seeds, problems and samples that tell an effect from 0, and their hours.

    From what a pilot's seeds, problems and samples deviate by. Also: how wide the interval will be,
    and what more problems or samples would gain. Without a pilot: what recorded runs would say.
    """
    from rlvr import config as config_
    from rlvr.results.forecast_tables import in_a_line
    from rlvr.results.plan import check_seeds, fresh_seeds, read_pilot
    from rlvr.results.plan_tables import print_plan, print_scenarios

    loaded = config_.load(Path(config), overrides or [])
    wanted = loaded.verdict.margin if effect is None else effect
    if not wanted > 0:
        raise InputError(f"--effect {wanted:g}: a change to see lies above 0")
    check_seeds(pilot, loaded, config)
    if pilot is not None:
        print_plan(read_pilot(pilot, loaded, config), wanted, console)
    elif not print_scenarios(loaded, wanted, console):
        raise InputError(
            "--pilot: none given, and no recorded runs lie beside this package: run a pilot, "
            f"rlvr run {config} {fresh_seeds(loaded)} --out PILOT, and give it with --pilot PILOT"
        )
    console.print(f"\n{in_a_line(loaded, config, pilot)}", highlight=False, markup=False)


@app.command()
def forecast(
    config: Annotated[str, typer.Argument(help="A YAML config, or the name of a shipped one.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Keys to override: train.lr=1e-3"),
    ] = None,
    audit: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The verifier's rates, from rlvr audit -o FILE."),
    ] = None,
    tpr: Annotated[
        str | None,
        typer.Option(help="Share of right answers that it accepts: 0.95, or 0.9-0.98 (95 %)."),
    ] = None,
    fpr: Annotated[
        str | None, typer.Option(help="Share of wrong answers that it accepts: 0.1, or 0.05-0.2.")
    ] = None,
    pilot: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="A run of this config of one or two rounds."),
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(min=1, help="Rounds to predict (default: the config's).")
    ] = None,
) -> None:
    """Forecast a run: will the loop grow or collapse, and how good must its verifier be?

    By a law that was fitted to recorded runs (docs/law.md): each arm's change of accuracy with an
    interval, and the false-positive rate from which on the loop falls. Without rates the verifier
    is taken to be right: the arms' own made errors remain.

    Beyond the settings that it was fitted to (model, task, steps, learning rate, base accuracy) it
    refuses, and says which pilot helps: a run of one or two rounds tells how fast this loop moves.
    """
    from rlvr import config as config_
    from rlvr.results.forecast import Verifier, audited, exactly, faultless
    from rlvr.results.forecast import forecast as forecast_
    from rlvr.results.forecast_tables import print_forecast

    loaded = config_.load(Path(config), overrides or [])
    if audit is not None and (tpr or fpr):
        raise InputError("--audit: it has both rates: leave out --tpr and --fpr")
    if (tpr is None) != (fpr is None):
        raise InputError(f"--{'fpr' if fpr is None else 'tpr'}: not given: give both rates")
    if audit is not None:
        verifier = audited(audit)
    elif tpr is not None and fpr is not None:
        verifier = Verifier(exactly(tpr, "--tpr"), exactly(fpr, "--fpr"), "as given")
    else:
        verifier = faultless()
    print_forecast(forecast_(loaded, config, verifier, pilot, rounds or loaded.rounds), console)


@app.command()
def sweep(
    config: Annotated[str, typer.Argument(help="A YAML config, or the name of a shipped one.")],
    over: Annotated[
        list[str],
        typer.Option(
            metavar="KEY=A,B", help="A key and its values; may be given several times, for a grid."
        ),
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Keys to override at every point."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The sweep's folder (default: runs/<name>-sweep).")
    ] = None,
) -> None:
    """Run a config at every point of a grid of keys, then show all points in one table and plot.

    Every point is a run folder of its own under the sweep's. The same command resumes it.
    """
    from rlvr import config as config_
    from rlvr.engine.threads import use_openmp
    from rlvr.loop import runner
    from rlvr.loop.progress import Display
    from rlvr.loop.sweep import points
    from rlvr.results.compare import read_results, write_compare
    from rlvr.results.plot import plot_sweep
    from rlvr.results.terminal import print_side_by_side

    use_openmp()

    folder = out or Path("runs") / f"{config_.load(Path(config), overrides or []).name}-sweep"
    grid = points(config, over, overrides or [], folder)
    sizes = _sizes([point.config for point in grid])
    try:
        with Display(console, f"{len(grid)} points", *sizes) as display:
            runner.run_all([(point.config, point.folder, config) for point in grid], display)
    except KeyboardInterrupt:
        _stop("interrupted; what was recorded is kept: the same command resumes", 130)
    results = [(point.label, read_results(point.folder)) for point in grid]
    write_compare([one for _, one in results])
    print_side_by_side([replace(one, name=label) for label, one in results], console)
    console.print(f"Plot: {plot_sweep(results, folder)}", highlight=False, soft_wrap=True)


@app.command()
def compare(
    runs: Annotated[
        list[Path], typer.Argument(help="Run folders, finished or still going, or a sweep's.")
    ],
    everything: Annotated[
        bool, typer.Option("--all", help="Every table: figures behind the verdicts, means, seeds.")
    ] = False,
) -> None:
    """Compare the arms of a run, paired by seed: verdicts, signs, compare.json, a plot."""
    _compare(runs, everything)


def _compare(runs: list[Path], everything: bool = False) -> None:
    from rlvr.results.compare import read_all, write_compare
    from rlvr.results.plot import plot, plot_steps
    from rlvr.results.terminal import print_tables

    results = read_all(runs)
    write_compare(results)
    print_tables(results, console, everything)
    for one in results:
        for path in filter(None, (plot(one), plot_steps(one))):
            console.print(f"Plot: {path}", highlight=False, soft_wrap=True)


@app.command("export")
def export_(
    run: Annotated[Path, typer.Argument(help="A run folder, finished or still going.")],
    kept: Annotated[
        bool,
        typer.Option("--kept", help="Only what each arm kept to train on (default: all)."),
    ] = False,
    arm: Annotated[
        list[str] | None,
        typer.Option(help="Only this arm; may be given several times (default: all)."),
    ] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option(help="Only this seed; may be given several times (default: all)."),
    ] = None,
    model: Annotated[
        bool,
        typer.Option("--model", help="The weights of --arm (or base), and no completions."),
    ] = False,
    round_: Annotated[
        int | None, typer.Option("--round", help="With --model: of this round (default: the last).")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", help="The new folder (default: RUN/dataset, RUN/dataset-kept)."
        ),
    ] = None,
    shape: Annotated[
        str | None,
        typer.Option(
            help="Rows as another project has them, references included: verl, skyrl, messages "
            "(open-instruct's), gsm8k, math, mbpp, trl or another of docs/shapes.md."
        ),
    ] = None,
) -> None:
    """Export a run's training completions, or only those kept, as a dataset; or an arm's weights.

    A folder of one Parquet file and a dataset card, which datasets.load_dataset opens. Without
    --kept it has every completion of every round, with its verdict and whether it was kept.

    With --model: a folder of weights, which transformers loads, with a card that has the verdict,
    its rule and the config's hash (RUN/model-ARM-seed-S-round-R; of the first seed unless --seed).
    """
    from rlvr.results.export import export
    from rlvr.results.weights import export_weights

    if model:
        if len(arm or []) != 1 or len(seed or []) > 1 or kept or shape:
            raise InputError(
                "--model: weights are of one --arm (or base) and one --seed, no --kept or --shape"
            )
        [of_arm], of_seed = arm or [], seed[0] if seed else None
        place, folder = export_weights(run, of_arm, of_seed, round_, out)
        said = f"The weights of {place.arm}, seed {place.seed}, round {place.round}: {folder}"
        console.print(said, highlight=False, soft_wrap=True)
        return
    if round_ is not None:
        raise InputError("--round: it says which weights: give --model too")
    made = export(run, out, kept, arm or [], seed or [], shape)
    table = Table.grid(padding=(0, 3))
    for name, counts in made.counts.items():
        figures = f"{counts['completions']:,} completions", f"{counts['correct']:,} correct"
        table.add_row(f"[bold]{name}", *figures, f"{counts['kept']:,} kept")
    console.print(table)
    console.print(f"\nThe dataset: {made.folder}", highlight=False, soft_wrap=True)


@app.command()
def report(
    runs: Annotated[
        list[Path], typer.Argument(help="Run folders, finished or still going, or a sweep's.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            help="The file; - is stdout (default: RUN/report.html, of several ./report.html).",
        ),
    ] = None,
) -> None:
    """Write one HTML file to look at, share and argue over: verdicts, figures, completions.

    It needs no network and no server. Several runs come on one page, with what differs in their
    configs.
    """
    from rlvr.report.page import write_report
    from rlvr.results.compare import read_all

    path = out or (runs[0] if len(runs) == 1 else Path()) / "report.html"
    size = write_report(read_all(runs), path)
    said = f"Report: {path} ({size / 1e6:.1f} MB)"
    _beside(path).print(said, highlight=False, soft_wrap=True)


@app.command()
def claims(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[C1 ...]", help="Which (default: all).")
    ] = None,
    budget: Annotated[
        str, typer.Option(help="cpu: the experiment, on two cores; smoke: the machinery alone.")
    ] = "cpu",
    out: Annotated[
        Path | None, typer.Option(help="The claims' folder (default: runs/claims-BUDGET).")
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where the figures of finished seeds and the pages are kept, as docs/claims.",
        ),
    ] = None,
) -> None:
    """Run, or resume, the experiments behind the claims, and apply to each its rule.

    A claim's rule, arms and seeds stand in configs/claims/, and are hashed into its run before it
    starts. Each gets a folder with its runs, a page (README.md) and its plots; the table at the end
    has for each claim its rule, effect, interval, outcome and what would change it.

    With --record a seed that stands in FOLDER under the same rule is not made again, and each other
    one is added there as it finishes: commit FOLDER, and another machine goes on where it ends.
    """
    from typing import get_args

    from rlvr.claims import experiments as claims_
    from rlvr.claims import records
    from rlvr.claims.pages import summary, write
    from rlvr.engine.threads import use_openmp

    if budget not in get_args(claims_.Budget):
        raise InputError(f"--budget {budget}: write one of {', '.join(get_args(claims_.Budget))}")
    use_openmp()
    chosen = cast(claims_.Budget, budget)
    folder = out or Path("runs") / f"claims-{budget}"
    wanted = [(claim, claims_.runs_of(claim, chosen)) for claim in claims_.find(ids or [])]
    kept: dict[str, Mapping[str, Collected]] = {}
    if record is not None:
        kept = {
            claim.name: records.places(record, claim, runs, folder / claim.name, chosen)
            for claim, runs in wanted
        }
    rows = []
    try:
        if chosen == "smoke":
            _run_at_once(wanted, folder)
        for claim, runs in wanted:
            if chosen == "cpu":
                _run_claim(claim, runs, folder / claim.name, kept.get(claim.name, {}))
            rows += write((record or folder) / claim.name, chosen)
    except KeyboardInterrupt:
        _stop("interrupted; what was recorded is kept: the same command resumes", 130)
    table = Table(title="claims", title_justify="left", show_lines=True)
    for head in ("claim", "rule", "effect", "outcome", "what would change it"):
        table.add_column(head, overflow="fold")
    for row in summary(rows):
        table.add_row(*map(Text, row))
    console.print(table)
    if chosen == "smoke":
        console.print(claims_.SMOKE_NOTE, highlight=False)
    console.print(f"Pages: {record or folder}/*/README.md", highlight=False, soft_wrap=True)


def _run_at_once(wanted: Sequence[tuple[Claim, Mapping[str, Config]]], folder: Path) -> None:
    """Make the runs of all claims at once: a smoke run is little more than its engine's start."""
    from rlvr.loop import runner
    from rlvr.loop.progress import Display

    made = [
        (config, folder / claim.name / name, str(claim.path))
        for claim, runs in wanted
        for name, config in runs.items()
    ]
    with Display(console, f"{len(made)} runs", *_sizes([one for one, _, _ in made])) as display:
        runner.run_all(made, display)


def _run_claim(
    claim: Claim, runs: Mapping[str, Config], folder: Path, kept: Mapping[str, Collected]
) -> None:
    """Make, of each of a claim's runs, the seeds that are not finished. `kept`: its records."""
    from rlvr.claims import records
    from rlvr.loop import runner
    from rlvr.loop.progress import Display

    for name, config in runs.items():
        record = kept.get(name)
        left = records.left(record, config, folder / name) if record else config
        n = len(config.seeds)
        if record and len(left.seeds) < n:
            said = f"{claim.name} {name}: {n - len(left.seeds)} of {n} seeds in {record.folder}"
            console.print(said, highlight=False, soft_wrap=True)
        if left.seeds:
            with Display(console, f"{claim.name} {name}", *_sizes([left])) as display:
                runner.run(config, folder / name, display, str(claim.path), record)


Options = Annotated[
    list[str] | None,
    typer.Option(
        "-O",
        "--option",
        metavar="KEY=VALUE",
        help="An option of the verifier or task; of a config, a key of it.",
    ),
]
Workers = Annotated[int | None, typer.Option(min=1, help="Worker processes (default: one a core).")]
Timeout = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        help="Seconds one verdict may take; with code, what a program gets, unless -O timeout is "
        "given (default: 5; of a program 3).",
    ),
]


@app.command()
def score(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="JSONL (or .jsonl.gz), Parquet, a saved dataset; - is stdin."
        ),
    ],
    verifier: Annotated[
        str, typer.Option(help="A name (rlvr list verifiers), NAME:ARGUMENT or path/to/file.py.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", help="Where to write, as Parquet to .parquet; - is stdout (default: -)."
        ),
    ] = None,
    options: Options = None,
    workers: Workers = None,
    timeout: Timeout = None,
    task: Annotated[
        str | None,
        typer.Option(help="The task that the lines' task_id refers to, as in HumanEval's samples."),
    ] = None,
    answer_key: Annotated[
        str | None, typer.Option(help="The answer's column, such as extra_info.answer.")
    ] = None,
    completion_key: Annotated[str | None, typer.Option(help="The completion's column.")] = None,
) -> None:
    """Score a file from anywhere: each row comes back with its verdict.

    A row holds completion (a text or a list) and answer (or reference); for a program its tests:
    test, test_list or tests; with --task, a task_id. The shapes of verl, SkyRL, open-instruct,
    GSM8K, MATH, HumanEval, MBPP, APPS, TRL and others are known (docs/shapes.md). A row comes back
    as it was, in order, with status, reason, extracted and seconds. Blank lines are passed over.

    Exits 1 if any verdict is an error, since the infrastructure failed then and not the completion,
    or if no verdict is decided.
    """
    from rlvr.verify.score import score_file

    err = Console(stderr=True)
    begun = time.perf_counter()
    try:
        with _signals_raised():
            given, keys = _key_values(options), {"answer": answer_key, "completion": completion_key}
            columns = {part: key for part, key in keys.items() if key is not None}
            tally = score_file(file, verifier, out, given, workers, timeout, err, task, columns)
    except (KeyboardInterrupt, _Ended) as ended:
        told, code = ended.args if isinstance(ended, _Ended) else ("interrupted", 130)
        _stop(told + (f"; {out} was not written" if out and out != DASH else ""), code)
    except BrokenPipeError:  # the reader of a pipe has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    seconds, n = time.perf_counter() - begun, tally.statuses.total()
    table = Table.grid(padding=(0, 3))
    for status in STATUSES:
        count = tally.statuses[status]
        table.add_row(f"[bold]{status}", f"{count:,}", f"{count / n:.1%}")
    err.print(table)
    err.print(f"{n:,} verdict{'' if n == 1 else 's'} in {seconds:.1f} s", highlight=False)
    for shape, count in tally.shapes.most_common(3):
        err.print(f"{count:,} rows read as {shape}", highlight=False, markup=False, soft_wrap=True)
    for (why, reason), count in tally.reasons.most_common(5):
        line = f"{count:,} {why}: {' '.join(reason.split())[:200]}"
        err.print(line, highlight=False, markup=False, soft_wrap=True)
    if tally.statuses["error"]:
        _stop(f"{tally.statuses['error']:,} of {n:,} verdicts are errors: see above", 1)
    if not tally.decided:
        _stop(f"{file}: no verdict is decided: {tally.why_undecided(verifier)}", 1)


class _Ended(BaseException):
    """A signal asks the process to end: what it is called, and the exit code that says so."""


@contextmanager
def _signals_raised() -> Iterator[None]:
    """Raise SIGTERM and SIGHUP as `_Ended` in the block, so that temporary files are removed."""

    def ended(number: int, _: object) -> None:
        for one in old:
            signal.signal(one, signal.SIG_IGN)  # once: it is ending
        raise _Ended(signal.strsignal(number) or "ended", 128 + number)

    asked = (signal.SIGTERM, signal.SIGHUP)
    # nohup has the second ignored, and that stays so.
    old = {one: signal.getsignal(one) for one in asked if signal.getsignal(one) != signal.SIG_IGN}
    for one in old:
        signal.signal(one, ended)
    try:
        yield
    finally:
        for one, handler in old.items():
            signal.signal(one, handler)


def _key_values(options: list[str] | None) -> dict[str, Any]:
    """Read -O key=value as a config reads its overrides."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    for option in options or []:
        if "=" not in option:
            raise InputError(f"-O {option}: write -O key=value")
    try:
        found = OmegaConf.to_container(OmegaConf.from_dotlist(options or []))
    except (OmegaConfBaseException, IndexError, ValueError, TypeError) as failure:
        raise InputError(f"-O {' '.join(options or [])[:200]}: {failure}") from failure
    return cast(dict[str, Any], found)


@app.command()
def rescore(
    run: Annotated[Path, typer.Argument(help="A run folder, finished or still going.")],
    verifier: Annotated[
        str, typer.Option(help="A name (rlvr list verifiers), NAME:ARGUMENT or path/to/file.py.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="The folder (default: RUN/rescored/VERIFIER)."),
    ] = None,
    options: Options = None,
    workers: Workers = None,
    timeout: Timeout = None,
) -> None:
    """Rescore a run: every recorded completion judged by another verifier, and what that changes.

    How often the two disagree, TPR and FPR of the run's verifier with the other one as truth, what
    each arm would have kept, and whether a verdict flips. The run's own files stay as they are; the
    report shows what lies in RUN/rescored. The same command resumes.

    Exits 1 if any verdict is an error: then the infrastructure failed, not the completion. And if
    the verifier decided nothing at all.
    """
    from rlvr.results.rescore import default_folder
    from rlvr.results.rescore import rescore as rescore_
    from rlvr.results.rescored_tables import failed, print_rescored

    folder, err = out or default_folder(run, verifier), Console(stderr=True)
    try:
        with _signals_raised():
            found = rescore_(run, verifier, folder, _key_values(options), workers, timeout, err)
    except (KeyboardInterrupt, _Ended) as ended:
        told, code = ended.args if isinstance(ended, _Ended) else ("interrupted", 130)
        _stop(f"{told}; the rounds that are judged are kept: the same command resumes", code)
    print_rescored(found, console)
    console.print(f"\nEvery figure: {folder}/rescored.json", highlight=False, soft_wrap=True)
    if why := failed(found):
        _stop(why, 1)


@app.command()
def bench(
    run: Annotated[Path, typer.Argument(help="A finished run folder, with its weights.")],
    tasks: Annotated[
        list[str],
        typer.Option(metavar="A,B", help="Tasks or groups of lm-eval, or YAML files of your own."),
    ],
    arm: Annotated[
        list[str] | None,
        typer.Option(help="Only this arm; may be given several times (default: all)."),
    ] = None,
    maj: Annotated[
        int | None,
        typer.Option(min=2, metavar="K", help="Let K samples of each document vote, too (maj@K)."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Use the first documents of each task alone.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The folder (default: RUN/bench).")
    ] = None,
) -> None:
    """Benchmark an arm's weights beside the base's, in tasks of lm-evaluation-harness.

    On the run's own engine, with intervals paired by seed. It needs lm-eval (in a checkout: make
    .venv/ready-lm-eval), each task's data, and the weights of the last round (checkpoints: last,
    the default). All of this is checked before anything starts. The same command resumes.
    """
    from importlib.util import find_spec

    from rlvr.engine.threads import use_openmp

    if find_spec("lm_eval") is None:
        raise InputError(
            "bench: lm-eval is not installed: pip install 'rlvr[lm-eval]' "
            "(in a checkout: make .venv/ready-lm-eval)"
        )
    from rlvr.bench.benchmark import SUMMARY, default_folder
    from rlvr.bench.benchmark import bench as bench_
    from rlvr.bench.figures import print_bench

    use_openmp()
    names = [name for given in tasks for name in given.split(",") if name]
    folder, err = out or default_folder(run), Console(file=sys.stderr)
    try:
        found = bench_(run, names, arm or [], folder, maj, limit, err)
    except KeyboardInterrupt:
        _stop("interrupted; what is measured is kept: the same command resumes", 130)
    print_bench(found, console)
    console.print(f"\nEvery figure: {folder / SUMMARY}", highlight=False, soft_wrap=True)


@app.command()
def check(
    name: Annotated[
        str,
        typer.Argument(
            help="A verifier or a task, by name or as a file; a file or folder of rows; or a "
            "YAML config, whose task is checked."
        ),
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Of a config: keys to override."),
    ] = None,
    n: Annotated[
        int | None,
        typer.Option(
            "-n", min=1, help="Problems of each split; rows judged (default: 200 at most)."
        ),
    ] = None,
    options: Options = None,
    timeout: Annotated[
        float,
        typer.Option(
            min=0.001, help="Seconds one verdict may take; with code, what a program gets."
        ),
    ] = 10.0,
    verifier: Annotated[
        str | None, typer.Option(help="With rows: the verifier (default: the one that suits them).")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="With rows: the model that --sample uses, and whose tokens are counted."),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Of rows (with --model) or a config: let it solve N problems."
        ),
    ] = None,
) -> None:
    """Let a verifier prove itself on its own cases, a task on its own solutions, rows on theirs.

    A task: real solutions must pass its verifier, corrupted ones fail; splits disjoint, ids unique,
    levels named, the same problems in every process. Rows (`rlvr check rows.parquet`, or `rlvr
    check rows -O hub=ORG/NAME`): what they were understood as, three of them, splits, duplicates,
    lengths; right answers must pass, others fail; -O columns.answer=gold names a column. In every
    case rlvr also tries answers that can't be right: copies of the question, padding, several
    answers at once, constants. None may be judged correct. Exits 1 if anything is otherwise.

    --sample 20: a model solves 20 held-out problems, and what its pass@1 means for a run is said.
    A config (`rlvr check mine.yaml --sample 20`): its task, verifier, prompt and model, and how
    long its run will take. KEY=VALUE overrides its keys, as in `rlvr run`.
    """
    from rlvr import config as config_
    from rlvr.engine.threads import use_openmp
    from rlvr.loop import check_model, check_rows
    from rlvr.verify.check import reports
    from rlvr.verify.settings import NamedConfig

    use_openmp()
    failures, config, given = 0, None, {"model": model, "verifier": verifier, "sample": sample}
    of_run = Path(name).suffix in (".yaml", ".yml") or name in config_.shipped_configs()
    if overrides and not of_run:
        raise InputError(f"check: {overrides[0]}: {name} is no config: give options by -O")
    if of_run:
        if model or verifier:
            raise InputError(
                f"check: --model and --verifier are for rows. In {name} override its own keys: "
                "model=NAME, verifier.name=NAME"
            )
        config = config_.load(Path(name), [*(options or []), *(overrides or [])])
        found = check_rows.of_config(config, n, timeout)
    elif _are_rows(name):
        source = {} if name == "rows" else {"path": name}
        task = NamedConfig.model_validate({**_key_values(options), **source, "name": "rows"})
        judge = NamedConfig(name=verifier) if verifier else None
        if sample and not model:
            raise InputError(f"check: --sample {sample}: by which model? Add --model smollm2-135m")
        found = iter([check_rows.report(task, judge, model, n, timeout)])
        if sample and model:
            config = check_model.config_of_rows(task, judge, model, sample)
    elif asked := [f"--{key}" for key, value in given.items() if value]:
        raise InputError(f"check: {' and '.join(asked)} are for rows, and {name} is none")
    else:
        found = reports(name, n, _key_values(options), timeout)
    for one in found:
        for line in (*one.table, *one.failures):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
        failures += len(one.failures)
        said = f"{len(one.failures)} FAIL" if one.failures else "ok"
        console.print(f"{one.what}: {said}", highlight=False, markup=False, soft_wrap=True)
    if sample and config:
        for line in check_model.sampled(config, sample, name, timed=of_run):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    if failures:
        raise SystemExit(1)


def _are_rows(name: str) -> bool:
    """Whether what is to be checked is the task `rows`, or a file or folder for it."""
    from rlvr.verify.plugins import available

    path = Path(name)
    plugin = (
        path.suffix == ".py"
        or ".py:" in name
        or name.partition(":")[0]
        in (
            *available("verifier"),
            *available("task"),
        )
    )
    known = path.exists() or path.suffix in (".jsonl", ".json", ".gz", ".parquet")
    return name == "rows" or (known and not plugin)


@app.command()
def new(
    kind: Annotated[str, typer.Argument(metavar="verifier", help="What to start.")],
    name: Annotated[str, typer.Argument(help="Its name: the file is NAME.py.")],
    folder: Annotated[Path, typer.Option(help="Where to write it.")] = Path("."),
) -> None:
    """Write a verifier of your own to start from: one file, complete, with cases that pass."""
    from rlvr.verify.scaffold import new_verifier

    if kind != "verifier":
        raise InputError(f"new: can't start a {kind!r}: write rlvr new verifier {name}")
    path = new_verifier(name, folder)
    said = f"{path} is a verifier that works. Edit it, then:"
    console.print(said, highlight=False, markup=False, soft_wrap=True)
    for command in (
        f"rlvr check {path}",
        f"rlvr score FILE.jsonl --verifier {path} -o scored.jsonl",
        f"rlvr run CONFIG 'verifier={{name: {path}}}'",
    ):
        console.print(f"  {command}", highlight=False, markup=False, soft_wrap=True)


@app.command("list")
def list_(
    kind: Annotated[str, typer.Argument(metavar="|".join(KINDS), help="What to list.")],
) -> None:
    """List what can be named in a config: verifiers, tasks, arms, models, configs."""
    from rlvr.config import shipped_configs
    from rlvr.data import nearest
    from rlvr.models import loading, packaged
    from rlvr.select import arms
    from rlvr.verify import plugins

    if kind not in KINDS:
        raise InputError(
            f"list: unknown kind {kind!r}{nearest(kind, KINDS)} (known: {', '.join(KINDS)})"
        )
    if kind == "verifiers":
        rows = plugins.available("verifier")
    elif kind == "tasks":
        rows = plugins.available("task")
    elif kind == "arms":
        rows = {name: _axes(arm) for name, arm in arms.PRESETS.items()}
    elif kind == "models":
        rows = {
            name: f"{shape.layers} layers, hidden {shape.hidden}, from scratch"
            for name, shape in loading.LADDER.items()
        }
        rows |= {name: model.about for name, model in packaged.TABLE.items()}
        rows |= {"FOLDER": "a model folder", "ORG/NAME": "a hub id"}
    else:
        rows = {name: _first_comment(path) for name, path in shipped_configs().items()}
    table = Table.grid(padding=(0, 3))
    for name, what in rows.items():
        table.add_row(f"[bold]{name}", what)
    console.print(table)


def _axes(arm: Arm) -> str:
    """Say what an arm keeps, and where else it differs from the defaults of the axes."""
    from rlvr.select.arms import as_written, differing

    return "  ".join(f"{axis}: {value}" for axis, value in differing(as_written(arm)).items())


def _first_comment(path: Path) -> str:
    """Return the first sentence of the comment at the head of a file."""
    lines = itertools.takewhile(lambda line: line.startswith("#"), path.read_text().splitlines())
    said = " ".join(line.removeprefix("#").strip() for line in lines)
    first = re.match(r".*?[.](?=\s|$)", said)
    return first[0] if first else said


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A verifier or a task, by name or as a file.")],
) -> None:
    """Show what a verifier or a task says of itself: its rules, and its options with defaults."""
    from rlvr.verify.plugins import described

    for one in described(name):
        options = [f"  {option}" for option in one.options] or ["  none"]
        for line in (f"{one.kind} {name}  ({one.path})", "", one.text, "", "options:", *options):
            console.print(line, highlight=False, markup=False, soft_wrap=True)


@app.command()
def doctor() -> None:
    """Check this machine: versions, memory, disk, GPU; engine, trainer and verifier at work.

    Exits 1 when something a run needs does not work.
    """
    from rlvr.doctor import examine
    from rlvr.engine.threads import use_openmp

    use_openmp()
    failures = 0
    for check in examine():
        mark = "[green]ok[/]" if check.ok else "[red]FAILS[/]"
        said = escape(f"{check.what}: {check.found}")
        console.print(f"{mark:>14}  {said}", highlight=False, soft_wrap=True)
        failures += not check.ok
    if failures:
        _stop(f"{failures} of the checks above failed", 1)


@app.command()
def audit(
    name: Annotated[str, typer.Argument(help="A verifier, by name or as a file.")],
    files: Annotated[
        list[Path] | None, typer.Argument(help="More labelled files, after --labelled FILE.")
    ] = None,
    pairs: Annotated[int, typer.Option(min=1, help="Pairs made of its own truth.")] = 20_000,
    labelled: Annotated[
        list[Path] | None,
        typer.Option(
            help="JSONL instead: completion, answer, and expected (correct or wrong, several as "
            "correct|abstain) or label (true or false), maybe class."
        ),
    ] = None,
    options: Options = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Where to write JSON; - is stdout.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the pairs (not of labelled files).")] = 0,
    show: Annotated[
        int, typer.Option(min=0, max=1000, help="Disagreements shown of each type.")
    ] = 10,
    workers: Workers = None,
    timeout: Timeout = None,
) -> None:
    """Measure a verifier on known truth: TPR, FPR and J = TPR - FPR, with exact 95 % intervals.

    Truth is the verifier's own pairs(n, seed) and, a fifth as many, habits(n, seed), or labelled
    files: of those it prints agreement, false positives and negatives, and the undecided too.
    """
    from rlvr.verify import audit as audit_
    from rlvr.verify import labelled as labelled_

    given, err = _key_values(options), Console(stderr=True)
    shown = err if err.is_terminal else None
    said = _beside(out)
    if files and not labelled:
        raise InputError(f"audit: {files[0]}: what is it? Labelled files follow --labelled")
    if out is not None:
        audit_.check_writable(out)
    if labelled:
        every = [*labelled, *(files or [])]
        measured = labelled_.measure(name, every, given, workers, timeout, shown)
        labelled_.print_agreement(measured, said, show)
        if out is not None:
            labelled_.write(out, measured, {"verifier": name, "options": given})
        return
    sizes = {"pairs": pairs} | ({"habits": -(-pairs // 5)} if audit_.has_habits(name) else {})
    results = {
        source: audit_.audit(name, n, seed, given, workers, timeout, shown, source)
        for source, n in sizes.items()
    }
    audit_.print_audit(results["pairs"], said, show)
    if "habits" in results:
        said.print()
        audit_.print_habits(results["habits"], said, show)
    if out is not None:
        how = {"verifier": name, "pairs": pairs, "seed": seed, "options": given}
        audit_.write(out, results, how)


def _beside(out: Path | None) -> Console:
    """Return where a command says what it did: not where it writes to (`-`)."""
    return Console(stderr=True) if out == DASH else console


def _stop(message: str, code: int) -> NoReturn:
    print(f"rlvr: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(code)


def _open_descriptors() -> None:
    """Open standard descriptors that are closed, so that no file or socket of ours takes them."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # takes the lowest that is free
            os.set_inheritable(opened, True)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")


def main() -> None:
    """Run the command line. Bad input: one line on stderr, exit 2; a run that fails: exit 1."""
    _open_descriptors()
    if sys.stdout is None:
        _stop("standard output is closed: open it, or send it to a file or to /dev/null", 2)
    try:
        app()
    except InputError as failure:
        _stop(str(failure), 2)
    except RunError as failure:
        _stop(str(failure), 1)
    except RecursionError:
        _stop("the input is nested too deeply", 2)
    except OSError as failure:  # a path that won't do, a disk: nothing recorded is lost by it
        named = f"{failure.filename}: " if failure.filename else ""
        _stop(f"{named}{failure.strerror or failure}: fix it, then run the same command again", 1)


if __name__ == "__main__":
    main()
