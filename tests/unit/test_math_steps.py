"""The math_steps verifier against a table: (reference, completion, expected), and the metric.

`+` is correct, `-` wrong, `?` abstain. Attacks and near misses carry a `!` in front. Every `-` here
has the right final answer, but for the few under "the final answer decides".
"""

from __future__ import annotations

import builtins
from typing import Any

import pytest
from rlvr.verifiers import math, math_steps

from rlvr.data import Verdict
from rlvr.evaluate.evaluation import Record
from rlvr.evaluate.metrics import answered_right, lucky
from rlvr.maths import poly
from rlvr.maths.parse import parse
from rlvr.verify.verifier import LUCKY, Verify, case_problem

STATUS = {"+": "correct", "-": "wrong", "?": "abstain"}
VERIFY: Verify = math_steps.verify


def judge(reference: Any, completion: str, **options: Any) -> Verdict:
    return VERIFY(case_problem(reference), completion, **options)


FINAL = [
    ("46", "12 + 34 = 46\n#### 45", "-"), ("46", "", "-"), ("46", "I don't know.", "-"),
    ("46", "12 + 34 = 46\n\\boxed{45}\\boxed{46}", "!-"),
    ("nan", "1 + 1 = 2\n\\boxed{nan}", "?"), ("46", "46", "+"), ("46", "\\boxed{46}", "+"),
]  # fmt: skip

