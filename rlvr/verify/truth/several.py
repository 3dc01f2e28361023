"""Several values: sets, lists, tuples, matrices."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations
from random import Random

from rlvr.verify.truth.made import Made, near, spellings, tex


def _values(r: Random, low: int = 2, high: int = 5) -> list[Fraction]:
    found: list[Fraction] = []
    while len(found) < r.randint(low, high):
        value = Fraction(r.randint(-30, 60), r.choice((1, 1, 1, 2, 3, 4)))
        found += [] if value in found else [value]
    return found


def _written(r: Random, values: Sequence[Fraction]) -> list[str]:
    texts = [[t for t, _ in spellings(v)] for v in values]
    return [r.choice(choices) if r.random() < 0.4 else choices[0] for choices in texts]


def _changed(r: Random, values: Sequence[Fraction]) -> list[tuple[list[Fraction], str]]:
    """Return other lists of values: one is dropped, added or changed. The set always differs."""
    at = r.randrange(len(values))
    other = r.choice([v for v, _ in near(r, values[at]) if v not in values])
    return [([*values[:at], *values[at + 1 :]], "one missing"), ([*values, other], "one more"),
            ([*values[:at], other, *values[at + 1 :]], "one changed")]  # fmt: skip


def _signs(values: Sequence[Fraction]) -> list[Fraction] | None:
    turned = [-v for v in values]
    return turned if set(turned) != set(values) else None


def set_(r: Random) -> Made:
    """Sets: order and repetition do not count; a bare list is right too."""
    values = _values(r)
    shuffled = r.sample(values, len(values))

    def braces(vs: Sequence[Fraction], again: bool = False) -> str:
        return rf"\{{{', '.join(_written(r, vs) if again else map(tex, vs))}\}}"

    forms = [(braces(values), "as it is"), (braces(shuffled), "reordered"),
             (braces(shuffled, True), "elements rewritten"),
             (braces([*values, values[0]]), "one repeated"),
             (", ".join(map(tex, shuffled)), "a list"),
             (rf"\left{braces(shuffled)[:-2]}\right\}}", "left, right"),
             (rf"x \in {braces(shuffled)}", "element of"),
             (r" \text{ or } ".join(f"x={tex(v)}" for v in shuffled), "x = or"),
             (f"S={braces(shuffled)}", "S =")]  # fmt: skip
    misses = [(braces(vs), how) for vs, how in _changed(r, values) * 2 if vs]
    turned = _signs(values)
    misses += [(braces(turned), "signs")] if turned else []
    misses += [(f"({', '.join(map(tex, values))})", "a tuple"), (tex(values[0]), "one element"),
               (tex(sum(values, Fraction(0))), "their sum"),
               (rf"\{{{braces(values)}\}}", "a set of sets"), (r"\emptyset", "empty"),
               (str(len(values)), "their number")]  # fmt: skip
    misses = [m for m in misses if not m[0].lstrip("-").isdigit() or len(values) > 1]
    return Made([braces(values)], forms, misses)


def list_(r: Random) -> Made:
    """Answers in a row without brackets, and plus-minus."""
    if r.random() < 0.25:
        return _plus_minus(r)
    if r.random() < 0.2:
        return _assignments(r)
    values = _values(r)
    shuffled = r.sample(values, len(values))
    text = ", ".join(map(tex, values))
    head, last = ", ".join(map(tex, shuffled[:-1])), tex(shuffled[-1])
    forms = [(text, "as it is"), (", ".join(map(tex, shuffled)), "reordered"),
             (", ".join(_written(r, shuffled)), "rewritten"),
             (rf"{head} \text{{ and }} {last}", "and"), (rf"{head}, \text{{ or }} {last}", "or"),
             (f"{head} and {last}", "plain and"), (rf"\{{{head}, {last}\}}", "a set"),
             (rf"x = {head}, {last}", "x ="),
             (r"\text{ or }".join(f"x={tex(v)}" for v in shuffled), "x = or"),
             (",".join(map(tex, values)), "no spaces"),
             ("; ".join(map(tex, values)), "semicolons")]  # fmt: skip
    if all(v.denominator == 1 and abs(v) < 1000 for v in values):
        forms = [f for f in forms if f[1] != "no spaces"]
    misses = [(", ".join(map(tex, vs)), how) for vs, how in _changed(r, values) * 2]
    turned = _signs(values)
    misses += [(", ".join(map(tex, turned)), "signs")] if turned else []
    misses += [
        (f"({text})", "a tuple"),
        (f"[{text}]", "brackets"),
        (tex(sum(values, Fraction(0))), "their sum"),
        (tex(r.choice(values)), "one of them"),
    ]
    return Made(
        [text, rf"{', '.join(map(tex, values[:-1]))} \text{{ and }} {tex(values[-1])}"],
        forms,
        misses,
    )


def _plus_minus(r: Random) -> Made:
    a, c = r.randint(-9, 9), r.choice((2, 3, 5, 6, 7))
    root = rf"\sqrt{{{c}}}"
    text = rf"{a}\pm{root}" if a else rf"\pm{root}"
    up, down = (f"{a}+{root}", f"{a}-{root}") if a else (root, "-" + root)
    forms = [(text, "plus minus"), (f"{up}, {down}", "written out"), (f"{down}, {up}", "turned"),
             (f"x={text}", "x ="), (rf"\{{{down},{up}\}}", "a set"),
             (rf"x={up} \text{{ or }} x={down}", "x = or"),
             (rf"{up} \text{{ and }} {down}", "and"),
             (text.replace(r"\pm", "±"), "unicode")]  # fmt: skip
    misses = [(up, "one of them"), (down, "one of them"), (rf"{a + 1}\pm{root}", "another middle"),
              (rf"{a}\pm\sqrt{{{c + 8}}}", "another root"),
              (rf"{a}\pm {c}", "root lost"), (f"({up},{down})", "a pair"),
              (f"{up}, {up}", "one twice"),
              (rf"{root}\pm {a}" if a else f"{c},-{c}", "parts swapped")]  # fmt: skip
    return Made([text, f"{up}, {down}"], forms, misses)


def _assignments(r: Random) -> Made:
    names = r.choice(("xy", "ab", "xyz", "mn"))
    values = _values(r, len(names), len(names))
    while len(values) != len(names):
        values = _values(r, len(names), len(names))
    named = [f"{n}={tex(v)}" for n, v in zip(names, values, strict=True)]
    again = [f"{n} = {t}" for n, t in zip(names, _written(r, values), strict=True)]
    turned = [f"{n}={tex(v)}" for n, v in zip(names, [*values[1:], values[0]], strict=True)]
    less = [f"{n}={tex(v)}" for n, v in zip(names, [values[0] + 1, *values[1:]], strict=True)]
    forms = [
        (", ".join(named), "as it is"),
        (", ".join(named[::-1]), "reordered"),
        (", ".join(again), "rewritten"),
        (r" \text{ and } ".join(named), "and"),
    ]
    misses = [(", ".join(turned), "values swapped"), (", ".join(named[1:]), "one missing"),
              (", ".join(less), "one changed"), (", ".join(map(tex, values)), "no names"),
              (named[0], "one of them"), (", ".join([*named, "w=1"]), "one more")]  # fmt: skip
    return Made([", ".join(named)], forms, misses)


def tuple_(r: Random) -> Made:
    """Points: order counts, brackets count."""
    values = _values(r, 2, 4)
    names = "xyzw"[: len(values)]
    inner = ", ".join(map(tex, values))
    text = f"({inner})"
    forms = [(text, "as it is"), (f"({','.join(map(tex, values))})", "no spaces"),
             (f"({', '.join(_written(r, values))})", "rewritten"),
             (rf"\left({inner}\right)", "left, right"), (f"({','.join(names)})={text}", "(x,y) ="),
             (f"\\left( {inner} \\right)", "wide")]  # fmt: skip
    misses = [
        (f"({', '.join(map(tex, vs))})", how) for vs, how in _changed(r, values) * 2 if len(vs) > 1
    ]
    misses += [
        (f"({', '.join(map(tex, vs))})", "order")
        for vs in r.sample(list(permutations(values)), 2)
        if list(vs) != values
    ]
    misses += [
        (rf"\{{{inner}\}}", "a set"),
        (inner, "a list"),
        (f"[{inner}]", "brackets"),
        (tex(values[0]), "one part"),
        (f"({inner}, {inner})", "twice"),
    ]
    turned = [-v for v in values]
    misses += [(f"({', '.join(map(tex, turned))})", "signs")] if turned != values else []
    return Made([text, text.replace(" ", "")], forms, misses)


def matrix(r: Random) -> Made:
    """Matrices and column vectors."""
    rows, columns = r.choice(((2, 2), (2, 2), (3, 3), (2, 3), (3, 1), (2, 1)))
    m = [
        [Fraction(r.randint(-9, 20), r.choice((1, 1, 1, 2, 3))) for _ in range(columns)]
        for _ in range(rows)
    ]

    def write(m: Sequence[Sequence[Fraction]], kind: str = "pmatrix", again: bool = False) -> str:
        body = r" \\ ".join(" & ".join(_written(r, row) if again else map(tex, row)) for row in m)
        return rf"\begin{{{kind}}} {body} \end{{{kind}}}"

    nested = f"[{','.join('[' + ','.join(map(tex, row)) + ']' for row in m)}]"
    array = write(m, "array").replace("{array} ", "{array}{" + "c" * columns + "} ", 1)
    forms = [(write(m), "pmatrix"), (write(m, "bmatrix"), "bmatrix"),
             (write(m, again=True), "rewritten"), (rf"\left[{write(m, 'matrix')}\right]", "matrix"),
             (rf"\left({array}\right)", "array"), (f"A={write(m)}", "A ="),
             (write(m).replace(" ", ""), "no spaces"), (nested, "nested lists")]  # fmt: skip
    at, of = r.randrange(rows), r.randrange(columns)
    changed = [
        [v if (i, j) != (at, of) else r.choice(near(r, v))[0] for j, v in enumerate(row)]
        for i, row in enumerate(m)
    ]
    others = {"an entry": changed, "a row missing": m[1:], "turned over": m[::-1],
              "transposed": [list(c) for c in zip(*m, strict=True)],
              "signs": [[-v for v in row] for row in m], "a row more": [*m, m[0]]}  # fmt: skip
    misses = [(write(o), how) for how, o in others.items() if o != m and len(o) > 1] + [
        (write(changed, "bmatrix"), "an entry")
    ]
    misses += [
        (write(m, "vmatrix"), "a determinant"),
        (f"({', '.join(tex(v) for row in m for v in row)})", "a tuple"),
    ]
    return Made([write(m), write(m, "bmatrix")], forms, misses)
