"""Thinking and chat markup: the part of a completion that is said, and not thought.

One table for all verifiers. Models write their thoughts between marks, each family its own: tags
(`<think>`, `<seed:think>`, `<analysis>`), tokens (`[THINK]`, `<|begin_of_thought|>`,
`<|START_THINKING|>`), channels (Harmony's `analysis`) or a heading (Granite's). What follows the
last thought counts. A thought that never ends is followed by nothing. A chat template may write the
opening mark itself, so a closing mark may come alone: all before it is thought.
"""

from __future__ import annotations

import re

_WORDS = (
    "think|thinking|thought|thoughts|reason|reasoning|reflection|scratchpad|analysis|inner_thoughts"
)
_TAG = rf"(?:[a-z]{{1,20}}[:_])?(?:{_WORDS})"

# Each way to write a thought: what opens it, what closes it.
THOUGHTS = (
    (rf"<{_TAG}>", rf"</{_TAG}>"),
    (r"\[THINK\]", r"\[/THINK\]"),
    (r"◁think▷", r"◁/think▷"),
    (r"<\|begin_of_(?:thought|thinking)\|>", r"<\|end_of_(?:thought|thinking)\|>"),
    (r"<\|(?:START|BEGIN)_(?:THINKING|REASONING)\|>", r"<\|END_(?:THINKING|REASONING)\|>"),
    (r"<\|thinking_start\|>|<\|think\|>", r"<\|thinking_end\|>|<\|/think\|>"),
    (r"<\|open\|>\s*+think\s*+<\|sep\|>", r"<\|close\|>\s*+think\s*+<\|sep\|>"),
    (r"<\|channel>thought\b", r"<channel\|>"),
    (r"<unused94>", r"<unused95>"),
    (r"<\|content_thinking\|>", r"<\|content_text\|>"),
    # Harmony: every channel but `final` is a thought, and ends only where `final` begins.
    (
        r"<\|channel\|>(?!\s*+final\b)[^<]{0,80}+(?:<\|constrain\|>[^<]{0,80}+)?<\|message\|>",
        r"<\|channel\|>\s*+final\b[^<]{0,80}+(?:<\|constrain\|>[^<]{0,80}+)?<\|message\|>",
    ),
    (r"\AHere(?: is|'s) my thought process:", r"Here(?: is|'s) my response:"),
)
_OPENED = re.compile("|".join(opened for opened, _ in THOUGHTS), re.I)
_CLOSED = re.compile("|".join(closed for _, closed in THOUGHTS), re.I)

# What stands around the answer as a whole: only what it holds counts.
_ANSWER_OPENED = re.compile(
    r"<\|begin_of_solution\|>|<\|START_(?:RESPONSE|TEXT)\|>|<response>"
    r"|<\|open\|>\s*+response\s*+<\|sep\|>"
)
_ANSWER_CLOSED = re.compile(
    r"<\|end_of_solution\|>|<\|END_(?:RESPONSE|TEXT)\|>|</response>"
    r"|<\|close\|>\s*+(?:response|message)\s*+<\|sep\|>"
)
_BEGINS = re.compile(r"[<\[◁H]")  # what every mark begins with
# A mark in quotes on one line is spoken of, and marks nothing.
_QUOTED = re.compile(
    r"(?<![\w'])(?:'[^'\n]{1,200}+'|\"[^\"\n]{1,200}+\"|(?<!`)`[^`\n]{1,200}+`(?!`))"
)
_MARK = r"(?:<\|[A-Za-z_]{2,20}\|>|</?s>|<(?:end|start)_of_turn>|<turn\|>|<eos>|\[DONE\])"
_LAST_MARK = re.compile(rf"{_MARK}\s*+")
_FIRST_MARK = re.compile(rf"(?:{_MARK}(?:assistant\b|model\b)?\s*+)++")
_NEXT_TURN = re.compile(rf"{_MARK}\s*+(?:{_MARK}|(?:user|human|assistant)\s*+[:\n]|\[INST\])", re.I)


def spoken(completion: str) -> str | None:
    """Return the part of a completion that answers, None if a thought in it never ends.

    Marks of a tokenizer at either end are dropped, and so is a further turn of the conversation.
    """
    begins = [match.start() for match in _BEGINS.finditer(completion)]
    if not begins:
        return completion
    marks = _marks(completion, begins)
    start = max((mark.end() for mark in marks if mark.re is _CLOSED), default=0)
    if any(mark.re is _OPENED and mark.end() > start for mark in marks):
        return None
    opened = max((mark.end() for mark in marks if mark.re is _ANSWER_OPENED), default=0)
    start = max(start, opened)
    ends = [mark.start() for mark in marks if mark.re is _ANSWER_CLOSED and mark.start() >= start]
    return _one_turn(completion[start : ends[0] if opened and ends else len(completion)])


def _marks(text: str, begins: list[int]) -> list[re.Match[str]]:
    """Return the marks that begin at some places and stand in no quotation, in order."""
    kinds = (_OPENED, _CLOSED, _ANSWER_OPENED, _ANSWER_CLOSED)
    marks = [mark for at in begins for kind in kinds if (mark := kind.match(text, at))]
    return [mark for mark in marks if not _spoken_of(text, mark.start())]


def _spoken_of(text: str, at: int) -> bool:
    """Whether a place lies in a quotation on its line."""
    start = max(text.rfind("\n", 0, at) + 1, at - 200)
    end = text.find("\n", at, at + 200)
    line = text[start : end if end >= 0 else at + 200]
    return any(match.start() <= at - start < match.end() for match in _QUOTED.finditer(line))


def _one_turn(text: str) -> str:
    """Drop the marks around a turn, and what follows if that is a further turn."""
    first = _FIRST_MARK.match(text)
    text = text[first.end() :] if first else text
    following = _NEXT_TURN.search(text)
    text = text[: following.start()] if following else text
    end = len(text)
    while (start := max(text.rfind("<", 0, end), text.rfind("[DONE", 0, end))) >= 0:
        if not _LAST_MARK.fullmatch(text, start, end):
            break
        end = start
    return text[:end].rstrip() if end < len(text) else text
