r"""Finds the one final answer in a completion, never looking at the reference.

In this order: the boxes (`\boxed`, `\fbox`); `<answer>`; `####` (GSM8K); an announcement ("the
answer is ..."); a completion that is nothing but an answer; the display or the last number that
ends the final line. Text up to `</think>` (or `</thinking>`, ...) is not part of the answer, and a
thought that was never closed has none. A tokenizer's end marks (`<|im_end|>`, `</s>`) are dropped.
Several different answers of one sort are no answer, but for one plainly announced correction, where
the last stands. A number is never torn out of a larger expression.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

MAX_SPELLINGS = 50  # of the answers in one completion: with more it has not one answer
MAX_COMPLETION = 200_000  # characters after the thought: a longer text has no answer

NO_ANSWER = "no answer"
SEVERAL = "several different answers"
TOO_LONG = f"more than {MAX_COMPLETION:,} characters: too long to read"

# Every pattern takes time in proportion to the text, whatever the text (tests/test_growth.py): a
# repeat gives nothing back (`*+`), and a search for blanks starts where they start (`(?<!\s)`).


@dataclass(frozen=True, slots=True)
class Found:
    """The text of the final answer, or None and why there is none."""

    text: str | None
    reason: str = ""


_BOX = re.compile(r"\\(?:boxed|fbox)(?![a-zA-Z])\s*+")
_BOXED_TOKEN = re.compile(r"\\?[A-Za-z]++|-?[0-9][0-9.,]*+|\S")
_THOUGHT = r"(?:think|thinking|thought|thoughts|reasoning|reflection|scratchpad)"
_OPENED = re.compile(rf"<{_THOUGHT}>|◁think▷")
_CLOSED = re.compile(rf"</{_THOUGHT}>|◁/think▷")
_END_MARK = re.compile(r"(?:<\|[a-z_]{2,20}\|>|</s>|<end_of_turn>|<eos>)\s*+")
_ANSWER_TAG = re.compile(r"<(/?)answer>", re.I)
_HASHES = re.compile(r"####([^\n]*+)")
_EMPHASIS = re.compile(r"(?<![\w)])\*\*|\*\*(?![\w(-])|__(?=[A-Za-z])|`++")
_ANNOUNCED = re.compile(
    r"\b(?:answers?|correct (?:option|choice|letter))\b(?:[^.\n:=]|\.(?=\d)){0,60}?"
    r"(?:\b(?:is|are|equals)\b\s*+:?|:|=)(?!\s*+not\b)"
    r"[ \t]*\n?[ \t]*(?=[^\n])",
    re.I,
)
_CORRECTION = re.compile(
    r"\b(?:correction|corrected|correct answer|mistake|slip|error|wrong|incorrect|oops|actually|"
    r"should be|should have been|wait)\b",
    re.I,
)
_SENTENCE_END = re.compile(
    r"(?:,|(?<!\s))\s++(?:since|because|as|so|which|where)\b|,\s++(?:not|rather than|instead of)\b"
    r"|[.!?](?=\s++[A-Z(]|[^\S\n]*+(?:\n|\Z))|(?<=\$)[.](?=\s)|\n"
)
_DISPLAY = re.compile(r"(?:\$\$|\\\[)((?:(?!\$\$|\\\[|\\\]).)++)(?:\$\$|\\\])\s*+[.,]?\s*+\Z", re.S)
_INLINE = re.compile(r"(?<!\\)\$([^$\n]++)(?<!\\)\$|\\\(((?:(?!\\[()]).)++)\\\)")
_NUMBER = re.compile(
    r"(?:\\?[$€£]\s*)?(?<![0-9.,])[-−]?(?:\\?[$€£]\s*)?(?:(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)"
    r"(?:\s?/\s?[0-9]+)?(?:\s?\\?%)?"
)
_BAD_BEFORE = re.compile(
    r"(?:[-+*/^_({\[,.:<>|&\\×·÷√]|[A-Za-z0-9)}\]]\s*[-−]|\\[a-zA-Z]+|[0-9]\s*|[a-zA-Z]|[^\x00-\x7f])$"
)
_BAD_WORDS = re.compile(
    r"\b(?:or|and|to|between|from|not|isn't|than|about|approximately|roughly|least|most|nearly|almost|maybe|either"
    r"|step|equation|line|case|option|chapter|question|problem)\s*$",
    re.I,
)
_GOOD_AFTER = re.compile(r"(?:$|[.,;:!?)\]\"'*$]*(?:\s+[A-Za-z(]|\s*$))")
_HAS_MATHS = re.compile(r"[0-9=+*/^_\\<>]")
_OPERATOR_BEFORE = re.compile(r"[-+*/^_({\[,<>|&\\0-9]")
_ITEM = re.compile(r"(?:[0-9]++[.)]|[-*•])\s")
_MORE_MATHS = re.compile(r"[0-9\\$]")
_DIGIT_OR_COMMAND = re.compile(r"[\d\\]")


def final_answer(
    completion: str, readable: Callable[[str], bool], same: Callable[[str, str], bool]
) -> Found:
    """Return the final answer of a completion.

    `readable` says whether a text is an answer as it stands, `same` whether two texts are the same
    answer.
    """
    text = completion
    if "<" in text or "◁" in text:
        text = text[max((closed.end() for closed in _CLOSED.finditer(text)), default=0) :]
        if _OPENED.search(text):
            return Found(None, NO_ANSWER)
        text = _without_end_marks(text)
    if len(text) > MAX_COMPLETION:
        return Found(None, TOO_LONG)
    boxes, unfinished = _boxes(text)
    if unfinished:
        return Found(None, NO_ANSWER)
    if boxes:
        return _settle(boxes, text, same)
    tags = [
        (opened.start(), closed.end(), text[opened.end() : closed.start()].strip())
        for opened, closed in pairwise(_ANSWER_TAG.finditer(text))
        if closed[1] and not opened[1]
    ]
    if tags:
        return _settle(tags, text, same)
    hashes = [(m.start(), m.end(), m[1].strip()) for m in _HASHES.finditer(text)]
    if hashes:
        return _settle(hashes, text, same)
    plain = _EMPHASIS.sub("", text)
    announced = _announcements(plain, readable)
    if announced is None:
        return Found(None, SEVERAL)
    if announced:
        return _settle(announced, plain, same)
    return _unmarked(plain.strip(), readable)


def _without_end_marks(text: str) -> str:
    end = len(text)
    while (start := text.rfind("<", 0, end)) >= 0 and _END_MARK.fullmatch(text, start, end):
        end = start
    return text[:end].rstrip()


def _boxes(text: str) -> tuple[list[tuple[int, int, str]], bool]:
    """Return (start, end, content) of each box, and whether the last one was cut off."""
    found: list[tuple[int, int, str]] = []
    position = 0
    while match := _BOX.search(text, position):
        start = match.end()
        if not text.startswith("{", start):
            token = _BOXED_TOKEN.match(text, start)
            if token is None:
                return found, True
            found.append((match.start(), token.end(), token[0].rstrip(".,$")))
            position = token.end()
            continue
        end = _closing(text, start)
        if end is None:
            return found, True
        found.append((match.start(), end, text[start + 1 : end - 1].strip()))
        position = end
    return found, False


def _closing(text: str, start: int) -> int | None:
    depth, position = 0, start
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 2
            continue
        depth += (character == "{") - (character == "}")
        position += 1
        if depth == 0:
            return position
    return None


def _settle(
    found: list[tuple[int, int, str]], text: str, same: Callable[[str, str], bool]
) -> Found:
    """Reduce the answers found to one: all the same, or changed once by an announced correction."""
    if not found[-1][2]:
        return Found(None, NO_ANSWER)
    answers = [answer for answer in found if answer[2]]
    last = answers[-1]
    respelled = [(a, b) for a, b in pairwise(answers) if a[2] != b[2]]
    if len(respelled) > MAX_SPELLINGS:
        return Found(None, SEVERAL)
    changes = [text[a[1] : b[1]] for a, b in respelled if not same(a[2], b[2])]
    if len(changes) > 1 or (changes and not _CORRECTION.search(changes[0])):
        return Found(None, SEVERAL)
    return Found(last[2])


_ONLY_WORDS = re.compile(r"\W*+(?:(?:the|my|our|so|thus|final|correct)\W++)*+", re.I)


def _announcements(text: str, readable: Callable[[str], bool]) -> list[tuple[int, int, str]] | None:
    """Return (start, end, answer) of each "the answer is"; None for too many different ones."""
    found: list[re.Match[str]] = []
    position, headings = 0, 0
    while match := _ANNOUNCED.search(text, position):
        if found and not headings and _ONLY_WORDS.fullmatch(text, found[-1].end(), match.start()):
            found.pop()  # "Final answer: the final answer is ...", once
            headings += 1
        found.append(match)
        position = match.end()
    ends = [end.start() for end in _SENTENCE_END.finditer(text)] if found else []
    answers: dict[str, str] = {}
    announced = []
    for match in found:
        start = match.end()
        after = bisect_left(ends, start)
        sentence = text[start : ends[after] if after < len(ends) else len(text)]
        if sentence not in answers:
            if len(answers) == MAX_SPELLINGS:
                return None
            answers[sentence] = _announced(sentence.strip().rstrip(".,;"), readable)
        announced.append((match.start(), start, answers[sentence]))
    return announced


def _announced(sentence: str, readable: Callable[[str], bool]) -> str:
    """Cut the answer out of the sentence that follows "the answer is"."""
    if readable(sentence):
        return sentence
    inline = _INLINE.match(sentence)
    if inline and not _MORE_MATHS.search(sentence, inline.end()):
        return (inline[1] or inline[2]).strip()
    number = _NUMBER.match(sentence)
    if (
        number
        and _GOOD_AFTER.match(sentence, number.end())
        and not _HAS_MATHS.search(sentence, number.end())
    ):
        return number[0]
    return sentence


_WORDS = re.compile(r"\$?\\(?:text(?:bf|it|rm)?|mathrm|mbox)\{([^{}\\0-9]*)\}\$?")


def _unmarked(text: str, readable: Callable[[str], bool]) -> Found:
    if not text:
        return Found(None, NO_ANSWER)
    words = _WORDS.sub(r"\1", text)
    if "\n" not in text and (
        readable(text) or not _DIGIT_OR_COMMAND.search(words) and len(words.split()) <= 6
    ):
        return Found(text)
    display = _DISPLAY.search(text)
    if display and readable(display[1]):
        return Found(display[1].strip())
    line = text.splitlines()[-1].strip()
    if readable(line):
        return Found(line)
    inlines = list(_INLINE.finditer(line))
    if inlines:
        content = (inlines[-1][1] or inlines[-1][2]).strip()
        before, after = line[: inlines[-1].start()], line[inlines[-1].end() :]
        if (
            readable(content)
            and not _DIGIT_OR_COMMAND.search(after)
            and not _BAD_WORDS.search(before)
        ):
            return Found(content)
        return Found(None, NO_ANSWER)
    return _last_number(line)


def _last_number(line: str) -> Found:
    if _ITEM.match(line):
        return Found(None, NO_ANSWER)  # one item of several
    numbers = list(_NUMBER.finditer(line))
    if not numbers:
        return Found(None, NO_ANSWER)
    last = numbers[-1]
    before, after = line[: last.start()].rstrip(" "), line[last.end() :]
    if _BAD_BEFORE.search(line[: last.start()]) or _OPERATOR_BEFORE.fullmatch(before[-1:]):
        return Found(None, NO_ANSWER)
    if _BAD_WORDS.search(before) or not _GOOD_AFTER.match(after) or _HAS_MATHS.search(after):
        return Found(None, NO_ANSWER)
    return Found(last[0].strip())
