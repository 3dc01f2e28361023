"""The command line: each command reads its input and calls one function of a stage."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from rlvr.data import InputError, RunError

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
        str, typer.Argument(help="A YAML config, or the name of a shipped one (rlvr list configs).")
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Keys to override: rounds=3 train.lr=1e-3"),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run folder. [default: runs/<name>]")] = None,
) -> None:
    """Run a config: the base, then every arm's rounds, for every seed.

    A round: generate, verify, select, train, evaluate, record.

    The same command on the same folder resumes where it was killed. Ends with the comparison.
    """
    from rlvr import config as config_
    from rlvr import loop
    from rlvr.progress import Display
    from rlvr.threads import use_openmp

    use_openmp()

    loaded = config_.load(Path(config), overrides or [])
    folder = out or Path("runs") / loaded.name
    rounds = len(loaded.seeds) * (1 + len(loaded.arms) * loaded.rounds)
    try:
        with Display(console, loaded.name, rounds) as display:
            loop.run(loaded, folder, display, config)
    except KeyboardInterrupt:
        _stop("interrupted; what was recorded is kept: run the same command again to resume", 130)
    _compare([folder])
    console.print(
        f"\nThe run: {folder}   again: rlvr compare {folder}", highlight=False, soft_wrap=True
    )


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, finished or still going.")],
) -> None:
    """Compare the arms of a run, paired by seed: tables, verdicts, compare.json, a plot."""
    _compare(runs)


def _compare(runs: list[Path]) -> None:
    from rlvr.compare import load_run, write_compare
    from rlvr.plot import plot
    from rlvr.tables import print_tables

    results = [load_run(folder) for folder in runs]
    write_compare(results)
    print_tables(results, console)
    for one in results:
        console.print(f"Plot: {plot(one)}", highlight=False, soft_wrap=True)


@app.command("list")
def list_(
    kind: Annotated[str, typer.Argument(metavar="|".join(KINDS), help="What to list.")],
) -> None:
    """List what can be named in a config: verifiers, tasks, arms, models, configs."""
    from rlvr import arms, models, plugins
    from rlvr.config import shipped_configs
    from rlvr.data import nearest

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
            for name, shape in models.LADDER.items()
        }
        rows |= {"FOLDER": "a model folder", "ORG/NAME": "a hub id"}
    else:
        rows = {name: _first_comment(path) for name, path in shipped_configs().items()}
    table = Table.grid(padding=(0, 3))
    for name, what in rows.items():
        table.add_row(f"[bold]{name}", what)
    console.print(table)


def _axes(arm: object) -> str:
    from dataclasses import asdict
    from typing import Any, cast

    axes = asdict(cast(Any, arm))
    return "  ".join(
        f"{axis}: {value}" for axis, value in axes.items() if axis != "name" and value is not None
    )


def _first_comment(path: Path) -> str:
    first = path.read_text().splitlines()[0]
    return first.removeprefix("#").strip() if first.startswith("#") else ""


@app.command()
def doctor() -> None:
    """Check this machine: versions, memory, disk, GPU; engine, trainer and verifier at work.

    Exits 1 when something a run needs does not work.
    """
    from rlvr.doctor import examine
    from rlvr.threads import use_openmp

    use_openmp()
    failures = 0
    for check in examine():
        mark = "[green]ok[/]" if check.ok else "[red]FAILS[/]"
        console.print(f"{mark:>14}  {check.what}: {check.found}", highlight=False, soft_wrap=True)
        failures += not check.ok
    if failures:
        _stop(f"{failures} of the checks above failed", 1)


def _stop(message: str, code: int) -> NoReturn:
    print(f"rlvr: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(code)


def main() -> None:
    """Run the command line. Bad input: one line on stderr, exit 2; a run that fails: exit 1."""
    try:
        app()
    except InputError as failure:
        _stop(str(failure), 2)
    except RunError as failure:
        _stop(str(failure), 1)


if __name__ == "__main__":
    main()