TABLE: dict[str, list[tuple[Any, str, str]]] = {
    "constants": [
        ("46", "12 + 34 = 46. The answer is 46.", "+"),
        ("46", "12 + 34 = 45, so the answer is 46.", "!-"),
        ("24", "12 + 3*4 = 12 + 12 = 24\n#### 24", "+"),
        ("24", "12 + 3*4 = 15*4 = 24\n#### 24", "!-"),
        ("14", "3+4=7*2=14\n#### 14", "!-"),  # the equals sign as "and then"
        ("10", "2 + 3 = 5 + 5 = 10\n#### 10", "!-"),
        ("12", "Then 3*4 = 12.", "+"), ("12", "Then 3 x 4 = 12.", "+"),
        ("12", "3 times 4 equals 12. The answer is 12.", "+"),
        ("12", "3 times 4 equals 13. The answer is 12.", "!-"),
        ("7", "2 < 3 and 3 + 4 = 7. The answer is 7.", "+"),
        ("7", "3 < 2 and 3 + 4 = 7. The answer is 7.", "!-"),
        ("7", "1 < 2 < 2 and 3 + 4 = 7. The answer is 7.", "!-"),
        ("5", "5/0 = 0, so it is 5", "!-"), ("5", "0/0 = 1, so it is 5", "!-"),
        ("2", r"$\sqrt{4} = 2$. The answer is $\boxed{2}$.", "+"),
        ("2", r"$\sqrt{4} = \pm 2$. The answer is $\boxed{2}$.", "+"),  # ± is read in lists alone
        ("3", r"$\sqrt{9 + 16} = \sqrt 9 + \sqrt 16 = 7$ and $7 - 4 = \boxed{3}$", "!-"),
        ("33.33", "100 / 3 = 33.33. The answer is 33.33.", "+"),
        ("33.33", "100 / 3 = 33.34. The answer is 33.33.", "!-"),
        ("3", "10 / 3 = 3. The answer is 3.", "!-"),
        ("3.14", "22/7 ≈ 3.14. The answer is 3.14.", "+"),
        ("3.14", "22/7 ≈ 3.5. The answer is 3.14.", "!-"),
        ("10", "20% of 50 = 10. The answer is 10.", "+"),
        ("10", "20% of 50 = 11. The answer is 10.", "!-"),
        ("25", "10/40 * 100 = 25%. The answer is 25.", "+"),
        ("1", "9^9^9^9 = 1, so it is 1", "!-"),
        ("1", "10^{10^{10}} = 10^{10^{11}}, so it is 1", "!-"),
        ("1", "2^{100} = 1267650600228229401496703205377. The answer is 1.", "!-"),
    ],
    "prose and units": [
        ("18", "She sells 16 - 3 - 4 = <<16-3-4=9>>9 eggs.\n9 * 2 = $<<9*2=18>>18.\n#### 18", "+"),
        ("18", "She sells 16 - 3 - 4 = <<16-3-4=8>>9 eggs.\n9 * 2 = $<<9*2=18>>18.\n#### 18", "!-"),
        ("18", "She sells 16 - 3 - 4 = 8 eggs.\n9 * 2 = $<<9*2=18>>18.\n#### 18", "!-"),
        ("18", "She sells <<16-3-4=8>>. She gets <<9*2=18>>.\n#### 18", "!-"),
        ("8", "5 apples + 3 apples = 8 apples. The answer is 8.", "+"),
        ("8", "5 apples + 3 apples = 9 apples. The answer is 8.", "!-"),
        ("60", "5 feet = 60 inches. The answer is 60.", "+"),
        ("6", "Half of 12 = 6. The answer is 6.", "+"),
        ("7", "The sum of 3 and 4 = 7. The answer is 7.", "+"),
        ("2", "17 mod 5 = 2. The answer is 2.", "+"),
        ("3", "7 / 2 = 3 remainder 1. The answer is 3.", "+"),
        ("12", "Each costs $3, so $3 * 4 = $12. The answer is 12.", "+"),
        ("12", "Each costs $3, so $3 * 4 = $13. The answer is 12.", "!-"),
        ("12", "Each costs \\$3, so \\$3 * 4 = \\$13. The answer is 12.", "!-"),
        ("30", r"\[ \frac{60 \text{ miles}}{2 \text{ hours}} = 30 \text{ mph} \] \boxed{30}", "+"),
        ("600", "3 bushes * 25 roses/bush = 75 roses\n75 roses * 8 = 600 thorns\n#### 600", "+"),
        ("4", "1. 3 + 1 = 4\n2. 4 - 0 = 4\n#### 4", "+"), ("4", "- 3 + 1 = 4\n#### 4", "+"),
        ("-2", "- 3 + 1 = -2\n#### -2", "+"), ("4", "- 3 + 1 = 5\n#### 4", "!-"),
        ("4", "2 + 2 = 5 is wrong; 2 + 2 = 4. The answer is 4.", "+"),
        ("4", "Is 2 + 2 = 5? No. The answer is 4.", "+"),
        ("4", "<think>2 + 2 = 5</think>2 + 2 = 4. The answer is 4.", "+"),
        ("4", "<think>2 + 2 = 4</think>2 + 2 = 5. The answer is 4.", "!-"),
        ("4", "[THINK]2 + 2 = 5[/THINK]2 + 2 = 4. The answer is 4.", "+"),
        ("4", "<reasoning>2 + 2 = 5</reasoning>2 + 2 = 4. The answer is 4.", "+"),
        ("9", "**Step 1:** 3^2 = 9\n**Step 2:** 9 + 0 = 9\n\nThe answer is **9**.", "+"),
        ("9", "**Step 1:** 3^2 = 6\n**Step 2:** 6 + 3 = 9\n\nThe answer is **9**.", "!-"),
    ],
    "rewriting": [
        ("24", "12 + 3*4\n= 12 + 12\n= 24\n#### 24", "+"),
        ("24", "12 + 3*4\n= 15*4\n= 24\n#### 24", "!-"),
        ("24", "12 + 3*4\n12 + 12\n24\n#### 24", "+"),
        ("24", "12 + 3*4\n15*4\n24\n#### 24", "!-"),
        (r"x^2+2x", r"\begin{align*}(x+1)^2 - 1 &= x^2 + 2x + 1 - 1 \\ &= x^2 + 2x\end{align*}"
         r"$\boxed{x^2+2x}$", "+"),
        (r"x^2+2x", r"\begin{align*}(x+1)^2 - 1 &= x^2 + 1 - 1 \\ &= x^2 + 2x\end{align*}"
         r"$\boxed{x^2+2x}$", "!-"),
        ("4x", "(x+1)^2 - (x-1)^2\n= (x^2 + 1) - (x^2 - 1)\n= 4x\n\\boxed{4x}", "!-"),
        ("4x", "(x+1)^2 - (x-1)^2 = (x^2 + 1) - (x^2 - 1) = 4x\n\\boxed{4x}", "!-"),
        ("14", r"$P = 2(l + w) = 2(3 + 4) = \boxed{14}$", "+"),
        ("14", r"$P = 2(l + w) = 2 \cdot 3 + 4 = \boxed{14}$", "!-"),
        ("13", r"$f(x) = x^2 + 3x - 5$, so $f(3) = 9 + 9 - 5 = \boxed{13}$", "+"),
        ("13", r"$f(x) = x^2 + 3x - 5$, so $f(3) = 6 + 9 - 5 = \boxed{13}$", "!-"),
        ("10", r"$\binom{5}{2} = \frac{5!}{2!3!} = \boxed{10}$", "+"),
        ("46", "12 + 34 = 46! \\boxed{46}", "+"), ("24", "4! = 24. \\boxed{24}", "+"),
        ("60", "x + 70 + 50 = 180, x = 180° - 120° = 60°. \\boxed{60}", "+"),
        ("5050", "1 + 2 + ... + 100 = 100*101/2 = 5050. \\boxed{5050}", "+"),
        ("10", r"$\binom{5}{2} = \frac{5!}{2!} = \boxed{10}$", "!-"),
        ("0", "x^2 - 1 = (x-1)(x+1), so x^2 - 1 - (x-1)(x+1) = 0. The answer is 0.", "+"),
        ("1", r"$\sin^2 x + \cos^2 x = \boxed{1}$", "+"),
    ],
    "equations in one variable": [
        ("2", "2x + 3 = 7\n2x = 4\nx = 2\n\\boxed{2}", "+"),
        ("2", "2x + 3 = 7\n2x = 10\nx = 2\n\\boxed{2}", "!-"),  # two errors that cancel
        ("2", "2x + 3 = 7 => 2x = 4 => x = 2\n\\boxed{2}", "+"),
        ("2", "2x + 3 = 7 => 2x = 10 => x = 2\n\\boxed{2}", "!-"),
        ("2", "5 - 2x = 1\n-2x = 4\nx = 2\n\\boxed{2}", "!-"),  # a sign slip that cancels
        ("2", r"\begin{align*} 2x + 3 &= 7 \\ 2x &= 4 \\ x &= 2 \end{align*} $\boxed{2}$", "+"),
        ("7", "Let $x = 5$. Then $x + 2 = 7$. \\boxed{7}", "+"),
        ("7", "Let $x = 5$. Then $x + 3 = 7$. \\boxed{7}", "!-"),
        ("10", "x = 5, so 2x = 10. The answer is 10.", "+"),
        ("9", "Let x = 5. Let x = 7. Then x + 2 = 9. \\boxed{9}", "!-"),
        ("9", "x = 5 and x = 7, so it is 9", "+"),  # a list of the values of x, none known
        ("3", "x^2 = 3x\nx = 3\n\\boxed{3}", "!-"),  # divided by zero, a root lost
        ("3", "x^2 = 3x\nx(x - 3) = 0\nx = 0 or x = 3\nx = 3\n\\boxed{3}", "+"),
        ("3", "x^2 = 3x\nx(x - 3) = 0\nx - 3 = 0\nx = 3\n\\boxed{3}", "!-"),
        ("3", "x^2 = 3x\nx = 0\nx = 3\n\\boxed{3}", "+"),  # cases, one by one
        ("3", "x^2 = 9. As the length is positive, x = 3. \\boxed{3}", "+"),
        ("3", "x^2 = 9 and x > 0\nx = 3\n\\boxed{3}", "+"),
        ("3", "x^2 = 3x\nx^2 = 3x\nx = 0 or x = 3. \\boxed{3}", "+"),
        ("3", "x^2 = 9\nx = 3\n\\boxed{3}", "!-"),
        ("3", "x^2 = 9\nx = \\pm 3\nx = 3\n\\boxed{3}", "+"),
        ("3", "x^2 = 9\nx = 3 or x = -4\n\\boxed{3}", "!-"),
        ("3", "x^2 - 5x + 6 = 0\n(x-2)(x-3) = 0\nx = 2 or x = 3\n\\boxed{3}", "+"),
        ("3", "x^2 - 5x + 6 = 0\n(x-1)(x-6) = 0\nx = 2 or x = 3\n\\boxed{3}", "!-"),
        ("3", "x^2 - 5x + 6 = 0\n(x+2)(x+3) = 0\nx = 2 or x = 3\n\\boxed{3}", "!-"),
        ("6", "\\sqrt{x+3} = x - 3\nx + 3 = (x-3)^2\nx = 1 or x = 6\nx = 6\n\\boxed{6}", "+"),
        ("6", "\\sqrt{x+3} = x - 3\nx + 3 = (x-3)^2\nx = 1 or x = 6\n\\boxed{6}", "!-"),
        ("4", "\\sqrt{x} = -2\nx = 4\n\\boxed{4}", "!-"),
        ("3", "(x^2-9)/(x-3) = 6\nx + 3 = 6\nx = 3\n\\boxed{3}", "!-"),  # 0/0 at the solution
        ("1", "x^3 = 1\nx = 1\n\\boxed{1}", "+"),
        (r"\sqrt{2}", r"$x^2 = 2$, $x = \sqrt{2}$ or $x = -\sqrt 2$. \boxed{\sqrt{2}}", "+"),
        (r"\sqrt{2}", r"$x^2 = 2$, $x = \sqrt{2}$ or $x = -\sqrt 3$. \boxed{\sqrt{2}}", "!-"),
        ("1.41", "x^2 = 2, so x = 1.41 or x = -1.41. \\boxed{1.41}", "+"),
        ("3", "2^x = 8, so x = 3. \\boxed{3}", "+"), ("3", "2^x = 9, so x = 3. \\boxed{3}", "!-"),
        ("1", "x + 1 = x\nx = 1\n\\boxed{1}", "!-"), ("2", "x = x\nx = 2\n\\boxed{2}", "+"),
        ("2", "If x = 1, x + 1 = 2. If x = 2, x + 1 = 3. The answer is 2.", "+"),
        ("3", "n = 1: n^2 = 1\nn = 2: n^2 = 4\nSo it is 3", "+"),
        ("3", "n = 1: n^2 = 1\nn = 2: n^2 = 5\nSo it is 3", "!-"),
        ("3", "-2x < 6\nx > -3\n\\boxed{3}", "+"), ("3", "-2x < 6\nx < -3\n\\boxed{3}", "!-"),
    ],
    "several variables": [
        ("6", "x + y = 10 and x - y = 2\n2x = 12\nx = 6\n\\boxed{6}", "+"),
        ("6", "x + y = 10 and x - y = 2\n2x = 14\nx = 6\n\\boxed{6}", "!-"),
        ("6", "x + y = 10 and x - y = 2\nx = 6\ny = 5\n\\boxed{6}", "!-"),
        ("6", "x + y = 10 => y = 10 - x\n\\boxed{6}", "+"),
        ("6", "x + y = 10 => y = 10 + x\n\\boxed{6}", "!-"),
        ("6", "y = 2x\nx + y = 9\n3x = 9\nx = 3\ny = 6\n\\boxed{6}", "+"),
        ("6", "y = 2x\nx + y = 9\n2x = 9\nx = 3\ny = 6\n\\boxed{6}", "!-"),
        ("3", "x + y = 5, xy = 6\nx(5 - x) = 6\nx^2 - 5x + 6 = 0\nx = 2 or x = 3\n\\boxed{3}", "+"),
        ("3", "x + y = 5, xy = 6\nx(5 + x) = 6\nx^2 - 5x + 6 = 0\nx = 2\n\\boxed{3}", "!-"),
        ("2", "a = b\na^2 = ab\na^2 - b^2 = ab - b^2\n(a+b)(a-b) = b(a-b)\na + b = b\n2b = b\n"
         "2 = 1\n\\boxed{2}", "!-"),
        ("5", r"$AC^2 = AB^2 + BC^2 = 9 + 16 = 25$, so $AC = 5$. \boxed{5}", "+"),
        ("5", r"$AC^2 = AB^2 + BC^2 = 9 + 14 = 25$, so $AC = 5$. \boxed{5}", "!-"),
    ],
    "hostile": [
        ("1", '__import__("os").system("false") = 1\n\\boxed{1}', "!+"),  # prose
        ("1", "eval(2) = exec(3) = 1\n\\boxed{1}", "!+"),
        ("1", "(" * 150 + "1" + ")" * 150 + " = 2\n\\boxed{1}", "!+"),  # deeper than is read
        ("1", "5^{5^{5^{5^{5}}}} = 7\n\\boxed{1}", "!-"), ("1", "((9!)!)! = 7\n\\boxed{1}", "!-"),
        ("1", "(x+1)^{1000000} = 0\n\\boxed{1}", "!+"),  # can't be decided
        ("1", "\n".join(f"x_{k} = x_{k - 1} * x_{k - 1}" for k in range(1, 60)) + "\n\\boxed{1}",
         "!+"),
        ("1", "\\(" * 15_000 + "\n\\boxed{1}", "!+"), ("1", "$" * 30_001 + "\n\\boxed{1}", "!+"),
        ("1", "12 \\in 2 a_1\n\\boxed{1}", "!+"),
        ("1", "i! ≈ 3\n\\boxed{1}", "!-"),
        ("1", "= = = 1\n\\boxed{1}", "!+"), ("1", "\ue000\ue001 2 + 2 = 5\n\\boxed{1}", "!-"),
        ("1", "<<" * 10_000 + "\n\\boxed{1}", "!+"), ("1", "2+2=5\r\n\\boxed{1}", "!-"),
    ],
}  # fmt: skip
CASES = [case for table in TABLE.values() for case in table] + FINAL


