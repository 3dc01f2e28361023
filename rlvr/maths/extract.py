r"""Extract: finds the one final answer in a completion, without the reference's value.

The principle: an answer counts if the text states it. A text that denies, supposes, hedges, asks,
is cut off or is taken back states nothing (`rlvr.maths.stance`). These state an answer, in this
order: boxes (`\boxed`, `\fbox`); `<answer>`; `####` (GSM8K); an announcement ("the answer is ...",
"A: ..."); a completion that is only an answer; the display or the sentence at the end. Thoughts and
a tokenizer's marks are left out first (`rlvr.markup`). Boxes that are joined by "and", "or" or a
comma are one list. Several different answers of one sort are no answer, unless there is one plainly
announced correction; then the last answer counts. The text after the last answer counts too: if it
takes the answer back, there is none, or the answer that it then announces. A number is never taken
out of a larger expression, and a unit beside a box belongs to it (`rlvr.maths.around`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from itertools import islice, pairwise

from rlvr.markup import spoken
from rlvr.maths import stance
from rlvr.maths.announce import MAX_SPELLINGS, Stated, announcements, plain
from rlvr.maths.around import measured, torn
from rlvr.maths.boxes import boxes
from rlvr.maths.cardinals import in_words
from rlvr.maths.clauses import NUMBER
from rlvr.maths.listed import in_formulas, in_lines
from rlvr.maths.reader import Reader
from rlvr.maths.sentences import SMALL, ending, last_of, last_sentence

MAX_COMPLETION = 200_000  # the most characters after the thought: a longer text has no answer

NO_ANSWER = "no answer"
SEVERAL = "several different answers"
TAKEN_BACK = "the answer is taken back"
MAX_AGAIN = 100  # characters of the same answer with another unit
TOO_LONG = f"more than {MAX_COMPLETION:,} characters: too long to read"

# Every pattern takes time in proportion to the text, for every text (tests/unit/test_growth.py):
# repeats are possessive (`*+`), and a search for blanks starts at the first one (`(?<!\s)`).


@dataclass(frozen=True, slots=True)
class Found:
    """The text of the final answer, or None and the reason why there is none."""

    text: str | None
    reason: str = ""


def final_answer(completion: str, reader: Reader, retracted: bool = True) -> Found:
    """Return the final answer of a completion.

    With `retracted`, the text after an answer may take it back; without, the answer stands.
    """
    text = spoken(completion)
    if text is None:
        return Found(None, NO_ANSWER)
    if len(text) > MAX_COMPLETION:
        return Found(None, TOO_LONG)
    boxed, unfinished = boxes(text)
    if unfinished:
        return Found(None, NO_ANSWER)
    held = [measured(text, box._replace(text=_content(box.text))) for box in boxed]
    said = [Stated(*box) for box in held]
    for find in (partial(_joined, said), _tags, _hashes):
        marked = find(text, reader)
        stated = [one for one in marked if not _disowned(text, one, retracted)]
        if stated:
            return _settled(stated, text, reader, retracted)
        if marked and torn(text, marked[-1].start, marked[-1].end):
            return Found(None, NO_ANSWER)
        if marked:
            return _found(last_sentence(text[marked[-1].end :], reader))
    words = plain(text)
    listed = in_lines(words, reader) if reader.several else None
    announced = announcements(words[: listed.start] if listed else words, reader)
    if listed and not any(one.text for one in announced or []):
        return Found(listed.text)
    if announced is None:
        return Found(None, SEVERAL)
    stated = [one for one in announced if not _disowned(words, one, retracted)]
    if stated:
        settled = _settled(stated, words, reader, retracted, announced=True)
        if settled.text is None or reader.readable(settled.text):
            return settled
        formulas = in_formulas(settled.text, reader)
        return settled if formulas is None else Found(formulas)
    if announced:
        return Found(None, NO_ANSWER)
    ended = ending(words.strip(), reader)
    if ended is None or not _SEPARATED.search(ended):
        ended = in_formulas(last_of(words.strip().rpartition("\n")[2]), reader) or ended
    return _found(ended)


_SEPARATED = re.compile(r",|\b(?:and|or)\b|\\pm|±")  # a list, or a tuple


def _found(text: str | None) -> Found:
    return Found(None, NO_ANSWER) if text is None else Found(text)


def _disowned(text: str, one: Stated, retracted: bool = True) -> bool:
    """Return whether the text around an answer makes it a part of something, or no answer."""
    return (
        torn(text, one.start, one.end)
        or stance.doubted(text, one.start)
        or (text.startswith("\\", one.start) and stance.changed_before(text, one.start))  # a box
        or stance.qualified(text, one.end)
        or (retracted and stance.denied_after(text, one.end))
    )


# --- marks: boxes, tags, hashes --------------------------------------------------------------

_ANSWER_TAG = re.compile(r"<(/?)answer>", re.I)
_HASHES = re.compile(r"####([^\n]*+)")
_JOINT = re.compile(
    r"[\s$]*+(?:\\(?:text|mbox|mathrm)\s*+\{)?\s*+(,|;|、|，|(?:,\s*+)?(?:and|or|und|oder|et|ou|y|o|e"
    r"|和|或|及|或者|以及)(?![a-z])|&|\\(?:quad|qquad)\b|\\lor\b|\\land\b)"
    r"\s*+\}?[\s$]*+(?:([a-zA-Z](?:_\{?[0-9a-z]\}?)?)\s*+=[\s$]*+)?",
    re.I,
)
# Names of the parts of an answer: `(a)`, `Part 2`, `the first`.
_PART = re.compile(
    r"\(([a-h]|[ivx]{1,4}|[1-9])\)|\b(?:part|question|case)\s++([a-h1-9]|[ivx]{1,4})\b"
    r"|\bthe (first|second|third|fourth)\b|^[ \t]*+([1-9])[.)]",
    re.I | re.M,
)
_NAME_BEFORE = re.compile(r"(?<![a-zA-Z\\}])([a-zA-Z](?:_\{?[0-9a-z]\}?)?)\s*+=[\s$]*+\Z")


def _content(text: str) -> str:
    """Return the content of a box, without a sign of equality before it or a tick after it."""
    return text.removeprefix("=").removesuffix("\\checkmark").strip()


def _joined(stated: list[Stated], text: str, reader: Reader) -> list[Stated]:
    """Write boxes that "and", "or" or a comma joins as one list, each with its name if it has one.

    A list has several different items: the same answer twice is that answer.
    """
    if len(stated) < 2:
        return stated
    joined: list[Stated] = []
    group: list[tuple[Stated, str | None]] = []
    words: list[str] = []
    parts = _parts(stated, text)
    for box in stated:
        joint = _JOINT.fullmatch(text, group[-1][0].end, box.start) if group else None
        if joint is None and group and len(parts) < len(stated):
            joined.append(_list(group, words, reader))
            group, words = [], []
        name = joint[2] if joint else None
        if joint:
            words.append(joint[1].lower())
        else:
            before = _NAME_BEFORE.search(text, max(0, box.start - 20), box.start)
            name = before[1] if before else None
        group.append((box, name))
    joined.append(_list(group, words, reader))
    return joined


def _parts(stated: list[Stated], text: str) -> set[str]:
    """Return the different parts that are named before the answers, as many as these if each is."""
    parts: set[str] = set()
    start = 0
    for box in stated[:MAX_SPELLINGS]:
        named = list(_PART.finditer(text, max(start, box.start - SMALL), box.start))
        if named:
            parts.add(next(filter(None, named[-1].groups())).lower())
        start = box.end
    return parts


def _list(group: list[tuple[Stated, str | None]], words: list[str], reader: Reader) -> Stated:
    first, last = group[0][0], group[-1][0]
    contents = [box.text for box, _ in group]
    if len(group) == 1 or len(group) > MAX_SPELLINGS or not all(contents):
        return last if len(group) == 1 else Stated(first.start, last.end, "")
    if all(a == b or reader.same(a, b) for a, b in pairwise(contents)):
        return Stated(first.start, last.end, last.text)
    if all(name for _, name in group):
        contents = [f"{name} = {box.text}" for box, name in group]
    either = any(word.lstrip(", ") in ("or", "oder", "ou", "o", "或", "或者") for word in words)
    return Stated(first.start, last.end, (r" \text{ or } " if either else ", ").join(contents))


def _tags(text: str, reader: Reader) -> list[Stated]:
    return [
        Stated(opened.start(), closed.end(), _within(text[opened.end() : closed.start()], reader))
        for opened, closed in pairwise(_ANSWER_TAG.finditer(text))
        if closed[1] and not opened[1]
    ]


def _within(content: str, reader: Reader) -> str:
    """Return what a tag holds, or what the sentences in it state: `the answer is 5`."""
    content = content.strip()
    if not content or reader.word or reader.readable(content):
        return content
    words = plain(content)
    announced = announcements(words, reader)
    if announced:
        last = announced[-1]
        different = any(not reader.same(last.text, one.text) for one in announced[:-1])
        return content if different or _disowned(words, last) else last.text
    stated = ending(words, reader)
    return content if stated is None else stated


def _hashes(text: str, reader: Reader) -> list[Stated]:
    """Return the answers after `####`; not headings, which are followed by their text."""
    found = []
    for match in _HASHES.finditer(text):
        content = match[1].strip().strip("*").strip()
        if reader.readable(content) or not text[match.end() :].strip():
            found.append(Stated(match.start(), match.end(), content))
    return found


def _settled(
    stated: list[Stated], text: str, reader: Reader, retracted: bool, announced: bool = False
) -> Found:
    """Reduce the answers to one: all the same, or changed once by an announced correction."""
    if not stated[-1].text:
        return Found(None, NO_ANSWER)
    answers = [one for one in stated if one.text]
    if announced and reader.readable(answers[-1].text):  # a label may lead a sentence before it
        answers = [one for one in answers if reader.readable(one.text)]
    last = answers[-1]
    respelled = [(a, b) for a, b in pairwise(answers) if a.text != b.text]
    if len(respelled) > MAX_SPELLINGS:
        return Found(None, SEVERAL)
    changes = [text[a.end : b.end] for a, b in respelled if not reader.same(a.text, b.text)]
    if len(changes) > 1 or (changes and not stance.TAKEN_BACK.search(changes[0])):
        return Found(None, SEVERAL)
    if not retracted:
        return Found(last.text)
    return _after(last, text[last.end :], reader, corrected=bool(changes))


_REASON = re.compile(
    r",?[^\S\n]*+(?:because|since|as|not|rather than|instead of)\b(?:[^.!?\n]|[.](?=[^\s]))*+", re.I
)
_OR_ELSE = re.compile(
    r"[\s$.,;(})\]*]*+(?:\\text\{\s*+)?(?:or|alternatively)\b[\s,:}$]*+(?:possibly |maybe )?"
    r"((?=[^\s,;]*[0-9])[^\s,;]{1,80}+|[A-J](?=[).]|\s*+\Z))",
    re.I,
)
_BECOMES = re.compile(rf"[\s$}})\]]*+(?:=|→|\\(?:right|Right)arrow|\\to)[\s$]*+({NUMBER.pattern})")
_AND_ALSO = re.compile(
    rf"[\s$}})\]*]*+(?:,(?: and\b)?|and\b)[\s$]*+({NUMBER.pattern})\$?"
    r"(?=\s*+\.?(?:\n|\Z|\s[A-Z])|;)"
)
_DIGIT = re.compile(r"[0-9]")
_CONSTANT = re.compile(r"[0-9π∞∅]|\\(?:pi|infty|emptyset|varnothing)(?![a-zA-Z])")
_CONCLUDED = re.compile(r"(?:so|thus|hence|therefore|no|it['’]s|that['’]s)\b", re.I)
_CIRCUMSTANCE = re.compile(r"\b(?:in|after|during|within)\s++\$?\Z", re.I)  # proved in 2 ways
_OPERATOR = re.compile(r"[\s$]*+(?:[-−+*/^×·÷]|\\(?:cdot|times|div)(?![a-zA-Z]))")
_OPERAND = re.compile(r"(?:[-−+*/^×·÷]|\\(?:cdot|times|div))[\s$]*+\Z")
_PART_OF_SUM = re.compile(r"[-−+*/^×·÷=0-9][\s$]*+\Z")
_BOLD = re.compile(r"(?:\A|\n)[ \t]*+\*\*([^*\n]{1,80}+)\*\*[.\s]*+\Z")
_OTHER = r"(?:the|any|every) (?:other|negative|second) (?:solution|root|value|case|answer|option)s?"
_VALUE = r"\$([^$\n]{1,60})\$|((?:[A-Za-z] ?= ?)?(?<![0-9./,])[-−]?[0-9](?:[0-9./,]{0,40}[0-9])?)"
_DENIED = (
    r"(?:,? (?:which|that))? (?:is|are|was|were|would be)(?: also| clearly)? (?:(?:an? )?extraneous"
    r"|wrong|incorrect|false|impossible|rejected|discarded|excluded"
    r"|not (?:possible|valid|allowed|an? solution|acceptable|admissible|feasible))\b"
)
_REJECTS = r"\b(?:reject|discard|exclude|ignore|disregard|eliminate|rule out)(?:s|ed|ing)?"
_WHY = r"(?:,? (?:since|because|as) [^.!?,;()\n0-9]*+)?"
# What a text may say against answers other than its own: `x = -3 is extraneous`.
_DISMISSED = re.compile(
    rf"(?:(?:{_OTHER}|{_VALUE}){_DENIED}|{_REJECTS} (?:{_OTHER}|{_VALUE}))"
    rf"{_WHY}",
    re.I,
)
_DISMISSED_LETTER = re.compile(r"\(?\b([A-J])\b\)?" + _DENIED, re.I)


def _others_dismissed(words: str, answer: str, reader: Reader) -> str:
    """Leave out what a text says against answers other than its own."""

    def own(match: re.Match[str]) -> str:
        value = next(filter(None, match.groups()), None)
        before = match.string[max(0, match.start() - 9) : match.start()]
        kept = value and (_PART_OF_SUM.search(before) or reader.same(answer, value))
        return match[0] if kept else ""

    pattern = _DISMISSED_LETTER if reader.letter else _DISMISSED
    return pattern.sub(own, words[:SMALL]) + words[SMALL:]


def _concluded(tail: str, answer: str, reader: Reader) -> str | None:
    """Return the value of a conclusion at the end of a text, or of `#### 5`; None for neither.

    A sentence that has the answer itself, or several values, concludes no other one.
    """
    lines = tail.strip().splitlines()
    last = lines[-1].strip() if lines else ""
    if last.startswith("####"):
        return last.strip("#* ")
    sentence = last_of(last)
    value = last_sentence(sentence, reader) if _CONCLUDED.match(sentence) else None
    if value is None or _repeats(sentence[:SMALL], answer, reader):
        return None
    before, _, after = sentence.rpartition(value)
    if len(after.split()) > 2 or _CIRCUMSTANCE.search(before):
        return None  # `so each of 4 pupils is given some` concludes no value
    others = (number.start() for number in NUMBER.finditer(before))
    return value if all(stance.doubted(before, start) for start in others) else None


_EDITED = re.compile(
    r"(?:\n|[.!?]\s)[^\S\n]*+\**(?:edit|update|erratum|correction|final|p\.?s\.?|in fact)[\s:,]++"
    rf"(?:(?:it['’]s|it is|the answer is)\s)?\$?({NUMBER.pattern}|[A-J]\b)",
    re.I,
)
_ALONE = re.compile(r"(?:[A-Za-z] ?= ?)?[-−]?[0-9][-+0-9./^(){}\\a-z]{0,30}")


def _last_value(tail: str, reader: Reader) -> str:
    """Return the last line or display after an answer if it is a value and nothing else."""
    lines = tail.strip().splitlines()
    last = lines[-1].strip().strip("$").strip("[]\\. ") if len(tail.splitlines()) > 1 else ""
    alone = _CHOICE.fullmatch(last) if reader.letter else _ALONE.fullmatch(last)
    return last if alone and reader.readable(last) else ""


def _repeats(sentence: str, answer: str, reader: Reader) -> bool:
    """Return whether an answer stands in a sentence: not denied, and not as an operand."""
    return any(
        reader.same(answer, number[0].strip())
        for number in islice(NUMBER.finditer(sentence), MAX_SPELLINGS)
        if not _OPERAND.search(sentence[: number.start()])
        and not _OPERATOR.match(sentence, number.end())
        and not stance.doubted(sentence, number.start())
    )


def _after(last: Stated, tail: str, reader: Reader, corrected: bool) -> Found:
    """Return the last answer, unless the text after it takes it back or announces another one.

    A reason does not take it back: `the answer is A, because B is wrong`.
    """
    reason = _REASON.match(tail)
    tail = tail[reason.end() :] if reason else tail
    if not tail.strip(" \n$.})]*"):
        return Found(last.text)
    other = _OR_ELSE.match(tail) or _AND_ALSO.match(tail) or _BECOMES.match(tail)
    if other and not reader.same(last.text, other[1].strip("$ .").removesuffix(")")):
        whole = tail[other.start(1) :].partition("\n")[0].strip("$ .")  # `2500 m = 2.5 km`
        if other.re is not _BECOMES or not reader.same(last.text, whole[:MAX_AGAIN]):
            return Found(None, SEVERAL)
    words = _others_dismissed(plain(tail), last.text, reader)
    announced = [
        one
        for one in [*(announcements(words, reader) or []), *_tags(words, reader)]
        if not _disowned(words, one) and one.text
    ]
    if stance.taken_back(words[:SMALL]):
        later = announced[-1].text if announced else last_sentence(words, reader)
        if later is None or corrected and not reader.same(last.text, later):
            return Found(None, TAKEN_BACK)
        return Found(later)
    edited = _EDITED.search(words[:SMALL])
    if edited and not reader.same(last.text, edited[1]):
        return Found(None, SEVERAL)
    bold = _BOLD.search(tail)
    if bold and reader.readable(bold[1]) and not reader.same(last.text, bold[1]):
        return Found(None, SEVERAL)
    if (other_value := _last_value(tail, reader)) and not _agree(last.text, other_value, reader):
        return Found(None, SEVERAL)
    later = _concluded(words, last.text, reader)
    if later is None and announced:
        later = announced[-1].text
    elif later is not None and not _DIGIT.search(later):
        later = None
    if later is not None and _kind(later, reader) == _kind(last.text, reader) != "":
        if not _agree(last.text, later, reader):
            return Found(None, SEVERAL)
    return Found(last.text)


_CHOICE = re.compile(r"(?:\\text\s*+\{)?[\s(]*+[A-J][).\s]*+\}?")
_NAME = re.compile(
    r"(?:\\text\s*+\{)?\s*+(?:(?i:yes|no|true|false)|[A-Z][a-z]+(?: [A-Z][a-z]+)*+)[.\s]*+\}?"
)


def _kind(text: str, reader: Reader) -> str:
    """Return the kind of what a text states, for only answers of one kind contradict each other.

    `the answer is C` says nothing against 12, nor does `the answer is clear` against Monday.
    """
    if _CHOICE.fullmatch(text):
        return "letter"
    if _CONSTANT.search(text) or text.isascii() and in_words(text) is not None:
        return "value" if reader.readable(text) else ""
    return "name" if _NAME.fullmatch(text) else ""


def _agree(answer: str, later: str, reader: Reader) -> bool:
    """Return whether a later statement is the answer again, or says more of it: `10 = 5 + 5`."""
    return reader.same(answer, later) or ("=" in later and reader.same(later, answer))
