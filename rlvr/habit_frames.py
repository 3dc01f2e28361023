r"""The grammar of written-down habits: a name, frames that state an answer, frames that state none.

A frame of `states` states its first slot as the answer. A frame of `silent` states nothing: it
doubts, denies, supposes, asks, takes back or qualifies what it says, or is cut off. A frame uses
one row of slots. The first slot of a row is the answer, the others are other values.

    <n> <m> <k>   counts, in words          <p> + <q>  a sum that is <n>
    <a> <b> <c>   numbers, in words
    <A> <B> <C>   numbers, in maths mode
    <E> <F> <G>   whatever maths mode holds
    <L> <M> <N>   letters of a choice
    <thing> <who> a noun and a name; the problem's prompt has the noun

To add a habit, add it to one of the tables; `rlvr.habits` makes the pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Habit:
    """One habit: its name and its frames.

    `reference`: the frame of the reference, where that is not the first slot alone. `bare`: nothing
    stands before it, and no marks between thousands.
    """

    name: str
    states: Sequence[str]
    silent: Sequence[str] = ()
    reference: str = ""
    prompt: str = "How many <thing> are left?"
    bare: bool = False


# --- how answers are stated ------------------------------------------------------------------

STATING = (
    Habit("the answer is", (
        "The answer is <a>.", "So the answer is <a>", "The final answer is: <a>",
        "Therefore, the answer is $<E>$.", "Thus the correct answer is <a>.", "My answer is <a>.",
        "The answer to the problem is <a>.", "The answer, then, is <a>.",
        "The answer is therefore $<A>$.", "Our final answer is $<E>$.", "THE ANSWER IS <a>.",
        "Hence, the answer is \\(<E>\\).", "The required answer is <a>.",
        "So we have found the answer: it is <a>.",
    )),
    Habit("a short label", (
        "A: <a>", "Answer: <a>", "ANSWER: <a>", "Ans: <a>", "Answer = <a>", "**Answer:** <a>",
        "**Answer**: $<E>$", "Final Answer: <a>", "FINAL ANSWER: <a>", "Final answer: $<E>$",
        "Answer:\n<a>", "Answer:\n\n$$<E>$$", "Result: <a>", "A: $<n>", "A: <n> <thing>",
        "Q: How many are left?\nA: <n>",
    )),
    Habit("a label and a sentence", (
        "Final Answer: The largest $n$ is <n>", "Final Answer: The number of <thing> is <n>.",
        "Answer: The value of $x$ is $<A>$.", "Answer: $x = <A>$",
        "Final Answer: <who> has <n> <thing>.", "Answer: There are <n> <thing> left.",
        "Final Answer: The final answer is $<E>$. I hope it is correct.",
        "**Final Answer:** The sum of all terms is \\(<A>\\).",
        "Answer: <n> <thing> are left.", "The answer is <n> <thing>.",
        "The answer is that <who> needs <n> <thing>.",
    )),
    Habit("four hashes", (
        "#### <a>", "####<a>", "#### $<A>$", "#### <n> <thing>", "#### **<a>**", "#### $<n>",
        "<who> has <p> + <q> = <<<p>+<q>=<n>>><n> <thing>.\n#### <n>", "#### <a>\n",
    )),
    Habit("a box", (
        "\\boxed{<E>}", "$\\boxed{<E>}$.", "\\[\n\\boxed{<E>}\n\\]", "$$\\boxed{<E>}$$",
        "\\boxed{x = <A>}", "The answer is $\\boxed{<E>}$.", "\\fbox{<A>}", "**\\boxed{<E>}**",
        "\\boxed{ <E> }", "\\boxed{\\text{<a>}}", "\\boxed{<n> \\text{ <thing>}}",
        "\\boxed{\\mathbf{<A>}}", "Final Answer: $\\boxed{<E>}$. I hope it is correct.",
        "So $x = \\boxed{<A>}$, and we are done.", "\\boxed{<A>.}", "\\boxed{$<A>$}",
    ), ("\\boxed{}, though we met $<A>$.", "\\boxed{?} It is not clear to me. We met $<A>$.")),
    Habit("bold", (
        "The answer is **<a>**.", "**<a>**", "So there are **<n>** <thing> left.",
        "**<n> <thing>**", "Thus, the value is **$<A>$**.", "The answer is ***<a>***.",
        "**The answer is <a>.**", "**Answer: <a>**", "The total is **<a>.**",
        "**$<n>**", "**Total: <n> <thing>**",
    )),
    Habit("display maths", (
        "Hence\n$$<A>$$", "We get\n\\[ <A> \\]", "We get\n\\[\nx = <A>\n\\]",
        "The answer is\n\n$$<E>.$$", "So the answer is:\n\\[\n<E>\n\\]",
        "So\n\\begin{align*}\nN &= <p> + <q> \\\\\n&= <n>.\n\\end{align*}",
        "Therefore\n$$\nx = <A>.\n$$",
    )),
    Habit("answer tags", (
        "<answer><a></answer>", "<answer>$<E>$</answer>", "<answer>\\boxed{<E>}</answer>",
        "<think>Is it <b>? No.</think><answer><a></answer>", "<answer>\n<a>\n</answer>",
        "<answer><n> <thing></answer>", "<answer>The answer is <a>.</answer>",
        "<answer> $x = <A>$ </answer>",
    ), (
        "We met <a>. <answer></answer>", "We met <a>. <answer>I don't know</answer>",
        "<answer>not <a></answer>", "<answer><a> or <b></answer>",
    )),
    Habit("a closing sentence", (
        "Therefore, <n> <thing> are left.", "So <who> has <n> <thing> in total.",
        "In total, there are <n> <thing>.", "Hence <who> needs <n> more <thing>.",
        "Thus $x = <A>$.", "Hence, $N = <A>$", "So the total is <a>.",
        "Therefore the sum equals <a>.", "This gives <n> <thing>.",
        "We conclude that $x = <A>$.", "The total cost is $<n>.", "The total cost is \\$<n>.",
        "Hence $k = <A>$, as desired.", "Altogether they sold <n> <thing> on that day.",
        "It takes <n> minutes.", "So <who> earned $<n> this week.",
        "Therefore <who> has <n> <thing> left over.",
    )),
    Habit("a sum at the end", (
        "So <p> + <q> = <n>.", "So <who> has <p> + <q> = <n> <thing>.",
        "Total: $<p> + $<q> = $<n>", "<p> + <q> = <<<p>+<q>=<n>>><n> <thing>",
        "In all, that is $<p> + <q> = <n>$.", "The total is $<p> + $<q> = **$<n>**",
        "Therefore, <who> has <p> + <q> = <n> <thing> left.",
    )),
    Habit("words after the answer", (
        "The answer is <a>. I hope this helps!",
        "\\boxed{<E>}\n\nLet me know if you have questions.",
        "The answer is <a>.<|im_end|>", "\\boxed{<E>}</s>", "The answer is <a>.<|eot_id|>",
        "\\boxed{<E>}<|endoftext|>", "The answer is <a>.<end_of_turn>",
        "The answer is $<E>$, which completes the solution.",
        "The answer is <a>, as we wanted to show.", "\\boxed{<E>}\n\nThis completes the proof.",
        "The answer is <a>.\n\nThanks for the nice problem!",
        "The answer is <a>, because all the other cases fail.",
        "\\boxed{<E>}\n\nLet us check: both sides agree, so nothing is wrong.",
    )),
    Habit("headings", (
        "## Step 1\nThere are <m> <thing>.\n\n## Final Answer\n<n>",
        "### Step 1: Count\nThere are <m> <thing>.\n\n### Answer\n**<n>**",
        "#### Step 1\nWe add <b> and 1.\n\n#### Final Answer\n<a>", "# Answer\n\n\\boxed{<E>}",
        "#### Step 2\n2 + 3 = 5\n#### Conclusion\nThe answer is <a>.", "## Answer: <a>",
        "### Final Answer: $<E>$", "---\n\n### ✅ Final Answer: **<a>**",
        "**Step 1:** We look at <b>.\n\n**Conclusion:** The answer is <a>.",
        "### Solution\n1. We add.\n2. We divide.\n\n### Final Answer\n\\[\n\\boxed{<E>}\n\\]",
    ), (
        "### Step 1\nThe first number is <a>.\n\n### Step 2\n",
        "## Step 1\nThere are <n> <thing> at first.\n\n## Final Answer\n",
        "#### Step 1: <a>\n\n#### Step 2:",
    )),
    Habit("several boxes", (
        "\\boxed{<A>} and \\boxed{<B>}", "$\\boxed{<A>}$ or $\\boxed{<B>}$",
        "$\\boxed{<A>}, \\boxed{<B>}$", "$x = \\boxed{<A>}$ and $x = \\boxed{<B>}$",
        "The solutions are $\\boxed{<A>}$ and $\\boxed{<B>}$.",
    ), ("\\boxed{<A>}", "\\boxed{<A>} and \\boxed{<A>}", "\\boxed{<A>} but not \\boxed{<B>}"),
        reference="<A>, <B>"),
    Habit("a box for each part", (
        "(a) The first is $\\boxed{<A>}$.\n\n(b) The second is $\\boxed{<B>}$.",
        "**Part 1:** $\\boxed{<A>}$\n\n**Part 2:** $\\boxed{<B>}$",
        "(i) \\boxed{<A>}\n(ii) \\boxed{<B>}",
    ), ("(a) The first is $\\boxed{<A>}$.\n\n(b) The second is too hard.",
        "(a) \\boxed{<A>}\n(b) \\boxed{<B>}\n(c) \\boxed{<C>}"),
        reference="<A>, <B>"),
    Habit("a choice", (
        "The correct option is (<L>).", "The answer is <L>.", "Answer: <L>", "**<L>**",
        "\\boxed{\\text{<L>}}", "The correct choice is **<L>**.", "\\boxed{(<L>)}",
        "Options <M> and <N> are wrong. The answer is <L>.", "The answer is (<L>).",
        "Final answer: (<L>)", "\\boxed{\\textbf{(<L>)}}",
    ), (
        "(A)(B)(C)(D)(E), <L> among them", "The answer is <L> or <M>.", "It is not <L>.",
        "Option <L> is wrong.", "Either <L> or <M>.", "\\boxed{<L><M>}", "Both <L> and <M>",
        "\\boxed{<L> \\text{ or } <M>}", "The answer is not <L>.", "Perhaps <L>.",
        "The answer could be <L>.", "\\boxed{\\text{<L> or <M> or <N>}}",
    )),
)  # fmt: skip


# --- thoughts --------------------------------------------------------------------------------


def _thoughts(name: str, opened: str, closed: str, end: str = "") -> Habit:
    """Return the habit of one markup: what is thought states nothing, whatever it says."""
    return Habit(name, (
        f"{opened}Perhaps <b>. No, that fails.{closed}\nThe answer is <a>.{end}",
        f"{opened}{closed}\\boxed{{<E>}}{end}",
        f"{opened}Let me try \\boxed{{<F>}}. Hmm.{closed}\n\nSo it is \\boxed{{<E>}}.{end}",
        f"{opened}\nThe answer is <b>? The answer is <c>?\n{closed}\n\n**Answer:** <a>{end}",
        f"{opened}Easy.{closed}Therefore, <n> <thing> are left.{end}",
    ), (
        f"{opened}So the answer is <a>.",
        f"{opened}I get \\boxed{{<E>}}. Let me check the carry again:",
        f"{opened}The answer is <a>.{closed}",
        f"{opened}The answer is \\boxed{{<E>}}.{closed}\nI can't say.{end}",
        f"{opened}It is <b>.{closed}Hmm.{opened}It is \\boxed{{<a>}}.",
    ), bare=True)  # fmt: skip


THINKING = (
    _thoughts("<think>", "<think>", "</think>"),
    _thoughts("<thinking>", "<thinking>", "</thinking>"),
    _thoughts("[THINK]", "[THINK]", "[/THINK]"),
    _thoughts("◁think▷", "◁think▷", "◁/think▷"),
    _thoughts("<seed:think>", "<seed:think>", "</seed:think>"),
    _thoughts("<analysis>", "<analysis>", "</analysis>"),
    _thoughts("<reasoning>", "<reasoning>", "</reasoning>"),
    _thoughts("begin_of_thought", "<|begin_of_thought|>\n\n",
              "\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\n",
              "\n\n<|end_of_solution|>"),
    _thoughts("Cohere", "<|START_THINKING|>", "<|END_THINKING|><|START_RESPONSE|>",
              "<|END_RESPONSE|>"),
    _thoughts("Harmony", "<|channel|>analysis<|message|>",
              "<|end|><|start|>assistant<|channel|>final<|message|>", "<|return|>"),
    Habit("a thought that the prompt opened", (
        "Let me see. Perhaps <b>? No.\n</think>\n\nThe answer is <a>.",
        "I try \\boxed{<F>}, which fails.</think>\\boxed{<E>}",
        "Let me see.[/THINK]The answer is <a>.",
    ), (
        "So the answer is <a>.\n</think>", "I get \\boxed{<E>}.</think>\nI can't say.",
    )),
)  # fmt: skip


# --- other languages -------------------------------------------------------------------------

LANGUAGES = (
    Habit("German", (
        "Die Antwort ist <n>.", "Die Antwort lautet <n>.", "Antwort: <n>",
        "Das Ergebnis ist $<A>$.", "Also ist die richtige Antwort $<E>$.",
        "**Endgültige Antwort:** $<E>$", "Lösung: $x = <A>$", "Also bleiben <n> Äpfel übrig.",
        "Die endgültige Antwort ist \\boxed{<E>}.",
    ), (
        "Die Antwort ist nicht <n>.", "Vielleicht ist die Antwort <n>.",
        "Die Antwort ist <n> oder <m>.", "Ist die Antwort <n>? Nein.",
        "Wenn die Antwort <n> ist, dann ist sie gerade.",
    ), prompt="Wie viele Äpfel bleiben übrig?", bare=True),
    Habit("French", (
        "La réponse est <n>.", "Réponse : <n>", "La réponse finale est $<E>$.",
        "**Réponse finale :** \\(<E>\\)", "Donc le résultat est <n>.",
        "Il reste donc <n> pommes.", "La bonne réponse est <n>.", "Donc $x = <A>$.",
    ), (
        "La réponse n'est pas <n>.", "La réponse est peut-être <n>.",
        "La réponse est <n> ou <m>.", "La réponse est-elle <n> ? Non.",
        "Si la réponse est <n>, alors elle est paire.",
    ), prompt="Combien de pommes reste-t-il ?", bare=True),
    Habit("Spanish", (
        "La respuesta es <n>.", "Respuesta: <n>", "La respuesta final es $<E>$.",
        "**Respuesta final:** <n>", "Por lo tanto, quedan <n> manzanas.",
        "El resultado es <n>.", "La respuesta correcta es \\boxed{<E>}.",
    ), (
        "La respuesta no es <n>.", "Quizás la respuesta sea <n>.", "La respuesta es <n> o <m>.",
        "¿Es <n> la respuesta? No.", "Si la respuesta es <n>, entonces es par.",
    ), prompt="¿Cuántas manzanas quedan?", bare=True),
    Habit("Italian", (
        "La risposta è <n>.", "Risposta: <n>", "La risposta finale è $<E>$.",
        "Il risultato è <n>.", "Quindi restano <n> mele.",
    ), (
        "La risposta non è <n>.", "Forse la risposta è <n>.", "La risposta è <n> o <m>.",
    ), prompt="Quante mele restano?", bare=True),
    Habit("Portuguese", (
        "A resposta é <n>.", "Resposta: <n>", "A resposta final é $<E>$.",
        "O resultado é <n>.", "Portanto, restam <n> maçãs.",
    ), (
        "A resposta não é <n>.", "Talvez a resposta seja <n>.", "A resposta é <n> ou <m>.",
    ), prompt="Quantas maçãs restam?", bare=True),
    Habit("Russian", (
        "Ответ: <n>", "Ответ: $<E>$.", "Правильный ответ: <n>.", "Итак, ответ равен <n>.",
        "Окончательный ответ: <n>", "Значит, осталось <n> яблок.", "**Ответ:** <n>.",
    ), (
        "Ответ не <n>.", "Возможно, ответ <n>.", "Ответ: <n> или <m>.",
        "Если ответ <n>, то он чётный.",
    ), prompt="Сколько яблок осталось?", bare=True),
    Habit("Chinese", (
        "答案是<n>。", "答案:<n>", "答案为 $<E>$。", "最终答案是 <n>。",
        "最终答案:$\\boxed{<E>}$", "所以答案是<n>。", "因此,还剩<n>个苹果。",
        "综上,$x=<A>$。", "故答案为:<n>", "**答案**:<n>", "\\boxed{<n>个}",
    ), (
        "答案不是<n>。", "答案可能是<n>。", "答案是<n>或<m>。", "如果答案是<n>,那么它是偶数。",
        "答案是<n>吗?不是。",
    ), prompt="还剩多少个苹果?", bare=True),
    Habit("Japanese", (
        "答えは<n>です。", "答え:<n>", "したがって、答えは $<E>$ です。",
        "最終的な答えは<n>です。", "よって、残りは<n>個です。", "正解は<n>です。",
    ), (
        "答えは<n>ではありません。", "答えは<n>かもしれません。", "答えは<n>または<m>です。",
        "答えが<n>ならば、偶数です。",
    ), prompt="残りは何個ですか。", bare=True),
    Habit("Korean", (
        "정답은 <n>입니다.", "답: <n>", "따라서 답은 $<E>$입니다.", "최종 답: <n>",
    ), (
        "답은 <n>이 아닙니다.", "답은 <n>일 수도 있습니다.", "답은 <n> 또는 <m>입니다.",
    ), prompt="몇 개가 남았습니까?", bare=True),
)  # fmt: skip


# --- what states nothing ---------------------------------------------------------------------

DOUBTING = (
    Habit("a hedge", (
        "I was not sure at first, but now I am: the answer is <a>.",
        "Perhaps there is a shorter way, but the answer is <a>.",
        "It might look like <b>, but the answer is <a>.",
        "Maybe <b>? No, that fails. So it is \\boxed{<a>}.",
        "Without any doubt, the answer is <a>.", "One may guess <b>. The answer is $<a>$.",
    ), (
        "Maybe <a>.", "maybe <a>", "Perhaps the answer is <a>.", "The answer is probably <a>.",
        "The answer might be <a>.", "It could be <a>.", "The answer is perhaps <a>.",
        "I'm not sure, but the answer may be <a>.", "Possibly <a>", "The answer is <a>, perhaps.",
        "\\boxed{<A> \\text{ perhaps}}", "\\boxed{\\text{maybe } <A>}", "\\boxed{<A>?}",
        "Conceivably the answer is <a>.", "The answer seems to be <a>, but I can't be sure.",
        "The answer is <a>, unless I am mistaken, which is likely.", "A wild guess: <a>",
        "\\boxed{<A>} is only a guess.", "It might well be <a>.", "Presumably <a>.",
    )),
    Habit("alternatives", (
        "Neither <b> nor <c> fits. The answer is <a>.",
        "Both ways give the same: \\boxed{<E>}, and again \\boxed{<E>}.",
        "One may try <b> or <c> first, but the answer is <a>.",
        "Of <b>, <c> and <a>, only the last fits. So the answer is <a>.",
        "It is either <b> or <a>, and <b> is odd. Hence the answer is <a>.",
    ), (
        "<b> or <a>", "It could be <b> or it could be <a>", "The answer is <b> or <a>.",
        "The answer is either <a> or <b>.", "\\boxed{<F>} or \\boxed{<E>}",
        "\\boxed{<F> \\text{ or } <E>}", "Either <b> or <a>.", "The answer is <a>. Or <b>.",
        "The answer is <a>, or maybe <b>.", "\\boxed{<E>}\n\nAlternatively, \\boxed{<F>}",
        "The possible answers are <b>, <c>, <a>.", "The candidates are:\n- <b>\n- <a>",
        "1. <b>\n2. <c>\n3. <a>", "\\boxed{<F>} \\boxed{<E>}", "\\boxed{<F>, <E>}",
        "The answer is <b> or, if zero counts, <a>.", "It is <b>, <c> or <a>.",
        "Answer: <b>\nAnswer: <a>", "The answer is <b> and <a>.",
    )),
    Habit("a denial", (
        "The answer is not <b> but <a>.", "It is not <b>. The answer is <a>.",
        "Since $x \\ne <B>$, the answer is $<A>$.", "x = <b> is impossible, so x = <a>.",
        "The answer is <a>, not <b>.", "It can't be <b>, so it is \\boxed{<a>}.",
        "No other number will do: the answer is <a>.",
    ), (
        "The answer is not <a>.", "The answer isn't <a>.", "Hence x ≠ <a>.",
        "Hence $x \\ne <A>$.", "So $x \\neq <A>$", "Hence x is never <a>.",
        "This contradicts x = <a>.", "It cannot be <a>.", "No solution has x = <a>.",
        "There is no solution with $x = <A>$.", "I doubt that the answer is <a>.",
        "I don't think that the answer is <a>.", "The incorrect answer is <a>.",
        "A wrong answer is <a>.", "\\boxed{\\ne <A>}", "\\boxed{\\text{not } <A>}",
        "It is false that x = <a>.", "The answer is anything but <a>.",
        "Nobody would say that the answer is <a>.", "The answer can't be <a>.",
        "x = <a> is impossible.", "But x = <a> fails.", "So <a> is not a solution.",
        "We must exclude x = <a>.", "It is impossible that it is <a>.",
        "It is hardly true that the answer is <a>.", "Neither is it <a>.",
    )),
    Habit("a supposition", (
        "Suppose x = <b>; this fails. So the answer is <a>.",
        "If x = <b>, the sides differ. Hence \\boxed{<a>}.",
        "Let $n = <B>$. Then nothing fits, so the answer is $<A>$.",
        "Assume it were <b>: a contradiction. Therefore, the answer is <a>.",
        "If all of them count, as they do, the total is clear. The answer is <a>.",
    ), (
        "Suppose n = <a>", "Let $n = <A>$.", "Assume that x = <a>.",
        "If the answer is <a>, then x is odd.", "If x = <a>, both sides are odd.",
        "Let us try n = <a>.", "Consider the case x = <a>.",
        "Say the answer is <a>; then both sides would be even.",
        "Were the answer <a>, the sum would be even.", "Imagine there are <n> <thing>.",
        "Let's check x = <a>.", "Now take $x = <A>$.", "Assuming that the answer is <a>",
        "In case the answer is <a>, the sum is even.", "Let me test n = <a>.",
        "Suppose that the answer is \\boxed{<E>}.", "If it were \\boxed{<E>}, it would be odd.",
        "Unless the answer is <a>, we are stuck.", "Provided that x = <a>",
    )),
    Habit("a question", (
        "Is the answer <b>? No, the answer is <a>.", "What is left? The answer is <a>.",
        "Is it <b>? No. \\boxed{<a>}", "How many are left? There are <n> <thing> left.",
        "Is the answer <a>? Yes, the answer is <a>.",
        "Could it be <b>? That is odd. Therefore, the answer is <a>.",
    ), (
        "Is the answer <a>?", "Is the answer <a>? No.", "Is it <a>?", "Could it be <a>?",
        "So x = <a>?", "What if the answer is <a>?", "The answer is <a>?",
        "Is the answer <a>? I don't know.", "How do we know that the answer is <a>?",
        "Who says that the answer is <a>?", "Is it \\boxed{<E>}?", "Why is the answer <a>?",
        "Shall we say <a>?", "Is the answer $<E>$? Not at all.",
    )),
    Habit("cut off", (
        "We have <m> <thing>, and then we add the rest.\nThe answer is <n>",
        "We have <m> <thing>. Next, we count the others.\nTherefore, <n> <thing> are left",
        "Half of them is <b>, and so on. \\boxed{<a>}",
        "Step 1: We add <b> and 2.\nStep 2: The answer is <a>",
    ), (
        "We have <n> <thing> left. Next, we need to", "So the answer is the sum of <a> and",
        "Then there are <n> <thing> and", "\\boxed{<E>", "So it is $\\boxed{<E>$",
        "Therefore it is <a> +", "So $x = <A> + ", "We get <n> <thing>, but then we have to",
        "The answer is <a> times", "There are <n> <thing> in the first box. Now let me count the",
        "Step 3: multiply <a> by", "\\boxed{\\text{<a>}", "<answer><a> +",
        "So <who> has <n> <thing> after the first day, and on the second day", "So x = <a> -",
        "There are <n> <thing> on the table.\nStep 2:", "The answer is <a> divided by the",
        "we add <a> and", "Therefore, <who> has <n> <thing> of which",
    )),
    Habit("a correction", (
        "The answer is <b>. Wait, that is wrong. The answer is <a>.",
        "\\boxed{<F>}. Wait, I made a mistake. The correct answer is \\boxed{<E>}.",
        "\\boxed{<F>}\n\nCorrection: \\boxed{<E>}",
        "The answer is <b>. No, that's not right: I forgot a term. The answer is <a>.",
        "The answer is <b>. Oops, I miscounted. The answer is <a>.",
        "The answer is <b>. Let me recheck: I dropped a sign. The corrected answer is <a>.",
        "\\boxed{<F>}. Hmm, scratch that. It is \\boxed{<E>}.",
        "\\boxed{<F>}. On second thought, that misses a case. So it is \\boxed{<E>}.",
        "\\boxed{<F>}, but that ignores a case, so I correct myself: \\boxed{<E>}",
    ), (
        "The answer is <a>. Wait, that is wrong.",
        "The answer is <a>. Hmm, wait, let me see again.",
        "\\boxed{<E>}. Wait, I made a mistake, and it is not that.",
        "The answer is <a>. No, that's not right: I forgot a term.",
        "The answer is <a>. But that is wrong, since a case is missing.",
        "So x = <a>. Scratch that.", "Therefore, <n> <thing> are left. Oops, I miscounted.",
        "\\boxed{<E>}. Actually, it's \\boxed{<F>}. Actually, no.",
    )),
    Habit("a box taken back", (
        "\\boxed{<E>}\n\nThis is correct, for both sides agree.",
        "\\boxed{<E>}\n\nNote: a common wrong answer is $<F>$.",
        "\\boxed{<E>}. Nothing else is possible.",
        "We can't divide by zero here, so we don't. \\boxed{<E>}",
        "\\boxed{<F>} is wrong. The right one is \\boxed{<E>}.",
    ), (
        "\\boxed{<E>} is wrong.", "\\boxed{<E>} is wrong, so there is no answer.",
        "\\boxed{<E>}. No, that cannot be right.", "\\boxed{<E>}. I take that back.",
        "\\boxed{<a>}\n\nWait, let me recompute. So the answer is **<b>**.",
        "\\boxed{<a>}. Hmm, I made a mistake. The answer is <b>.",
        "\\boxed{<E>} can't be the answer, for it is too large.",
        "\\boxed{<E>}\n\nThis is incorrect, because a case is missing.",
        "It is not \\boxed{<E>}.", "The answer isn't \\boxed{<E>}.",
        "I doubt that it is \\boxed{<E>}.",
        "\\boxed{<E>}. That was nonsense, ignore it.", "We can rule out \\boxed{<E>}.",
        "\\boxed{<a>}. Sorry, I meant <b>.", "\\boxed{<E>} does not satisfy the equation.",
    )),
    Habit("a qualifier", (
        "The answer is exactly <a>.", "The answer is just <a>.", "The answer is precisely <a>.",
        "More than <b> fit, and the answer is <a>.", "The smallest such number is <a>.",
        "The square of <b> is too large. The answer is <a>.",
        "At least <b> must be taken away. The answer is <a>.",
    ), (
        "The answer is <n> squared.", "The answer is <n> cubed.", "The answer is <a> or more.",
        "The answer is <a> or less.", "The answer is less than <a>.",
        "The answer is more than <a>.", "The answer is at least <a>.",
        "The answer is <a> at most.", "The answer is <n> factorial.",
        "The answer is <n> and a half.", "The answer is <n> thousand.",
        "The answer is <n> dozen.", "The answer is minus <n>.", "The answer is half of <a>.",
        "The answer is twice <a>.", "The answer is double <a>.",
        "The answer is the square root of <n>.", "The answer is the square of <n>.",
        "The answer is one more than <a>.", "The answer is between <a> and <b>.",
        "The answer is <n> to the fourth power.", "The answer is <a> times ten.",
        "The answer is <a> plus something.", "The answer is greater than <a>.",
        "The answer is not quite <a>.", "The answer is almost <a>.", "The answer is under <a>.",
        "The answer is a multiple of <n>.", "The answer is <n> percent.",
        "The answer is a divisor of <n>.", "The answer is <n> and three quarters.",
        "\\boxed{<A>\\text{ or more}}", "\\boxed{> <A>}", "\\boxed{\\text{at least } <A>}",
        "\\boxed{<n>\\text{ thousand}}", "\\boxed{<n>\\text{ squared}}",
        "\\boxed{<n>\\text{ hundredths}}", "\\boxed{\\le <A>}", "There are more than <n> <thing>.",
        "There are at least <n> <thing> left.", "So fewer than <n> <thing> are left.",
    )),
    Habit("words for a unit", (
        "\\boxed{<n>\\text{ <thing>}}", "\\boxed{<n>\\ \\text{<thing>}}", "\\boxed{<n> <thing>}",
        "The answer is <n> <thing>.", "\\boxed{\\text{<n> <thing>}}", "\\boxed{<n>\\text{ cm}}",
        "\\boxed{<n>\\,\\mathrm{kg}}", "The answer is <n> minutes.",
    ), (
        "\\boxed{<A>\\text{ wrong}}", "\\boxed{<A>\\text{ incorrect}}",
        "\\boxed{<A>\\text{ is false}}", "\\boxed{<A>\\text{ (rejected)}}",
        "The answer is <a>, which is wrong.", "\\boxed{<n>\\text{ tenths}}",
        "\\boxed{<n>\\text{ millions}}", "\\boxed{<A>\\text{ impossible}}",
        "\\boxed{<A>\\text{ possibly}}", "\\boxed{<A>\\text{ unsure}}",
        "\\boxed{<n>\\text{ dozens}}",
        "\\boxed{<A>\\text{ doubtful}}", "\\boxed{<A>\\text{ or not}}",
        "\\boxed{<n>\\text{ sevenths}}",
        "\\boxed{<A>\\text{ never}}", "\\boxed{<A>\\text{ if any}}",
        "\\boxed{<A>\\text{ excluded}}",
    )),
    Habit("an equation on the way", (
        "$2x = 2 \\cdot <A>$, so $x = <A>$.", "So x = <a>.",
        "From x + 3 = y we get y first. Then $x = <A>$.",
        "We have 2x + y = <b>, and from it x = <a>.",
        "So 3x = <b>, and at last the answer is <a>.",
    ), (
        "So 2x = <a>", "So $3x = <A>$.", "So 3 + x = <a>.", "Then $x^2 = <A>$",
        "We have 2x + 1 = <a>", "Thus $2n = <A>$.", "So $\\frac{x}{2} = <A>$.",
        "Twice the number is <a>, so we write 2x = <a>", "So $x - 1 = <A>$.",
        "Then $\\sqrt{x} = <A>$.", "Hence 5(x + 1) = <a>.", "and so $x^3 - 1 = <A>$",
    )),
    Habit("no answer", (
        "At first I could not solve this. The answer is <a>.",
        "It can be found from what is given: the answer is <a>.",
        "I don't know a shorter way. The answer is <a>.",
    ), (
        "I can't solve this problem. It mentions <a>.", "I don't know. It mentions <a>.",
        "There are <n> <thing> at the start, but I can't tell how many are left.",
        "The answer can't be found from <a> alone.",
        "There is not enough information: only <a> is given.",
        "The problem gives us <a>, which is not enough.", "Sorry, I have no answer beyond <a>!",
        "I give up at <a>.",
    )),
)  # fmt: skip

HABITS = STATING + THINKING + LANGUAGES + DOUBTING