@pytest.mark.parametrize("kind", TABLE)
def test_table(kind: str) -> None:
    failures = []
    for reference, completion, expected in TABLE[kind]:
        verdict = judge(reference, completion)
        if verdict.status != STATUS[expected.lstrip("!")]:
            failures.append((reference, completion[:120], expected, verdict))
        elif verdict.status == "wrong" and not verdict.reason.startswith(f"{LUCKY}: line "):
            failures.append((reference, completion[:120], expected, verdict))
    assert not failures, "\n".join(map(str, failures))


@pytest.mark.parametrize(("reference", "completion", "expected"), FINAL)
def test_the_final_answer_decides(reference: str, completion: str, expected: str) -> None:
    verdict = judge(reference, completion)
    assert verdict.status == STATUS[expected.lstrip("!")]
    assert verdict == math.verify(case_problem(reference), completion)


def test_the_table_is_large_and_hostile() -> None:
    assert len(CASES) >= 80
    assert sum(expected.startswith("!") for _, _, expected in CASES) >= 30


def test_a_reason_names_the_line() -> None:
    verdict = judge("46", "I add.\n\n12 + 33 = 46\n#### 46")
    assert verdict.reason == f"{LUCKY}: line 3, '12 + 33 = 46': the two sides are different numbers"
    assert verdict.extracted == "46"


