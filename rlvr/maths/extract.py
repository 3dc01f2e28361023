r"""Finds the one final answer in a completion, without a look at the reference's value.

One principle: an answer counts where the text states it, and what is denied, supposed, hedged,
asked, cut off or taken back states nothing (`rlvr.maths.stance`). What states an answer, in this
order: the boxes (`\boxed`, `\fbox`); `<answer>`; `####` (GSM8K); an announcement ("the answer is
...", "A: ..."); a completion that is nothing but an answer; the display or the sentence at the end.
Thoughts and a tokenizer's marks are left out first (`rlvr.markup`). Boxes joined by "and", "or" or
a comma are one list. Other different answers of one sort are no answer, but for one plainly
announced correction, where the last stands. What is said after the last of them counts too: an
answer that is taken back is none, or is the one that is announced then. A number is never torn out
of a larger expression.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from rlvr.markup import spoken
from rlvr.maths import stance

MAX_SPELLINGS = 50  # of the answers in one completion: with more it has not one answer
MAX_COMPLETION = 200_000  # characters after the thought: a longer text has no answer
MAX_WORDS = 6  # of a quantity in a sentence: a number and the noun it counts

NO_ANSWER = "no answer"
SEVERAL = "several different answers"
TAKEN_BACK = "the answer is taken back"
TOO_LONG = f"more than {MAX_COMPLETION:,} characters: too long to read"

# Every pattern takes time in proportion to the text, whatever the text (tests/test_growth.py): a
# repeat gives nothing back (`*+`), and a search for blanks starts where they start (`(?<!\s)`).


@dataclass(frozen=True, slots=True)
class Found:
    """The text of the final answer, or None and why there is none."""

    text: str | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Stated:
    """An answer in a text: where its statement starts and ends, and what it says."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Reader:
    """What the verifier knows of texts.

    `readable`: whether a text is an answer as it stands; `same`: whether two texts are the same
    answer; `letter`: whether the answer looked for is the letter of a choice.
    """

    readable: Callable[[str], bool]
    same: Callable[[str, str], bool]
    letter: bool = False


def final_answer(completion: str, reader: Reader, retracted: bool = True) -> Found:
    """Return the final answer of a completion.

    With `retracted` what is said after an answer may take it back; else the answer stands.
    """
    text = spoken(completion)
    if text is None:
        return Found(None, NO_ANSWER)
    if len(text) > MAX_COMPLETION:
        return Found(None, TOO_LONG)
    boxes, unfinished = _boxes(text)
    if unfinished:
        return Found(None, NO_ANSWER)
    for marked in (_joined(boxes, text, reader), _tags(text), _hashes(text, reader)):
        stated = [one for one in marked if not _disowned(text, one)]
        if stated:
            return _settled(stated, text, reader, retracted)
        if marked:
            return _unmarked_end(text[marked[-1].end :], reader)
    plain = _EMPHASIS.sub("", text)
    announced = _announcements(plain, reader)
    if announced is None:
        return Found(None, SEVERAL)
    stated = [one for one in announced if not _disowned(plain, one)]
    if stated:
        return _settled(stated, plain, reader, retracted)
    if announced:
        return Found(None, NO_ANSWER)
    return _unmarked(plain.strip(), reader)


def _disowned(text: str, one: Stated) -> bool:
    return (
        stance.doubted(text, one.start)
        or stance.denied_after(text, one.end)
        or stance.qualified(text, one.end)
    )


# --- marks: boxes, tags, hashes --------------------------------------------------------------

