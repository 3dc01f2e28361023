"""What a text states as its answer: (reference, completion), of which the answer is the reference.

`STATES` holds texts that state the reference, `STATES_NOT` texts that hold it and don't state it:
they deny, suppose, hedge, ask, qualify or take it back, give two, or end in the midst.
"""

from __future__ import annotations

import pytest
from rlvr.verifiers import math

from rlvr.data import Verdict
from rlvr.verify.verifier import Verify, case_problem

VERIFY: Verify = math.verify


def judge(reference: str, completion: str, **options: str) -> Verdict:
    return VERIFY(case_problem(reference), completion, **options)


STATES: dict[str, list[tuple[str, str]]] = {
    "labels": [
        ("24", "A: 24"), ("24", "8 * 3 = <<8*3=24>>24 pens\nA: 24"), ("24", "A: 24 pens"),
        ("24", "A: $24"), ("24", "Ans: 24"), ("24", "Result: 24"), ("2.5", "Solution: 2.5"),
        ("24", "Final Answer: The smallest $k$ is 24"),
        ("24", "**Final Answer:** The number of pens is $24$."),
        ("24", "#### Step 1\n4 + 20 = 24\n#### Summary\nThe answer is 24."),
        ("24", "#### Step 1: multiply\n8 * 3 = 24\n#### Step 2\nSo it is 24."), ("24", "#### 24\n"),
        ("24", "#### **24 pens**\n\n"), ("D", "D: 24"),
    ],
    "sentences": [
        ("24", "I believe the answer is 24."), ("24", "I think that the answer is 24."),
        ("24", "The answer must be 24."), ("24", "The answer comes out to be 24."),
        ("24", "I first thought of 20, but the answer is 24."),
        ("24", "The answer is 24 pens in the drawer."), ("24", "No, the answer is 24."),
        ("24", "The answer is 24, because 8 times 3 can't be wrong."),
        ("24", "The answer is 24.\n\nTherefore, the final answer is 24."),
        ("1/6", "So the probability is 1/6 that it shows a two."),
        ("24", "Therefore, she has 24 euros, which is enough."), ("24", "He has $24 left over."),
        ("24", "It will take 24 days to build the wall."), ("24", "There are 24 pens left."),
        ("24", "There are 24 pens left. I hope this helps!"), ("24", "Hence y = 24"),
        ("24", "Since none was lost, there are 24."), ("24", "Thus the least value is $24$."),
        ("24", "The maximum is $24$, attained at $t=3$."),
        ("24", "The largest area is 24 when x = 2."), ("E", "Therefore, option E is correct."),
        ("E", "Option A is too small, so choice E is right."),
        ("24", "If the pens are all blue, he has 24."),
    ],
    "conclusions of more than a number": [
        ("3, -5", "$(x-3)(x+5) = 0$, so $x = 3$ or $x = -5$."),
        ("(4, 1)", "Adding them gives $2x = 8$. Therefore $x = 4$ and $y = 1$."),
        ("6, 7", "6 * 7 = 42, so the two numbers are 6 and 7."),
        (r"(-\infty, -2) \cup (5, \infty)", "Hence $(x-5)(x+2) > 0$ when **x < -2 or x > 5**."),
        (r"[7, \infty)", "So the domain is all real numbers greater than or equal to 7."),
        (r"\mathbb{R} \setminus \{4\}", "Thus x - 4 != 0: all real numbers except 4."),
        (r"\{(1,5),(5,1)\}", "Thus $(x,y) = (1,5)$ or $(x,y) = (5,1)$."),
        (r"\emptyset", "No number is below 2 and above 9, so the set is the empty set."),
        ("y = 5x + 1", "We obtain 5x - y + 1 = 0."), ("a < b < c", "Hence $c > b > a$."),
        ("4:5", "The ratio of cats to dogs is 4 to 5."),
        (r"\cos^2 x", "It simplifies to $1-\\sin^2 x$."),
        ("6", "Substituting back: 9 is no root, so only x = 6 remains."),
        ("24", "We discard $p=-4$ and get $p = 24$."), ("0.24", "Thus P(A) = 0.24."),
        ("4", r"$$3^{2020} \equiv 3^4 \equiv 4 \pmod{7}.$$"),
        ("B", "It is a line, which is option B."),
        ("DNE", "The two sides differ. Since they do, the limit does not exist."),
        (r"x^4 + C", r"Hence $\int 4x^3 dx = x^4 + c$."),
    ],
    "numbers in words": [
        ("17", "There are seventeen primes less than 60."), ("0", "None works, so there are zero."),
        ("1250", "Adding 900 + 350, she spends one thousand two hundred and fifty a month."),
        ("3", "He has 2 of 5 boxes, so he needs three more boxes."),
        ("4 1/2", "Each gets 4 1/2 pies."),
        ("2/3", "所以概率是三分之二。"), ("12000", "一年12个月，共节约一万二千元。"),
        ("25\\%", "所以增长了百分之二十五。"),
    ],
    "of how many": [
        ("60\\%", "12 out of 20 is 60%."), ("30", "10 pages in 3 days is 30 pages."),
        ("24", "So 6 pens at $4 each cost $24."), ("20", "He earns $20, since he works two hours."),
        ("5", "So 2x = 10, x = 5."), ("16", "The total is 5 + 3 = 8, and 8 * 2 = 16."),
        ("15", "Therefore, 15 of the 40 pupils sing."),
        ("6", "So he gives 6 of his 24 cards away."),
        ("18", "She sells 4 + 5 = 9 eggs a day and makes 9 * 2 = $18 every day at the market."),
        ("3600", "60 × 60 = 3,600 seconds in 1 hour."), ("24", "Total cost = 20 + 4 = 24"),
        ("24", r"$\text{Area} = 3 \times 8 = 24$"), ("24", "He eats 2. 26 - 2 = 24."),
        ("24", "So the area is equal to 24."),
    ],
    "Chinese": [
        (r"x_1=0, x_2=4", "所以方程的解为 $x=0$ 或 $x=4$。"),
        ("无解", "$x=2$ 是增根，因此原方程无解。"),
        ("等腰三角形", "由 $a=b$ 可知，△ABC是等腰三角形。"),
        ("①③", "①正确；②错误；③正确。所以正确的是①③。"),
        (r"x \leq 1 \text{ 或 } x \geq 2", r"解集为 $\{x \mid x \leq 1 \text{ 或 } x \geq 2\}$。"),
        ("ABD", "对于C，错误．故选：ABD．"),
    ],
    "sums at the end": [
        ("30000", "So the gain is $90,000 - $60,000 = $30,000"), ("24", "He pays 8 * $3 = $24."),
        ("24", "In total: $20 + $4 = **$24**"), ("24", "15 pens + 9 pens = 24 pens."),
        ("24", "So she has 15 + 9 = 24 pens left."), ("0.5", "That makes 4 / 8 = 0.5"),
    ],
    "boxes": [
        ("24", "There is no smaller one, so the answer is \\boxed{24}."),
        ("24", "The number of rows in which no two pens touch is \\boxed{24}."),
        ("24", "One needs at least \\boxed{24} pens."),
        ("24", "If we add both, we get \\boxed{24}."),
        ("24", "Let $p$ be the price. Then $p=\\boxed{24}$."),
        ("24", "Assume $n$ is odd. Then $n = \\boxed{24}$"), ("24", "\\boxed{24}, not \\boxed{42}"),
        ("24", "It isn't \\boxed{20}. The answer is 24."),
        ("24", "\\boxed{24}. Let me verify: 8*3=24."),
        ("24", "\\boxed{24}\n\nI hope that this is correct."),
        ("24", "\\boxed{24}. Wait, let me check this: 8*3=24. Yes, it is correct."),
    ],
    "corrections": [
        ("24", "\\boxed{20}. Hmm, I slipped. The answer is 24."),
        ("24", "\\boxed{20}\n\nLet me recompute that... So the answer is **24**."),
        ("24", "\\boxed{20}. I have to correct myself: \\boxed{24}"),
        ("24", "\\boxed{20}, but this overlooked four pens: \\boxed{24}"),
        ("24", "The answer is 20. No, wait: it is 24."),
        ("24", "The answer is 20. On second thought, the answer is 24."),
        ("24", "\\boxed{20} is wrong. Scratch that, we have 24."),
    ],
    "lists": [
        ("4,9", "x=\\boxed{4} or x=\\boxed{9}"), ("4,9", "\\boxed{4} and \\boxed{9}"),
        ("4,9", "$\\boxed{4}$, $\\boxed{9}$"), ("4,9", "$\\boxed{4}$ \\text{ and } $\\boxed{9}$"),
        ("4,9,16", "\\boxed{4}, \\boxed{9}, and \\boxed{16}"),
        ("(4,9)", "x = \\boxed{4} and y = \\boxed{9}"),
        ("(4,9),(9,4)", "\\boxed{(4,9)} or \\boxed{(9,4)}"), ("4", "\\boxed{4} and \\boxed{4.0}"),
    ],
    "words": [
        ("Yes", "Yes, since 8 is even."), ("No", "No, because 9 is odd."),
        ("Yes", "The answer is yes, because 8 is even."),
        ("False", "Hence the claim is **false**."),
        ("Yes", "<answer>Yes, it is divisible by 11, as 22 is.</answer>"), ("odd", "So it is odd."),
    ],
    "times and other units": [
        ("4:15 PM", "So the film ends at 4:15 p.m."),
        ("2.5 hours", "So it takes **2 hours 30 minutes**."),
        ("1400", "La salle a donc **1 400 places**."),
        ("4.5", "Respuesta: cada bolsa pesa 4,5 kg."),
        ("1400", "Antwort: Die Zinsen betragen 1.400 €."),
        ("1400.5", "Resposta final: R$ 1.400,50"),
        ("\\frac{\\pi}{6}", "So the integral is π/6 (≈ 0.5236)."), ("24", "She has $24. 🎉"),
        ("24", "She has 24 pens. Let me know if you want to see the steps!"),
    ],
    "after a blank line": [
        ("24", "The answer is:\n\n24"), ("24", "The final answer is:\n\n$$24$$"),
        ("24", "The final answer is:\n\n**24**"), ("D", "The correct answer is:\n\n**D**"),
    ],
    "words that only look like doubts": [
        ("24", "She sold 20+4 = 24 pens in April and May."), ("24", "In May he earned $24."),
        ("24", "He needs to sell 24 more pens."), ("24", "The pupils who do not sing are 24."),
        ("24", "Without the tax the cost is $24."), ("24", "The test has 24 questions."),
        ("24", "Each child gets 24 pens with none left over."),
        ("24", "\\boxed{24}\n\nLet me know if you see a mistake!"),
        ("24", "\\boxed{24}\n\nAlternatively, count by rows: 24."),
        ("24", "\\boxed{24}, or equivalently, $2^3\\cdot 3$."),
        ("24", "The answer is 24.\n\nActually, one can also show this by symmetry."),
        ("D", "The answer is D. A is wrong."),
        ("D", "Answer: D\n\nOption B is incorrect: it is too small."),
    ],
    "choices": [
        ("D", "D is the correct answer."), ("D", "Answer: D (3 kg)"), ("D", "Answer: D, 3 kg"),
        ("D", "The correct answer is option D: 3 kg."), ("D", "It's D."), ("D", "故选：D"),
    ],
    "ends": [
        ("24", "- May: 20\n- June: 4\n- Total: 24"),
        ("24", "She sold 24 pens (20 in May and 4 in June)."),
        ("4,9", "The solutions are $x=4$ and $x=9$."), ("4,9", "The solutions are 4 and 9."),
        ("x>4", "The solution is x > 4."), ("24", "Answer: 24 ✅"), ("24", "{\"answer\": 24}"),
        ("3:7", "The ratio is 3:7."), ("circle", "It is a circle."),
    ],
    "boxes beside each other": [
        ("(2,3)", "\\[ a = \\boxed{2} \\qquad b = \\boxed{3} \\]"),
        ("2,3", "$$x_1 = \\boxed{2} \\quad x_2 = \\boxed{3}$$"),
    ],
    "boxes that stand by themselves": [
        ("11_2", "\\boxed{11}_2"), ("40", "\\boxed{40}^\\circ"), ("24", "\\boxed{= 24}"),
        ("24", "- \\boxed{24}"), ("24", "\\boxed{24 \\checkmark}"),
        ("24", "The answer - \\boxed{24}"), ("24", "**\\boxed{24}**"),
        ("3", "Then $N \\equiv \\boxed{3} \\pmod 5$."),
        ("24", "\\boxed{24}\n\nSo each of 4 pupils is given some."),
    ],
    "languages": [
        ("24", "答案是24。"), ("24", "最终答案：24"), ("24", "所以，答案为 24。"),
        ("24", "答えは24です。"),
        ("24", "정답은 24입니다."), ("24", "Die Antwort ist 24."), ("24", "Die Antwort lautet: 24"),
        ("24", "La réponse est 24."), ("24", "La respuesta es 24."), ("24", "A resposta é 24."),
        ("24", "La risposta è 24."), ("24", "Ответ: 24"),
    ],
    "markup": [
        ("24", "[THINK]Is it \\boxed{20}?[/THINK]It is \\boxed{24}."),
        ("24", "<seed:think>\\boxed{20}?</seed:think>The answer is 24."),
        ("24", "<|START_THINKING|>20?<|END_THINKING|><|START_RESPONSE|>24<|END_RESPONSE|>"),
        ("24", "<|channel|>analysis<|message|>20?<|end|><|start|>assistant<|channel|>final"
               "<|message|>The answer is 24.<|return|>"),
    ],
}  # fmt: skip
STATES_NOT: dict[str, list[tuple[str, str]]] = {
    "what an attack found": [
        ("4", "The perimeter of the square is $P = 4 s$."), ("9.8", "\\boxed{a = 9.8 g}"),
        ("3000000 kg", "So the value is 3 million grams."), ("3", "x = 3 million"),
        ("3000000", "So he spent half of the 3 million."),
        ("3000000", "So the value is 3 million or four million."),
        ("Tuesday", "I don't know which day it is. Just a placeholder:\nTuesday"),
        ("no solution", "Wrong attempt:\nSo the system of equations has no solution."),
    ],
    "conclusions of more than a number": [
        ("(2,3)", "The interval is [2,3] or it is (2,3)."), ("x>4", "This is false: x > 4."),
        ("x>4", "If n is odd, we get x > 4."), ("1,2", "The rejected values are 1 and 2."),
        ("x+7", "Twice the answer is x + 7."), ("x>4", "求证：x>4。"),
        ("24", "It is 9 or it is 24."),
        ("24", "It is wrong to add and get 24."), ("24", "Using the wrong rule, we get 24."),
        ("24", r"So $\text{Area} \le 24$."), ("24", r"So $\text{Area} = 3 \cdot 24$."),
        ("24", r"So $\text{Half of }x = 24$."), ("B", "It is not 24, which is option B."),
        ("菱形", "所以它是矩形或菱形。"), ("直角三角形", "\\boxed{等腰直角三角形}"),
        ("菱形", "我猜它是菱形。"),
        ("①③", "我猜是①③。"), ("①③", "\\boxed{5} 所以是①③。"), ("5", "至少有五个。"),
        ("DNE", "The answer is 5, others do not exist"), ("5", "Maybe, there are five apples."),
        ("5", "So the probability is five out of six."),
        ("5", "There are four, or there are five."),
        ("3", "$(x-3)(x+5) = 0$, so $x = 3$ or $x = -5$."),
        ("(1, 4)", "Therefore $x = 4$ and $y = 1$."),
        ("40", "Therefore, 15 of the 40 pupils sing."),
        ("24", "So he gives 6 of his 24 cards away."),
        ("3, 5", "Suppose $x = 3$ or $x = 5$."), ("3, 5", "Perhaps the numbers are 3 and 5."),
        ("3, 5", "It is not true that the numbers are 3 and 5."),
        (r"\emptyset", "It is false that the set is the empty set."),
        ("3", "It has three or more roots."),
        (r"\mathbb{R} \setminus \{4\}", "So the domain is all real numbers except 5."),
        ("DNE", "It is false that the limit does not exist."), ("①③", "所以错误的是①③。"),
        ("无解", "不能说原方程无解。"), ("2/3", "所以概率不是三分之二。"), ("24", "-\\boxed{24}"),
        ("24", "The answer is -\\boxed{24}."), ("24", "\\boxed{24} - 1"), ("24", "1\\boxed{24}"),
        ("24", "Total cost = 20 + 5 = 24"), (r"x^4 + C", r"Hence $\int 4x^3 dx = x^4$."),
    ],
    "words": [
        ("Yes", "I doubt that it is yes"), ("Yes", "Yes and no."), ("Yes", "Yes, or no"),
        ("False", "It is not so that the claim is false."),
        ("True", "Hence the claim is not true."),
        ("Yes", "No, it is not true that the answer is yes"), ("Yes", "Maybe yes."),
    ],
    "sides that are not close": [
        ("7", "\\boxed{7 \\approx 9}"), ("9", "\\boxed{7 \\approx 9}"),
        ("\\sqrt{3}", "\\boxed{\\sqrt3 \\approx 1.8}"),
    ],
    "torn out": [
        ("30 minutes", "So it takes 2 hours 30 minutes."), ("1.4", "Antwort: 1.400 €"),
        ("25", "La respuesta es 2,5"), ("-24", "How many pens are there?\n\n- 24"),
        ("24", "If you tell me more (for example, that 24 pens are red), I can help."),
        ("4", "So the film ends at 4:15 p.m."), ("400", "Il y a 1 400 places."),
    ],
    "boxes in larger expressions": [
        ("24", "$x = -\\boxed{24}$"), ("24", "$\\boxed{24}\\pi$ square units"),
        ("3", "$\\boxed{3}\\sqrt{2}$"), ("24", "\\boxed{24},000"), ("24", "\\boxed{24}.5"),
        ("24", "\\boxed{24}\\frac{1}{3}"), ("5", "\\boxed{5}:30"), ("24", "\\frac{\\boxed{24}}{7}"),
        ("24", "\\frac{1}{\\boxed{24}}"), ("24", "10^{\\boxed{24}}"), ("24", "(1,\\boxed{24})"),
        ("24", "\\boxed{24}/7"), ("24", "$\\boxed{24} \\times 10^2$"),
        ("24", "half of \\boxed{24}"), ("5", "\\boxed{5} feet 3 inches"),
        ("24", "\\boxed{24} \\pm 1"), ("24", "\\boxed{24} to 30"),
        ("24", "\\boxed{24}\\text{ or }30"),
    ],
    "another conclusion after it": [
        ("24", "\\boxed{24}\n\nHowever, they ask for a+b, which is 20."),
        ("24", "\\boxed{24}\n\n**20**"),
        ("24", "\\boxed{24}\n\nSo in total she pays 18 + 2 = **20** euros."),
        ("24", "\\boxed{24}\n\nSo y = 20."),
        ("24", "\\boxed{24}\n\nBut this does not solve the equation."),
        ("24", "\\boxed{24}\n\n#### 20"), ("24", "\\boxed{24}\n\nNope, 20."),
        ("24", "\\boxed{24}\n\nThis is only a placeholder."), ("24", "<answer>24</answer> No, 20."),
        ("24", "\\boxed{24} is an upper bound; the value is 20."),
    ],
    "numbers of something larger": [
        ("7", "The ratio is 3:7."), ("30", "The room is 20 x 30 feet."),
        ("30", "It is 7 out of 30."), ("30", "The chance is 1 in 30."),
        ("30", "That is 20% of 30."), ("7", "He is 5 feet 7 inches tall."),
        ("4", "It is 110 in base 4."), ("24", "The answer is 24 in thousands."),
        ("24", "Step 1: 24"), ("24", "The answer is 24 as a lower bound"),
        ("24", "The answer is near 24"),
    ],
    "words that go on": [
        ("Ben", "\\boxed{Ben, Ann}"), ("yes", "Yes, but only for odd n"),
        ("yes", "Yes, if n is odd"), ("Monday", "\\boxed{Monday - Friday}"),
    ],
    "denied": [
        ("24", "The answer is not \\boxed{24}."), ("24", "I don't think \\boxed{24} is right."),
        ("24", "\\boxed{24}? No."), ("24", "\\boxed{24} is not correct, so nothing works."),
        ("24", "I doubt that the answer is 24."), ("24", "The incorrect answer is 24."),
        ("24", "It isn't true that the answer is 24."), ("24", "Hence y ≠ 24"),
        ("24", "Hence y is never 24."), ("24", "Therefore $y \\neq 24$."),
        ("24", "So y cannot be 24."), ("24", "There is no root with y = 24"),
        ("24", "This contradicts y = 24."), ("24", "Thus $y = 24$ is impossible."),
        ("24", "$$24$$ is not what was asked."),
        ("24", "It is out of the question that it is not 24."), ("E", "Option E is not correct."),
        ("24", "答案不是24"),
        ("24", "Die Antwort ist nicht 24."), ("24", "La réponse n'est pas 24."),
        ("24", "La respuesta no es 24."), ("24", "It is false that there are 24 pens."),
    ],
    "supposed": [
        ("24", "If the answer is 24, then y is even, but it is odd."),
        ("24", "Suppose \\boxed{24}"), ("24", "Suppose y = 24"), ("24", "Let us try y = 24."),
        ("24", "Assume that there are 24 pens."),
        ("24", "If \\boxed{24} were the answer, y would be odd."),
        ("24", "We check whether the answer is 24."), ("24", "Imagine that the answer is 24."),
    ],
    "hedged": [
        ("24", "It could be 20 or it could be 24"), ("24", "The answer is 24 or 20."),
        ("24", "The answer could be 24."), ("24", "the answer is probably 24"),
        ("24", "Maybe \\boxed{24}"), ("24", "The answer is 24, I guess."),
        ("24", "The answer is 24, maybe."), ("24", "Answer: perhaps 24"),
        ("24", "Perhaps it is 24."), ("24", "It might be that the answer is 24."),
        ("24", "A: 20 or 24"), ("24", "There are 24 pens. But I may be wrong."),
        ("24", "A: 20\nB: 24"), ("24", "A: 24\nB: 20"),
    ],
    "asked": [
        ("24", "Is the answer 24? No."), ("24", "Is the answer 24?"), ("24", "Is it 24?"),
        ("24", "Answer: 24?"),
    ],
    "qualified": [
        ("24", "The answer is 24 squared."), ("24", "The answer is 24 factorial."),
        ("24", "The answer is 24 or more"), ("24", "The answer is 24 and a half."),
        ("24", "The answer is 24 at most."), ("24", "\\boxed{24} or more"),
        ("24", "The answer is 24 million euros in all."), ("24", "The answer is at least 24."),
        ("24", "The answer is more than 24."), ("24", "The final answer is \\boxed{24} squared."),
        ("24", "The answer is 24 of 25."), ("24", "The answer is 24 plus a few."),
        ("24", "approximately 24"), ("24", "The answer is 24 thousand."),
        ("3", "The maximum is $24$, attained at $t=3$."),
    ],
    "taken back": [
        ("24", "\\boxed{24} is wrong."), ("24", "\\boxed{24}. Wait, that can't be right."),
        ("24", "\\boxed{24}. Hmm, I slipped. The answer is 20."),
        ("24", "\\boxed{24}. The answer is 20."),
        ("24", "\\boxed{24}\n\nLet me recompute that... So the answer is **20**."),
        ("24", "The answer is 24. Wait, no, I misread it."),
        ("24", "The answer is 24, but that is wrong."),
        ("24", "The answer is 24, which is incorrect."),
        ("24", "\\boxed{24}. Just kidding, I don't know."),
        ("24", "\\boxed{24}. Oops, I forgot the last row, and"),
        ("24", "#### 24\nOn second thought, it is 20."),
    ],
    "in the midst": [
        ("24", "So 2y = 24"), ("24", "So 3 + y = 24."), ("24", "Hence y^2 = 24"),
        ("24", "Thus $y + 1 = 24$."), ("24", "She has 24 pens. Next, we have to subtract"),
        ("24", "we have 24 pens, but now we must"),
        ("24", "Twice the price is 24, so we write 2p = 24"), ("24", "First we get 24"),
        ("24", "we divide it by 24"), ("24", "the sum of 20 and 24"), ("24", "Then he buys 24"),
        ("24", "In total: $20 + $3 = $24"), ("24", "So she has 15 + 8 = 24 pens left."),
        ("24", "1. Write down 24"), ("24", "\\boxed{24"),
    ],
    "lists": [
        ("4", "x=\\boxed{4} or x=\\boxed{9}"), ("9", "\\boxed{4} and \\boxed{9}"),
        ("4,9", "\\boxed{4}, \\boxed{9}, and \\boxed{16}"),
        ("(4,9)", "x = \\boxed{9} and y = \\boxed{4}"), ("4,9", "\\boxed{4} \\boxed{9}"),
        ("4,9", "\\boxed{4}. Then we find that it is \\boxed{9}"),
    ],
    "markup": [
        ("24", "[THINK]It is \\boxed{24}. Let me check"), ("24", "<seed:think>\\boxed{24}"),
        ("24", "<analysis>The answer is 24."), ("24", "<|channel|>analysis<|message|>\\boxed{24}"),
        ("24", "<|START_THINKING|>24<|END_THINKING|>I can't say."),
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", STATES)
def test_what_is_stated_counts(kind: str) -> None:
    missed = [(row, judge(*row)) for row in STATES[kind] if judge(*row).status != "correct"]
    assert not missed, "\n".join(map(str, missed))


@pytest.mark.parametrize("kind", STATES_NOT)
def test_what_is_not_stated_does_not_count(kind: str) -> None:
    taken = [(row, judge(*row)) for row in STATES_NOT[kind] if judge(*row).status != "wrong"]
    assert not taken, "\n".join(map(str, taken))


def test_the_reference_says_what_is_looked_for() -> None:
    assert judge("18", "A: 18").status == "correct"
    assert judge("A", "A: 18").status == "correct"
    assert judge("B", "A: 18").status == "wrong"


@pytest.mark.parametrize("reference", ["2021-03-05", "3-1", "03/05/2021"])
def test_a_date_or_a_score_is_no_sum(reference: str) -> None:
    assert judge(reference, f"\\boxed{{{reference}}}").status == "correct"
    assert judge(reference, "\\boxed{2}").status == "abstain"
    assert judge(reference, "\\boxed{2013}").status == "abstain"


def test_a_policy_may_ignore_what_follows_the_answer() -> None:
    text = "\\boxed{24}. Wait, that is wrong. The answer is 20."
    assert judge("20", text).status == "correct"
    assert judge("24", text, retracted="ignored").status == "correct"
    assert judge("20", text, retracted="ignored").status == "wrong"
    assert judge("24", "\\boxed{24} is wrong.", retracted="ignored").status == "correct"
    assert judge("24", "not \\boxed{24}", retracted="ignored").status == "wrong"