@pytest.mark.parametrize(
    ("completion", "held"),
    [("46", 0), ("12 + 34 = 46", 1), ("46 = 46", 0), ("x = 46", 0), ("12+34\n=23+23\n=46", 2)],
)
def test_minimum(completion: str, held: int) -> None:
    text = f"{completion}\n\\boxed{{46}}"
    assert judge("46", text, minimum=held).status == "correct"
    verdict = judge("46", text, minimum=held + 1)
    assert verdict.status == "wrong"
    assert verdict.reason == f"too little work: {held} of {held + 1} steps"


@pytest.mark.parametrize(
    "work",
    ["1 + 1 = 2\n" * 10_000, "1 + 1 = 2. " * 2_000, "1+" * 2_000 + "1 = 2001\n", "x" * 400_000],
)
def test_nobody_buys_an_abstain_with_much_work(work: str) -> None:
    verdict = judge("1", work + "\n\\boxed{1}")
    assert verdict.status == "wrong"
    assert verdict.reason.startswith("work too long to check")


def test_undecided() -> None:
    text = "(x+1)^{1000000} = 0\n\\boxed{1}"
    assert judge("1", text).status == "correct"
    assert judge("1", text, undecided="wrong").status == "wrong"
    assert judge("1", "2+2=5\n" + text, undecided="wrong").status == "wrong"
    with pytest.raises(ValueError, match="skip nor wrong"):
        judge("1", text, undecided="no")