_BOX = re.compile(r"\\(?:boxed|fbox)(?![a-zA-Z])\s*+")
_BOXED_TOKEN = re.compile(r"\\?[A-Za-z]++|-?[0-9][0-9.,]*+|\S")
_ANSWER_TAG = re.compile(r"<(/?)answer>", re.I)
_HASHES = re.compile(r"####([^\n]*+)")
_JOINT = re.compile(
    r"[\s$]*+(?:\\(?:text|mbox|mathrm)\s*+\{)?\s*+(,|;|、|，|(?:,\s*+)?(?:and|or|und|oder|et|ou|y|o|e"
    r"|和|或|及|或者|以及)(?![a-z])|&|\\(?:quad|qquad)\b|\\lor\b|\\land\b)"
    r"\s*+\}?[\s$]*+(?:([a-zA-Z](?:_\{?[0-9a-z]\}?)?)\s*+=[\s$]*+)?",
    re.I,
)
_NAME_BEFORE = re.compile(r"(?<![a-zA-Z\\}])([a-zA-Z](?:_\{?[0-9a-z]\}?)?)\s*+=[\s$]*+\Z")


def _boxes(text: str) -> tuple[list[Stated], bool]:
    """Return the boxes, and whether the last one was cut off."""
    found: list[Stated] = []
    position = 0
    while match := _BOX.search(text, position):
        start = match.end()
        if not text.startswith("{", start):
            token = _BOXED_TOKEN.match(text, start)
            if token is None:
                return found, True
            found.append(Stated(match.start(), token.end(), token[0].rstrip(".,$")))
            position = token.end()
            continue
        end = _closing(text, start)
        if end is None:
            return found, True
        found.append(Stated(match.start(), end, text[start + 1 : end - 1].strip()))
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


def _joined(boxes: list[Stated], text: str, reader: Reader) -> list[Stated]:
    """Write boxes that "and", "or" or a comma joins as one list, each with its name if it has one.

    A list has several different items: the same answer twice is that answer.
    """
    if len(boxes) < 2:
        return boxes
    joined: list[Stated] = []
    group: list[tuple[Stated, str | None]] = []
    words: list[str] = []
    for box in boxes:
        joint = _JOINT.fullmatch(text, group[-1][0].end, box.start) if group else None
        if joint is None and group:
            joined.append(_list(group, words, text, reader))
            group, words = [], []
        name = joint[2] if joint else None
        if joint:
            words.append(joint[1].lower())
        else:
            before = _NAME_BEFORE.search(text, max(0, box.start - 20), box.start)
            name = before[1] if before else None
        group.append((box, name))
    joined.append(_list(group, words, text, reader))
    return joined


def _list(
    group: list[tuple[Stated, str | None]], words: list[str], text: str, reader: Reader
) -> Stated:
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


def _tags(text: str) -> list[Stated]:
    return [
        Stated(opened.start(), closed.end(), text[opened.end() : closed.start()].strip())
        for opened, closed in pairwise(_ANSWER_TAG.finditer(text))
        if closed[1] and not opened[1]
    ]


def _hashes(text: str, reader: Reader) -> list[Stated]:
    """Return what stands after `####`: but for headings, which are followed by their text."""
    found = []
    for match in _HASHES.finditer(text):
        content = match[1].strip().strip("*").strip()
        if reader.readable(content) or not text[match.end() :].strip():
            found.append(Stated(match.start(), match.end(), content))
    return found


def _settled(stated: list[Stated], text: str, reader: Reader, retracted: bool) -> Found:
    """Reduce the answers to one: all the same, or changed once by an announced correction."""
    if not stated[-1].text:
        return Found(None, NO_ANSWER)
    answers = [one for one in stated if one.text]
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
    r",?\s*+(?:because|since|as|not|rather than|instead of)\b(?:[^.!?\n]|[.](?=[^\s]))*+", re.I
)
_SMALL = 2_000  # characters after the last answer that are read: more is another text
_DIGIT = re.compile(r"[0-9]")


