r"""The grammar of habits: a name, frames that state an answer, and frames that state nothing.

A frame in `states` states its first slot as the answer. A frame in `silent` states nothing: it
doubts, denies, supposes, asks, takes back or qualifies what it says, or is cut off. A frame uses
one row of slots. The first slot of a row is the answer, the others are other values.

    <n> <m> <k>   counts, in words          <p> + <q>  a sum that is <n>
    <a> <b> <c>   numbers, in words
    <A> <B> <C>   numbers, in maths mode
    <E> <F> <G>   anything in maths mode
    <L> <M> <N>   letters of a choice
    <thing> <who> a noun and a name; the problem's prompt has the noun

To add a habit, add it to one of the tables, here or in `rlvr.verify.truth.habit_doubts`;
`rlvr.verify.truth.habits` makes the pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Habit:
    """One habit: its name and its frames.

    `reference`: the frame of the reference, if that is not only the first slot. `bare`: whether
    nothing stands before the answer, and no marks between thousands.
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
        "The answer comes out as <a>.", "Hence the answer must be <a>.",
        "The answer we seek is $<E>$.", "We get <a> as the answer.", "So <a> is the answer.",
        "The answer equals <a>.",
    )),
    Habit("a short label", (
        "A: <a>", "Answer: <a>", "ANSWER: <a>", "Ans: <a>", "Answer = <a>", "**Answer:** <a>",
        "**Answer**: $<E>$", "Final Answer: <a>", "FINAL ANSWER: <a>", "Final answer: $<E>$",
        "Answer:\n<a>", "Answer:\n\n$$<E>$$", "Result: <a>", "A: $<n>", "A: <n> <thing>",
        "Q: How many are left?\nA: <n>",
        "**Ans:** <a>", "Final result: <a>", "[Answer] <a>", "Answer: $<n> per day",
    )),
    Habit("a label and a sentence", (
        "Final Answer: The largest $n$ is <n>", "Final Answer: The number of <thing> is <n>.",
        "Answer: The value of $x$ is $<A>$.", "Answer: $x = <A>$",
        "Final Answer: <who> has <n> <thing>.", "Answer: There are <n> <thing> left.",
        "Final Answer: The final answer is $<E>$. I hope it is correct.",
        "**Final Answer:** The sum of all terms is \\(<A>\\).",
        "Answer: <n> <thing> are left.", "The answer is <n> <thing>.",
        "The answer is that <who> needs <n> <thing>.",
        "Answer: It takes <who> <n> minutes.", "Final Answer: $x = <A>$ is the only solution.",
        "The answer is $x = <A>$.", "Answer: <who> should buy <n> <thing>.",
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
        "Final answer: \\boxed{<E>}.", "\\boxed{\\displaystyle <E>}", "\\[\\boxed{n = <A>}\\]",
    ), (
        "\\boxed{\\text{unknown}}, though we met $<A>$.",
        "\\boxed{\\text{not enough data; } <A> \\text{ alone won't do}}",
        "\\boxed{}, though we met $<A>$.", "\\boxed{?} It is not clear to me. We met $<A>$.")),
    Habit("bold", (
        "The answer is **<a>**.", "**<a>**", "So there are **<n>** <thing> left.",
        "**<n> <thing>**", "Thus, the value is **$<A>$**.", "The answer is ***<a>***.",
        "**The answer is <a>.**", "**Answer: <a>**", "The total is **<a>.**",
        "**$<n>**", "**Total: <n> <thing>**",
        "**Final Answer:** **<a>**", "So the sum is **<a>**", "The answer: **<n> <thing>**",
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
        "<answer>x = <a></answer>", "<answer>**<a>**</answer>",
    ), (
        "We met <a>. <answer></answer>", "We met <a>. <answer>I don't know</answer>",
        "<answer>not <a></answer>", "<answer><a> or <b></answer>",
        "<answer>maybe <a></answer>", "<answer>less than <a></answer>",
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
        "That means <who> must buy <n> <thing>.", "Thus, the value of the expression is $<A>$.",
        "In conclusion, <n> <thing> were sold.", "Consequently, $n = <A>$.",
        "So in the end <who> is left with <n> <thing>.",
    )),
    Habit("a sum at the end", (
        "So <p> + <q> = <n>.", "So <who> has <p> + <q> = <n> <thing>.",
        "Total: $<p> + $<q> = $<n>", "<p> + <q> = <<<p>+<q>=<n>>><n> <thing>",
        "In all, that is $<p> + <q> = <n>$.", "The total is $<p> + $<q> = **$<n>**",
        "Therefore, <who> has <p> + <q> = <n> <thing> left.",
        "This makes <p> + <q> = <n> <thing> altogether.", "$$<p> + <q> = <n>$$",
        "= <p> + <q>\n= <n>",
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
        "\\boxed{<E>}. QED", "The answer is <a>. Have a nice day!", "\\boxed{<E>} 🎉",
        "The answer is <a>.\n\n---\n*Checked twice.*",
        "The answer is <a>, since both sides are equal.",
    )),
    Habit("headings", (
        "## Step 1\nThere are <m> <thing>.\n\n## Final Answer\n<n>",
        "### Step 1: Count\nThere are <m> <thing>.\n\n### Answer\n**<n>**",
        "#### Step 1\nWe add <b> and 1.\n\n#### Final Answer\n<a>", "# Answer\n\n\\boxed{<E>}",
        "#### Step 2\n2 + 3 = 5\n#### Conclusion\nThe answer is <a>.", "## Answer: <a>",
        "### Final Answer: $<E>$", "---\n\n### ✅ Final Answer: **<a>**",
        "**Step 1:** We look at <b>.\n\n**Conclusion:** The answer is <a>.",
        "### Solution\n1. We add.\n2. We divide.\n\n### Final Answer\n\\[\n\\boxed{<E>}\n\\]",
        "**Step 1**\nWe add <b> and 1.\n\n**Final Answer**\n\n<a>", "## Result\n\n$$<E>$$",
        "### 3. Answer\n**$<E>$**",
    ), (
        "### Step 1\nThe first number is <a>.\n\n### Step 2\n",
        "## Step 1\nThere are <n> <thing> at first.\n\n## Final Answer\n",
        "#### Step 1: <a>\n\n#### Step 2:",
        "### Attempt\n$x = <A>$ fails.\n\n### Next attempt\n",
        "**Step 1:** take <a>\n\n**Step 2:**",
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
        "I choose (<L>).", "Hence (<L>) is correct.", "Correct answer: <L>", "So it's option <L>.",
    ), (
        "(A)(B)(C)(D)(E), <L> among them", "The answer is <L> or <M>.", "It is not <L>.",
        "Option <L> is wrong.", "Either <L> or <M>.", "\\boxed{<L><M>}", "Both <L> and <M>",
        "\\boxed{<L> \\text{ or } <M>}", "The answer is not <L>.", "Perhaps <L>.",
        "The answer could be <L>.", "\\boxed{\\text{<L> or <M> or <N>}}",
        "Neither <L> nor <M> is right.", "We can rule out <L>.", "Maybe it's <L>?",
        "\\boxed{<L>} or \\boxed{<M>}",
    )),
)  # fmt: skip


