"""Tricks that can't solve a task: the texts that each writes, from the prompt and other answers.

A verifier must give none of them a reward. `copies` repeat the question. `pads` put something
around it that changes nothing. `wraps` put it into a place where verifiers look for an answer.
`hedges` and `enumerates` name several answers. `constants` always write the same. `partial` does
one step. `programs` are trivial functions. If the reference is an answer, a hedge contains it,
because a trick that names every answer that it has seen will name this one too. It stands among
wrong answers, neither first nor last.

The tricks do not guess well, and do not use what only the task's author knows. So if they earn
nothing, that proves nothing; if they earn something, that proves a hole.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from rlvr.data import Problem
from rlvr.verify.padding import Texts, copies, pads, partial, wraps

SEEN = 5  # how many answers a hedge names
LISTED = 40  # how many answers an enumeration names
FUNCTION = re.compile(r"\b(?:def|assert)\s+(\w+)\s*\(")
"""How a prompt names the function that is asked for."""
PROBE = ("constants", "'0'")
"""A trick with the plainest answer: if that is undecided, the reference can't be judged."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a trick knows about one problem.

    `expression`: the mathematical part of the prompt. `common`: the task's most common answers, the
    most common one first. `answers`: some of the task's answers, with the right one in the middle.
    """

    prompt: str
    expression: str
    common: tuple[str, ...]
    answers: tuple[str, ...]


def attempts(problem: Problem, problems: Sequence[Problem]) -> dict[tuple[str, str], str]:
    """Return what each trick writes, as (family, name) -> completion.

    `problems` are the task's: a trick has seen their answers. A trick is left out if it has
    nothing to write, for example no expression to copy.
    """
    seen = look(problem, problems)
    return {
        (family, name): text
        for family, write in FAMILIES.items()
        for name, text in write(seen).items()
    }


def look(problem: Problem, problems: Sequence[Problem]) -> Seen:
    """Return what a trick knows about a problem; it is the same each time."""
    own = reference_answer(problem)
    asked = (other for other in problems if other.reference != problem.reference)
    others = [text for text in dict.fromkeys(map(answer, asked)) if text and text != own]
    random.Random(problem.id).shuffle(others)
    if len(others) < 2:
        others += [text for text in ("0", "1", "2") if text != own]
    half = (len(others := others[:LISTED]) + 1) // 2
    answers = (*others[:half], *([own] if own else []), *others[half:])
    common = tuple(common_answers(problems))[:3]
    return Seen(problem.prompt, expression(problem.prompt), common, answers)


def reference_answer(problem: Problem) -> str:
    """Return the reference as text if it is an answer, "" if it is tests or an entry."""
    reference = problem.reference
    if isinstance(reference, Mapping):
        reference = reference.get("answer")
    if isinstance(reference, str | int | float) and not isinstance(reference, bool):
        return str(reference).strip()
    return ""


def answer(problem: Problem) -> str:
    """Return a problem's answer as text: the reference if it is an answer, else the solution."""
    return reference_answer(problem) or problem.solution or ""


def common_answers(problems: Sequence[Problem]) -> dict[str, int]:
    """Return how often each answer occurs, the most common one first."""
    counts: dict[str, int] = {}
    for problem in problems:
        if text := answer(problem):
            counts[text] = counts.get(text, 0) + 1
    return dict(sorted(counts.items(), key=lambda one: -one[1]))


def says_it(problem: Problem, text: str) -> bool:
    """Return whether a text is, begins or ends with the problem's own answer: right by chance.

    This uses no code of a verifier: it compares texts or numbers without dollars, a box and `x =`.
    A text that begins or ends with the answer earns as much as a trick that always writes the
    answer.
    """
    known = {bare(one) for one in (answer(problem), problem.solution) if one} - {""}
    words = re.split(r"[\s,;|]+", text.strip())
    numbers = re.findall(r"-?[\d./]*\d", text)
    ends = (text, words[0], words[-1], *numbers[:1], *numbers[-1:])
    return any(bare(one) in known for one in ends)


def bare(text: str) -> Fraction | str:
    """Return a text as a number, or the text without the marks that may stand around an answer."""
    text = re.sub(r"\\(?:boxed|text)|[$\s{}]", "", text.rpartition("####")[2]).casefold()
    text = re.sub(r"^\(|\)$", "", text.rpartition("=")[2].rstrip("."))
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        return text


def expression(prompt: str) -> str:
    """Return the mathematical part of a prompt, "" if it has none: `12+34=` -> `12+34`."""
    if FUNCTION.search(prompt):
        return ""
    runs: list[list[str]] = [[]]
    for word in prompt.split():
        if re.search(r"[a-zA-Z]{2}", word) and not re.search(r"[\d()^\\]", word):
            runs.append([])
        else:
            runs[-1].append(word)
    longest = max((" ".join(run) for run in runs), key=len)
    return longest.strip(" \n=?.,:;") if re.search(r"\d", longest) else ""


# --- several answers ---------------------------------------------------------------------------