def _after(last: Stated, tail: str, reader: Reader, corrected: bool) -> Found:
    """Return the last answer unless what follows takes it back or announces another one.

    Its reason does not: `the answer is A, because B is wrong`.
    """
    reason = _REASON.match(tail)
    tail = tail[reason.end() :] if reason else tail
    if not tail.strip(" \n$.})]*"):
        return Found(last.text)
    plain = _EMPHASIS.sub("", tail)
    announced = [
        one for one in _announcements(plain, reader) or [] if not _disowned(plain, one) and one.text
    ]
    if stance.taken_back(plain):
        later = Found(announced[-1].text) if announced else _unmarked_end(plain, reader)
        if later.text is None or corrected and not reader.same(last.text, later.text):
            return Found(None, TAKEN_BACK)
        return later
    for one in announced[-1:]:
        both = _DIGIT.search(one.text) and _DIGIT.search(last.text)
        if both and reader.readable(one.text) and not reader.same(last.text, one.text):
            return Found(None, SEVERAL)
    return Found(last.text)


# --- announcements ---------------------------------------------------------------------------

_EMPHASIS = re.compile(r"(?<![\w)])\*\*|\*\*(?![\w(-])|__(?=[A-Za-z])|`++")
_ANNOUNCED = re.compile(
    r"\b(?:answers?|correct (?:option|choice|letter)|antwort|lösung|ergebnis|réponse|respuesta"
    r"|resposta|risposta|antwoord|svaret|odpowied[źz]|cevap|jawaban|ответ)\b"
    r"(?:[^.\n:=：。]|\.(?=\d)){0,60}?"
    r"(?:\b(?:is|are|equals|(?:must|should|would|will|has to) be|comes (?:out )?to|becomes"
    r"|ist|lautet|beträgt|est|es|é|è|är|to|adalah|-)(?![\w'’])\s*+:?|:|：|=)"
    r"(?!\s*+(?:not|never|no longer|nicht|pas|non|não|не)\b)[ \t]*\n?[ \t]*(?=[^\n])"
    r"|(?:最终答案|最後答案|答案|正解|答え|정답|(?<![^\W\d_])(?:答|답))"
    r"\s*+(?:应该|應該)?+(?:是|为|為|就是|は|：|:|은|는|이|=)(?!不)[：:]?[ \t]*\n?[ \t]*(?=[^\n])",
    re.I,
)
_LABEL = re.compile(
    r"(?:(?<=\n)|\A)[ \t]*+(?:A|Ans|Result|Final result|Solution)[ \t]*+[:：][ \t]*(?=[^\n])"
)
_OTHER_OPTION = re.compile(r"(?:(?<=\n)|\A)[ \t]*+\(?B[ \t]*+[:.)]")
_CHOSEN = re.compile(
    r"\b(?:options?|choices?|answers?|letters?)[ \t]++\(?([A-Ja-j])\)?[ \t]++is[ \t]++"
    r"(?:the[ \t]++)?(?:correct|right|best|true)\b",
    re.I,
)
_ONLY_WORDS = re.compile(r"\W*+(?:(?:the|my|our|so|thus|final|correct)\W++)*+", re.I)
_SENTENCE_END = re.compile(
    r"(?:,|(?<!\s))\s++(?:since|because|as|so|which|where)\b|,\s++(?:not|rather than|instead of)\b"
    r"|[.!?](?=\s++[A-Z(]|[^\S\n]*+(?:\n|\Z))|(?<=\$)[.](?=\s)|\n|[。！？]"
)
_INLINE = re.compile(r"(?<!\\)\$([^$\n]++)(?<!\\)\$|\\\(((?:(?!\\[()]).)++)\\\)")
_NUMBER = re.compile(
    r"(?:\\?[$€£¥]\s*)?(?<![0-9.,])[-−]?(?:\\?[$€£¥]\s*)?(?:(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)"
    r"(?:\s?/\s?[0-9]+)?(?:\s?(?:\\?%|[€£¥]))?"
)
_POLITE_END = re.compile(r"(?:です|である|だ|입니다|이다|예요|이에요)[.。]?\Z")