def test_options_of_math_are_passed_on() -> None:
    assert judge("46", "12+34=46\n\\boxed{12+34}").status == "wrong"
    assert judge("46", "12+34=46\n\\boxed{12+34}", arithmetic="accepted").status == "correct"


def test_model_text_never_reaches_the_evaluator(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def spy(original: Any) -> Any:
        def call(source: Any, *args: Any, **kwargs: Any) -> Any:
            if isinstance(source, (str, bytes)):
                seen.append(repr(source)[:200])
            return original(source, *args, **kwargs)

        return call

    judge("xy=1", r"\boxed{y=\frac1x}")  # sympy's own import evaluates text of its own
    with monkeypatch.context() as patch:
        for name in ("eval", "exec", "compile"):
            patch.setattr(builtins, name, spy(getattr(builtins, name)))
        for reference, completion, _ in CASES:
            judge(reference, completion)
    assert not seen


def test_an_ordinary_completion_of_several_lines_is_read() -> None:
    text = "She sells 16 - 3 - 4 = <<16-3-4=9>>9 eggs, 9 * 2 = $<<9*2=18>>18 a day.\n" * 4
    for k in range(20):
        assert judge("18", f"{text}So 2x + {k} = 36 + {k}, x = 18.\n#### 18").status == "correct"


@pytest.mark.parametrize(
    ("text", "count"),
    [("x^2-2", 2), ("x^2+1", 0), ("(x-1)^5", 1), ("x^5-x", 3), ("(x-1)(x-2)(x-3)(x^2+x+1)", 3)],
)
def test_real_roots_are_counted(text: str, count: int) -> None:
    found = poly.equation(parse(text), "x")
    assert found is not None
    assert poly.count(found) == count


def record(status: str, reason: str = "") -> Record:
    return Record("p", "easy", "sample", 0, "", 1, (7,), -1.0, False, status, reason, None)


def test_lucky_is_a_share_of_the_right_final_answers() -> None:
    luck = record("wrong", f"{LUCKY}: line 1, '2+2=5': the two sides are different numbers")
    others = [record("wrong", "not the reference"), record("abstain"), record("error")]
    (row,) = lucky([luck, *[record("correct")] * 3, *others])
    assert row == {"metric": "lucky", "level": "all", "value": 0.25, "n": 4}
    (row,) = answered_right([luck, *[record("correct")] * 3, *others])
    decided = 4 + sum(one.status == "wrong" for one in others)
    assert row == {"metric": "right_answer", "level": "all", "value": 4 / decided, "n": decided}
    assert lucky(others) == []
    assert lucky([record("correct")])[0]["value"] == 0.0
    assert lucky([Verdict("wrong", LUCKY)], "train_lucky")[0]["metric"] == "train_lucky"