# --- thoughts --------------------------------------------------------------------------------


def _thoughts(name: str, opened: str, closed: str, end: str = "") -> Habit:
    """Return the habit of one markup for thoughts: a thought states nothing, whatever it says."""
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
        "Somit ist $x = <A>$.", "Insgesamt sind es <n> Äpfel.",
    ), (
        "Die Antwort ist nicht <n>.", "Vielleicht ist die Antwort <n>.",
        "Die Antwort ist <n> oder <m>.", "Ist die Antwort <n>? Nein.",
        "Wenn die Antwort <n> ist, dann ist sie gerade.",
        "Die Antwort kann nicht <n> sein.", "Die Antwort ist weder <n> noch <m>.",
        "Angenommen, die Antwort ist <n>.",
    ), prompt="Wie viele Äpfel bleiben übrig?", bare=True),
    Habit("French", (
        "La réponse est <n>.", "Réponse : <n>", "La réponse finale est $<E>$.",
        "**Réponse finale :** \\(<E>\\)", "Donc le résultat est <n>.",
        "Il reste donc <n> pommes.", "La bonne réponse est <n>.", "Donc $x = <A>$.",
        "La réponse est donc \\boxed{<E>}.", "Au total, il y a <n> pommes.",
    ), (
        "La réponse n'est pas <n>.", "La réponse est peut-être <n>.",
        "La réponse est <n> ou <m>.", "La réponse est-elle <n> ? Non.",
        "Si la réponse est <n>, alors elle est paire.",
        "La réponse ne peut pas être <n>.", "Supposons que la réponse soit <n>.",
        "Je doute que la réponse soit <n>.",
    ), prompt="Combien de pommes reste-t-il ?", bare=True),
    Habit("Spanish", (
        "La respuesta es <n>.", "Respuesta: <n>", "La respuesta final es $<E>$.",
        "**Respuesta final:** <n>", "Por lo tanto, quedan <n> manzanas.",
        "El resultado es <n>.", "La respuesta correcta es \\boxed{<E>}.",
        "Entonces, $x = <A>$.", "En total hay <n> manzanas.",
    ), (
        "La respuesta no es <n>.", "Quizás la respuesta sea <n>.", "La respuesta es <n> o <m>.",
        "¿Es <n> la respuesta? No.", "Si la respuesta es <n>, entonces es par.",
        "La respuesta no puede ser <n>.", "Supongamos que la respuesta es <n>.",
        "Dudo que la respuesta sea <n>.",
    ), prompt="¿Cuántas manzanas quedan?", bare=True),
    Habit("Italian", (
        "La risposta è <n>.", "Risposta: <n>", "La risposta finale è $<E>$.",
        "Il risultato è <n>.", "Quindi restano <n> mele.",
        "Quindi $x = <A>$.", "La risposta corretta è \\boxed{<E>}.",
    ), (
        "La risposta non è <n>.", "Forse la risposta è <n>.", "La risposta è <n> o <m>.",
        "La risposta non può essere <n>.", "Supponiamo che la risposta sia <n>.",
    ), prompt="Quante mele restano?", bare=True),
    Habit("Portuguese", (
        "A resposta é <n>.", "Resposta: <n>", "A resposta final é $<E>$.",
        "O resultado é <n>.", "Portanto, restam <n> maçãs.",
        "Logo, $x = <A>$.", "A resposta correta é \\boxed{<E>}.",
    ), (
        "A resposta não é <n>.", "Talvez a resposta seja <n>.", "A resposta é <n> ou <m>.",
        "A resposta não pode ser <n>.", "Suponha que a resposta seja <n>.",
    ), prompt="Quantas maçãs restam?", bare=True),
    Habit("Russian", (
        "Ответ: <n>", "Ответ: $<E>$.", "Правильный ответ: <n>.", "Итак, ответ равен <n>.",
        "Окончательный ответ: <n>", "Значит, осталось <n> яблок.", "**Ответ:** <n>.",
        "Следовательно, $x = <A>$.", "Ответ: \\boxed{<E>}",
    ), (
        "Ответ не <n>.", "Возможно, ответ <n>.", "Ответ: <n> или <m>.",
        "Если ответ <n>, то он чётный.",
        "Ответ не может быть <n>.", "Предположим, что ответ <n>.", "Ответ: <n>? Нет.",
    ), prompt="Сколько яблок осталось?", bare=True),
    Habit("Chinese", (
        "答案是<n>。", "答案:<n>", "答案为 $<E>$。", "最终答案是 <n>。",
        "最终答案:$\\boxed{<E>}$", "所以答案是<n>。", "因此,还剩<n>个苹果。",
        "综上,$x=<A>$。", "故答案为:<n>", "**答案**:<n>", "\\boxed{<n>个}",
        "所以 $x = <A>$。", "答:还剩<n>个苹果。", "正确答案是<n>。",
    ), (
        "答案不是<n>。", "答案可能是<n>。", "答案是<n>或<m>。", "如果答案是<n>,那么它是偶数。",
        "答案是<n>吗?不是。",
        "答案不可能是<n>。", "假设答案是<n>。", "答案既不是<n>也不是<m>。", "我怀疑答案是<n>。",
    ), prompt="还剩多少个苹果?", bare=True),
    Habit("Japanese", (
        "答えは<n>です。", "答え:<n>", "したがって、答えは $<E>$ です。",
        "最終的な答えは<n>です。", "よって、残りは<n>個です。", "正解は<n>です。",
        "したがって $x = <A>$ である。", "答えは\\boxed{<E>}です。",
    ), (
        "答えは<n>ではありません。", "答えは<n>かもしれません。", "答えは<n>または<m>です。",
        "答えが<n>ならば、偶数です。",
        "答えが<n>だとすると、矛盾する。", "答えは<n>ではない。", "答えは<n>ですか。",
    ), prompt="残りは何個ですか。", bare=True),
    Habit("Korean", (
        "정답은 <n>입니다.", "답: <n>", "따라서 답은 $<E>$입니다.", "최종 답: <n>",
        "따라서 $x = <A>$이다.", "정답: \\boxed{<E>}",
    ), (
        "답은 <n>이 아닙니다.", "답은 <n>일 수도 있습니다.", "답은 <n> 또는 <m>입니다.",
        "답이 <n>이라고 가정하자.", "답은 <n>일 리가 없다.",
    ), prompt="몇 개가 남았습니까?", bare=True),
)  # fmt: skip