def _announcements(text: str, reader: Reader) -> list[Stated] | None:
    """Return every "the answer is"; None for too many different ones.

    The start of one is where its announcement starts, its end where the answer's sentence ends.
    """
    found: list[re.Match[str]] = []
    position, headings = 0, 0
    while match := _ANNOUNCED.search(text, position):
        if found and not headings and _ONLY_WORDS.fullmatch(text, found[-1].end(), match.start()):
            found.pop()  # "Final answer: the final answer is ...", once
            headings += 1
        found.append(match)
        position = match.end()
    if not reader.letter and not _OTHER_OPTION.search(text):
        covered = {match.end() for match in found}
        labels = (label for label in _LABEL.finditer(text) if label.end() not in covered)
        found = sorted([*found, *labels], key=lambda match: match.start())
    ends = [end.start() for end in _SENTENCE_END.finditer(text)] if found else []
    answers: dict[str, str] = {}
    announced = []
    for match in found:
        start = match.end()
        after = bisect_left(ends, start)
        end = ends[after] if after < len(ends) else len(text)
        sentence = text[start:end]
        if sentence not in answers:
            if len(answers) == MAX_SPELLINGS:
                return None
            answers[sentence] = _announced(sentence, text[end : end + 1], reader)
        if stance.says_doubt(match[0]):
            continue  # "the answer that I thought was not right is"
        announced.append(Stated(match.start(), end, answers[sentence]))
    if reader.letter:
        chosen = [Stated(m.start(), m.end(), m[1].upper()) for m in _CHOSEN.finditer(text)]
        announced = sorted([*announced, *chosen], key=lambda one: one.start)
    return announced


def _announced(sentence: str, mark: str, reader: Reader) -> str:
    """Cut the answer out of the sentence that follows "the answer is"; `mark` ends the sentence."""
    sentence = _POLITE_END.sub("", sentence.strip().rstrip(".,;")).rstrip()
    if mark == "?":
        return sentence + mark
    if reader.readable(sentence):
        return sentence
    inline = _INLINE.match(sentence)
    if inline and _harmless(sentence[inline.end() :]):
        return (inline[1] or inline[2]).strip()
    number = _NUMBER.match(sentence)
    if number:
        quantity = _quantity(sentence, number, reader)
        return sentence if quantity is None else quantity
    told = _told(sentence, reader)
    return sentence if told is None else told


_MATHS = re.compile(r"[0-9=+*/^_\\<>$]")
_GOES_ON = re.compile(
    r"[\s.,;:!)\]\"'*]*+(?:\Z|(?:in|for|of|on|from|by|with|when|because|since|as|which|that|who"
    r"|after|before|during|left|altogether|total|overall|each|every|per|where|so|while|to (?!the\b)"
    r"|remaining|away|is the|for|pro|im|insgesamt|en|au|por|al)\b|\()",
    re.I,
)


def _harmless(rest: str) -> bool:
    """Whether what follows a value in its sentence leaves it as it is: `42 apples in the box`."""
    return (
        bool(_GOES_ON.match(rest))
        and not _MATHS.search(rest)
        and not stance.qualified(rest, 0)
        and not stance.says_doubt(rest)
        and not _OR.search(rest)
        and "?" not in rest
    )


_OR = re.compile(r"\bor\b", re.I)
_WORD_END = re.compile(r"(?<=[^\s,.;:!?])(?=[\s,.;:!?]|\Z)")


def _quantity(text: str, number: re.Match[str], reader: Reader) -> str | None:
    """Return the longest quantity that starts with a number: the rest of the text is harmless."""
    ends = [end.start() for end in _WORD_END.finditer(text, number.end(), number.end() + 80)]
    for end in sorted({number.end(), *ends[:MAX_WORDS]}, reverse=True):
        value = text[number.start() : end].strip()
        if _harmless(text[end:]) and (end == number.end() or reader.readable(value)):
            return value
    return None


# --- what ends a completion without a mark ---------------------------------------------------