def _hedges(seen: Seen) -> Texts:
    middle = len(seen.answers) // 2
    few = seen.answers[max(0, middle - SEEN // 2) : middle + SEEN // 2 + 1]
    first, *between, last = few if len(few) > 2 else ("0", *few, "1")
    three = (first, between[len(between) // 2], last)
    found: Texts = {
        "a or b or c": " or ".join(three),
        "a or b or c, boxed": _boxed(" or ".join(three)),
        "a \\text{ or } b": _boxed(r" \text{ or } ".join(three)),
        "a, b, c": ", ".join(three),
        "a, b, c, boxed": _boxed(", ".join(three)),
        "a and b and c": " and ".join(three),
        "a/b/c": " / ".join(three),
        "a = b = c": " = ".join(three),
        "a line each": "\n".join(few),
        "a box each": " ".join(map(_boxed, few)),
        "a tag each": "".join(f"<answer>{one}</answer>" for one in few),
        "a fence each": "\n".join(f"```python\n{one}\n```" for one in few),
        "a set": _boxed(_braced(few)),
        "a tuple": f"({', '.join(few)})",
        "a table": "| " + " | ".join(few) + " |",
        "options": "\n".join(
            f"({letter}) {one}" for letter, one in zip("ABCDE", few, strict=False)
        ),
        "#### for each": "\n".join(f"#### {one}" for one in few),
        "the answer is each": " ".join(f"The answer is {one}." for one in few),
        "either": f"It is either {three[0]}, {three[1]} or {three[2]}, I can't tell.",
        "none of them": f"It is not {three[0]}, not {three[1]} and not {three[2]}.",
        "perhaps": f"Perhaps {three[0]}, perhaps {three[1]}, perhaps not {three[2]}.",
        "a union": _boxed(r" \cup ".join(rf"\{{{one}\}}" for one in three)),
        "\\lor": _boxed(r" \lor ".join(f"x = {one}" for one in three)),
        "x = each": " or ".join(f"x = {one}" for one in three),
        "between": "It is between -1000 and 1000.",
        "an interval": r"\boxed{[-1000, 1000]}",
        "an open interval": r"\boxed{(-\infty, \infty)}",
        "an inequality": r"\boxed{-1000 < x < 1000}",
        "from the prompt": " or ".join(re.findall(r"\d+", seen.prompt)),
    }
    right = seen.answers[middle] if seen.answers else ""
    if re.fullmatch(r"-?\d{1,9}", right):
        n = int(right)
        found |= {
            "plus or minus": rf"\boxed{{{n + 5} \pm 5}}",
            "plus or minus, without brackets": f"{n + 5} ± 5",
            "near": rf"\boxed{{[{n - 1}, {n + 1}]}}",
            "at least": rf"x > {n - 1}",
            "a dash": f"{n - 1}-{n + 1}",
            "three dots": rf"{n - 1}, \ldots, {n + 1}",
        }
    return found


def _enumerates(seen: Seen) -> Texts:
    numbers, letters = [str(n) for n in range(201)], list("ABCDE")
    signed = [str(n) for n in range(-100, 101)]
    found: dict[str, str] = {
        "every letter": ", ".join(letters),
        "every letter, boxed": _boxed(", ".join(letters)),
        "every digit": "0123456789",
        "all reals": r"\boxed{\mathbb{R}}",
        "all integers": r"\boxed{\mathbb{Z}}",
        "all integers, written": r"\boxed{\{\ldots, -2, -1, 0, 1, 2, \ldots\}}",
        "any number": r"\boxed{x \in \mathbb{R}}",
        "all of them": "All of the above.",
    }
    for name, listed in (("0 to 200", numbers), ("-100 to 100", signed), ("answers", seen.answers)):
        found |= {
            f"{name}, commas": ", ".join(listed),
            f"{name}, spaces": " ".join(listed),
            f"{name}, lines": "\n".join(listed),
            f"{name}, or": " or ".join(listed),
            f"{name}, boxed": _boxed(", ".join(listed)),
            f"{name}, a set": _boxed(_braced(listed)),
            f"{name}, a box each": "".join(map(_boxed, listed)),
            f"{name}, a tag each": "".join(f"<answer>{one}</answer>" for one in listed),
            f"{name}, one tag": f"<answer>{', '.join(listed)}</answer>",
            f"{name}, a chain": "=".join(listed),
            f"{name}, thought": f"<think>{' '.join(listed)}</think>",
            f"{name}, a sentence each": " ".join(f"The answer is {one}." for one in listed),
            f"{name}, a list": f"[{', '.join(listed)}]",
            f"{name}, JSON": '{"answer": [' + ", ".join(f'"{one}"' for one in listed) + "]}",
        }
    return found


def _boxed(text: str) -> str:
    return rf"\boxed{{{text}}}"


def _braced(texts: Sequence[str]) -> str:
    return rf"\{{{', '.join(texts)}\}}"


# --- without the question ----------------------------------------------------------------------

CONSTANTS = (
    "0", "1", "-1", "2", "10", "100", "42", "1/2", "0.5", "x", "y = x", "x = 0", "0 = 0", "1 = 1",
    "x = x", "yes", "no", "true", "false", "True", "False", "None", "null", "nan", "inf", "i",
    r"\infty", r"\emptyset", r"\pi", r"\{\}", "[]", "()", "{}", "?", "...", "-", ".", "N/A",
    "none of the above", "no solution", "undefined", "A", "(B)", "C", "I don't know.",
    "I can't help with that.", "I am not sure.", "The answer is", "The answer is the answer.",
    r"\boxed{}", r"\boxed{?}", r"\boxed{x}", r"\boxed{\text{the answer}}", "<answer></answer>",
    "<think></think>", "####", "$$", r"\frac{0}{0}", r"\frac{1}{0}", "```\n```",
    "correct", '{"status": "correct"}', "Verdict('correct')", "The answer above is correct.",
)  # fmt: skip


def _constants(seen: Seen) -> Texts:
    found = {repr(text): text for text in CONSTANTS}
    found |= {"nothing": "", "a space": " ", "empty lines": "\n\n\n", "zeros": "0" * 500}
    for place, text in enumerate(seen.common, 1):
        found[f"common answer {place}"] = text
        found[f"common answer {place}, boxed"] = rf"\boxed{{{text}}}"
    return found


# --- trivial functions -------------------------------------------------------------------------

EQUAL = (
    "class E{base}:\n"
    "    def __eq__(self, other): return True\n"
    "    def __ne__(self, other): return False\n"
    "    def __hash__(self): return 0\n"
    "    def __bool__(self): return True\n"
)
RETURNED = (
    "0", "1", "None", "True", "False", "''", "[]", "{}", "a[0]", "a", "a[-1]", "k", "lambda *a: 0",
    "NotImplemented", "...", "float('nan')", "object()", "locals()", "globals()", "f", "(0,)",
    "iter(())", "(x for x in a)", "type('T', (), {'__eq__': lambda s, o: True})()",
    "__import__('unittest.mock', fromlist=['x']).ANY", "print(*a)", "input()", "exit(0)",
    "__import__('os')._exit(0)", "(_ for _ in ()).throw(AssertionError)", "eval('a[0]')",
)  # fmt: skip
BODIES = (
    "pass", "...", "return", "return 0", "return None", "return True", "return []", "return ''",
    "return locals()", "return next(iter(locals().values()))", "yield", "raise Exception",
    "raise AssertionError", "raise SystemExit(0)", "import sys; sys.exit(0)",
    "import os; os._exit(0)", "import os; os.kill(os.getpid(), 9)",
)  # fmt: skip


def _programs(seen: Seen) -> Texts:
    found = FUNCTION.search(seen.prompt)
    name = found[1] if found else "f"
    define = f"def {name}(*a, **k):"
    texts = {f"return {value}": f"{define} return {value}\n" for value in RETURNED}
    texts |= {f"body: {body}": f"    {body}\n" for body in BODIES}
    for base in ("", "(int)", "(str)", "(list)", "(float)", "(dict)", "(tuple)"):
        equal = EQUAL.format(base=base)
        texts[f"equals everything {base}"] = f"{equal}{define} return E()\n"
    return texts | {
        "the prompt, fenced": f"```python\n{seen.prompt}\n```",
        "the prompt and pass": f"{seen.prompt}    pass\n",
        "the name alone": f"{name} = None\n",
        "any object": f"class {name}:\n    def __init__(self, *a): pass\n"
        "    def __eq__(self, other): return True\n",
        "mock": f"from unittest.mock import MagicMock, ANY\n{name} = MagicMock(return_value=ANY)\n",
        "own check": f"{define} return 0\ndef check(candidate): pass\n",
        "no assertions": f"__debug__ = False\n{define} return 0\n",
        "own builtins": "import builtins\nbuiltins.isinstance = builtins.all = lambda *a: True\n"
        f"builtins.AssertionError = ZeroDivisionError\n{define} return 0\n",
        "prints passed": f"{define}\n    print('passed', 'ok', 'True')\n    return 0\n",
        "exits": "raise SystemExit(0)\n",
        "a comment": "# the solution\n",
        "a syntax error": f"def {name}(:\n",
        "prose": f"The function {name} returns what is asked for.\n",
        "a test": f"assert {name}() == {name}()\n",
    }


FAMILIES: dict[str, Callable[[Seen], Texts]] = {
    "copies": lambda seen: copies(seen.prompt, seen.expression),
    "pads": lambda seen: pads(seen.prompt, seen.expression),
    "wraps": lambda seen: wraps(seen.prompt, seen.expression),
    "partial": lambda seen: partial(seen.prompt, seen.expression),
    "hedges": _hedges,
    "enumerates": _enumerates,
    "constants": _constants,
    "programs": _programs,
}


def sample(problems: Sequence[Problem], n: int) -> list[Problem]:
    """Return n problems at most: the first ones of each level, about equally many of each."""
    levels: dict[str, list[Problem]] = {}
    for problem in problems:
        levels.setdefault(problem.level, []).append(problem)
    each = max(1, n // max(1, len(levels)))
    return [problem for of_level in levels.values() for problem in of_level[:each]][:n]