_DISPLAY = re.compile(r"(?:\$\$|\\\[)((?:(?!\$\$|\\\[|\\\]).)++)(?:\$\$|\\\])\s*+[.,]?\s*+\Z", re.S)
_WORDS = re.compile(r"\$?\\(?:text(?:bf|it|rm)?|mathrm|mbox)\{([^{}\\0-9]*)\}\$?")
_DIGIT_OR_COMMAND = re.compile(r"[\d\\]")
_ITEM = re.compile(r"(?:[0-9]++[.)]|[-*•])\s")
_SENTENCES = re.compile(r"(?<=[.!?])\s++(?=[A-Z(\"'$\\])|(?<=[。！？])")
_BAD_BEFORE = re.compile(
    r"(?:[-+*/^_({\[,.:<>|&\\×·÷√]|[A-Za-z0-9)}\]]\s*[-−]|\\[a-zA-Z]+|[0-9]\s*|[a-zA-Z])$"
)
_BAD_WORDS = re.compile(
    r"\b(?:or|and|to|between|from|not|isn't|than|least|most|either|by|plus|minus|times|over|add|divide"
    r"|multiply|subtract|ignore|equation|line|step|case|option|chapter|question|problem|number|part"
    r"|within|under|below|above|beyond|up to)\s*$",
    re.I,
)
_NO_CJK = re.compile(r"[不非没約约第或者\-]\s*+\Z|[^\x00-\x7f㐀-鿿぀-ヿ가-힯：]\s*+\Z")
_OPERATOR_BEFORE = re.compile(r"[-+*/^_({\[,<>|&\\0-9≠≈]")
_LEFT_SIDE = re.compile(r"(?:^|[^=<>!≠≤≥])=\s*+\Z")
_NOT_WORD = re.compile(r"[^\W\d_]{2,}+[.,']?")
_ARITHMETIC = re.compile(r"[-+*/().\d\s×·÷x%=]++")


def _unmarked(text: str, reader: Reader) -> Found:
    """Return what a completion without marks ends with."""
    if not text:
        return Found(None, NO_ANSWER)
    words = _WORDS.sub(r"\1", text)
    if "\n" not in text and (
        reader.readable(text) or not _DIGIT_OR_COMMAND.search(words) and len(words.split()) <= 6
    ):
        return Found(text)
    display = _DISPLAY.search(text)
    if display and reader.readable(display[1]):
        return Found(display[1].strip())
    line = text.splitlines()[-1].strip()
    if reader.readable(line):
        return Found(line)
    return _unmarked_end(line, reader)


def _unmarked_end(text: str, reader: Reader) -> Found:
    """Return what the last sentence of a text states.

    Sentences after it, without a number and without doubt, are passed over if they are complete.
    """
    lines = text.strip().splitlines()
    line = lines[-1].strip() if lines else ""
    if _ITEM.match(line):
        return Found(None, NO_ANSWER)  # one item of several
    sentences = [part for part in _SENTENCES.split(line[-_SMALL:]) if part.strip()]
    for sentence in reversed(sentences[-3:]):
        if _DIGIT_OR_COMMAND.search(sentence):
            told = _told(sentence, reader)
            return Found(told) if told is not None else Found(None, NO_ANSWER)
        complete = sentence.rstrip().endswith((".", "!", "。"))
        if not complete or stance.says_doubt(sentence) or stance.TAKEN_BACK.search(sentence):
            break
    return Found(None, NO_ANSWER)


_STEP = re.compile(r"(?:first|next|now|to (?:start|begin)|let)\b", re.I)
_CONCLUDES = re.compile(
    r"[:=]|\b(?:so|thus|therefore|hence|total|altogether|finally|is|are|it['’]s|equals|left|remain(?:s|ing)?"
    r"|answer|result|sum|find|get|gets|have|has|makes?)\b",
    re.I,
)
_PROSE = re.compile(r"(?<![a-zA-Z\\])[a-zA-Z]{3}")
# A value, and then for what it holds: `the least value is 4, attained at x = 1`.
_CONDITION = re.compile(
    r"(?<=[\w$)}])(?:,\s++|\s++)(?:attained|achieved|reached|occurring|when|where|if|for|at|with|as|by)\s++"
    r"(?:at\s++|when\s++|for\s++)?+(?=\$|\\\(|[a-zA-Z]\b)"
)


def _told(sentence: str, reader: Reader) -> str | None:
    """Return the value that a sentence states last, None if it states none."""
    body = sentence.strip().rstrip(".!。")
    if "?" in sentence or "？" in sentence or _STEP.match(body):
        return None
    if body == sentence.strip() and (
        stance.cut_off(body) or _PROSE.search(body) and not _CONCLUDES.search(body)
    ):
        return None  # without a full stop a sentence must say that it concludes
    for condition in _CONDITION.finditer(body):
        if _DIGIT_OR_COMMAND.search(body, 0, condition.start()):
            if _MATHS.search(body, condition.end()) and not stance.says_doubt(body):
                body = body[: condition.start()]
            break
    inlines = list(_INLINE.finditer(body))
    if inlines and not _DIGIT_OR_COMMAND.search(body, inlines[-1].end()):
        inline = inlines[-1]
        content = (inline[1] or inline[2]).strip()
        before = body[: inline.start()]
        if (
            reader.readable(content)
            and not stance.open_doubt(before + content)
            and not _BAD_WORDS.search(before)
            and not _OPERATOR_BEFORE.fullmatch(before.rstrip()[-1:])
            and not before.rstrip().endswith("=")
            and _ends_well(body[inline.end() :])
        ):
            return content
        return None if "$" not in body or "\\(" in body else _told_number(body, reader)
    return _told_number(body, reader)


def _ends_well(rest: str) -> bool:
    """Whether what follows the value of a sentence neither doubts nor changes it."""
    return (
        not stance.qualified(rest, 0)
        and not stance.says_doubt(rest)
        and not stance.denied_after(rest, 0)
        and not re.search(r",\s++(?:but|and then|then we|next)\b", rest)
    )


_GOOD_AFTER = re.compile(r"(?:$|[.,;:!)\]\"'*$]*(?:\s+[A-Za-z(]|\s*$)|[㐀-鿿぀-ヿ가-힯])")


def _told_number(body: str, reader: Reader) -> str | None:
    numbers = list(_NUMBER.finditer(body))
    if not numbers:
        return None
    last = numbers[-1]
    before, after = body[: last.start()].rstrip(" *"), body[last.end() :].lstrip("*")
    if not _GOOD_AFTER.match(after) or _MATHS.search(after) or not _ends_well(after):
        return None
    if stance.open_doubt(before + " " + last[0]):
        return None
    if _LEFT_SIDE.search(before):
        return _equation(before, last, reader)
    if _BAD_BEFORE.search(body[: last.start()]) and not before.endswith(":"):
        return None
    if _OPERATOR_BEFORE.fullmatch(before[-1:]) or _BAD_WORDS.search(before):
        return None
    if _NO_CJK.search(before):
        return None
    quantity = _quantity(body, last, reader)
    return last[0].strip() if quantity is None else quantity


def _equation(before: str, last: re.Match[str], reader: Reader) -> str | None:
    """Return what `left = number` states: a name's value, or a sum that is worked out.

    The sum goes with it, to be checked: `3 apples + 4 apples = 7`.
    """
    value = last[0].strip()
    left = re.split(r"[:;,](?=\s)|\b(?:is|are|was|so|then|we|get|have)\b", before[:-1])[-1].strip()
    if not re.search(r"[-+*/^_\\(){}\[\]|0-9×·÷√²³]", left):
        return value
    sums = _NOT_WORD.sub(" ", re.sub(r"[$€£¥]|(?<=\d),(?=\d{3})", "", left)).strip()
    sums = re.sub(r"(?<=[\d)\s])x(?=[\d(\s])|×|·", "*", sums).replace("÷", "/")
    if not _ARITHMETIC.fullmatch(sums):
        return None
    amount = re.sub(r"[\\$€£¥,\s]", "", value)
    whole = f"{' '.join(sums.split())} = {amount}"
    return whole if reader.readable(whole) else None
