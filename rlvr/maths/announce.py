"""Announce: finds answers that a text announces: "the answer is 5", "A: 5", in many languages."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass

from rlvr.maths import stance
from rlvr.maths.clauses import NUMBER, signed
from rlvr.maths.reader import Reader
from rlvr.maths.sentences import (
    INLINE,
    harmless,
    quantity,
    told,
    without_pictures,
)

MAX_SENTENCE = 2_000  # the most characters of a sentence that announces an answer
MAX_SPELLINGS = 50  # with more different answers, a completion has no single answer


@dataclass(frozen=True, slots=True)
class Stated:
    """An answer in a text: the start and the end of its statement, and the answer's text."""

    start: int
    end: int
    text: str


_CALCULATOR = re.compile(r"<<[^<>\n]*+>>")  # GSM8K's
_WIDE_POINT = re.compile("(?<=[0-9])．(?=[0-9])")
_EMPHASIS = re.compile(r"(?<![\w)*])\*{2,3}|\*{2,3}(?![\w(*-])|__(?=[A-Za-z])|`++")


def plain(text: str) -> str:
    """Return a text without emphasis and without GSM8K's calculations."""
    text = _EMPHASIS.sub("", _CALCULATOR.sub("", text))
    return _WIDE_POINT.sub(".", text) if "．" in text else text


_ANNOUNCED = re.compile(
    r"\b(?:answers?|correct (?:option|choice|letter|result|value)|antwort|lösung|ergebnis|réponse"
    r"|résultat|respuesta|resultado|resposta|risposta|risultato|antwoord|svaret|odpowied[źz]|cevap"
    r"|jawaban|ответ)\b"
    r"(?:[^.?!\n:=：。]|\.(?=\d)){0,60}?"
    r"(?:\b(?:is|are|equals|(?:must|should|would|will|has to) be|comes (?:out )?to|becomes"
    r"|ist|lautet|beträgt|est|es|é|è|är|to|adalah|равен|равна|-)(?![\w'’])\s*+:?+|:|：|=)"
    r"(?!\s*+(?:not|never|no longer|nicht|pas|non|não|не)\b)[ \t]*(?:\n[ \t]*){0,2}(?=[^\n])"
    r"|(?:最终答案|最後答案|故答案|(?<!不)(?:故选|应选)|(?<!错误)(?<!错的)答案|正解|答え|정답|(?<![^\W\d_])(?:答|답))"
    r"\s*+(?:应该|應該)?+(?:(?<=选)|是|为|為|就是|は|：|:|은|는|이|=)(?!不)[：:]?"
    r"[ \t]*\n?[ \t]*(?=[^\n])",
    re.I,
)
_LABEL = re.compile(
    r"(?:(?<=\n)|\A)[ \t]*+(?:A|Ans|Result|Final result|Solution)[ \t]*+[:：][ \t]*(?=[^\n])"
)
_OTHER_OPTION = re.compile(r"(?:(?<=\n)|\A)[ \t]*+\(?B[ \t]*+[:.)]")
_CHOSEN = re.compile(
    r"(?:\b(?:options?|choices?|answers?|letters?)[ \t]++\(?([A-J])\)?|\(([A-J])\))[ \t]++is[ \t]++"
    r"(?:the[ \t]++)?(?:correct|right|best|true)\b"
    r"|\b(?:best|right) (?:choice|option) is \(?([A-J])\b\)?"
    r"|\b(?:[Hh]ence|[Tt]hus|[Ss]o|[Tt]herefore|[Mm]atches),? (?:option |choice |answer )?"
    r"\(?([A-J])\)?(?=[.!]?\s*+\Z)"
    r"|\bwhich is (?:option|choice|answer) \(?([A-J])\)?(?=[.!]?\s*+\Z)"
    r"|\b([A-J]) is the (?:correct|right|best) (?:answer|choice|option)"
    r"|\b(?:Option|Choice|Answer|So|Thus|Hence|Therefore),? ([A-J]) is (?:correct|right)"
    r"(?=[.!]?\s*+\Z)"
    r"|(?<![不非没未])(?:故选|答案选|应选|正确选项是)\s*+[:：]?\s*+\(?([A-J])\b"
    r"|(?<![不非没未应])选\s*+\(?([A-J])\)?(?=项?\s*+(?:[。.!！]|\n|\Z))"
    r"|\b(?:[Ii]t['’]s|[Ii]t is|[Cc]hoose|[Pp]ick|[Ss]elect|go with)[ \t]++(?:the[ \t]++)?"
    r"(?:option[ \t]++|choice[ \t]++|answer[ \t]++)?\(?([A-J])\)?(?=[ \t]*+(?:[.!,]|\n|\Z))"
)
_PART = re.compile(rf"\b{stance.PART} the\Z", re.I)
_UNCHOSEN = re.compile(
    r"\b(?:or|option|choice|wrong|incorrect|reject\w*|not|if|maybe|perhaps|could|might|may|guess)\b",
    re.I,
)
_ONLY_WORDS = re.compile(r"\W*+(?:(?:the|my|our|so|thus|final|correct)\W++)*+", re.I)
_SENTENCE_END = re.compile(
    r"(?:,|(?<!\s))\s++(?:since|because|as|so|which|where)\b"
    r"|(?:,|(?<=[0-9$}]))\s++(?:not|rather than|instead of|as opposed to|unlike|whereas)\b"
    r"|[.!?](?=\s++[A-Z(]|[^\S\n]*+(?:\n|\Z))|(?<=\$)[.](?=\s)|\n|[。！？]"
)
_DISPLAYED = re.compile(r"(?:\$\$|\\\[)((?:(?!\$\$|\\\[|\\\]).){1,2000}+)(?:\$\$|\\\])", re.S)
_ADVERB = re.compile(
    r"(?:(?:exactly|precisely|simply|just|only|indeed|therefore|thus|clearly|equal to|given by)\b"
    r"\s*+:?\s*+)++",
    re.I,
)
_CROSSED = re.compile(r"[✗✘❌]|\b(?:I|we) (?:don['’]t|do not) know\b")
_POLITE_END = re.compile(r"(?:です|である|だ|입니다|이다|예요|이에요)[.。]?\Z")


def announcements(text: str, reader: Reader) -> list[Stated] | None:
    """Return every announced answer ("the answer is ..."); None for too many different ones.

    A statement starts where its announcement starts, and ends where the answer's sentence ends.
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
        display = _DISPLAYED.match(text, start)
        if display:
            end = display.end()
        sentence = display[1].strip() if display else text[start:end]
        if _FOREIGN.match(match[0]):
            sentence = _with_points(sentence)
        if sentence not in answers:
            if len(answers) == MAX_SPELLINGS:
                return None
            long = len(sentence) > MAX_SENTENCE
            answers[sentence] = (
                sentence if long else _announced(sentence, text[end : end + 1], reader)
            )
        # "The answer, I suspect, is 5" states nothing.
        before = text[max(0, match.start() - 300) : match.start()].rstrip()
        doubted = stance.says_doubt(match[0]) or _PART.search(before, max(0, len(before) - 40))
        answer = "" if doubted else answers[sentence]
        announced.append(Stated(match.start(), end, answer))
    if reader.letter:
        chosen = [
            Stated(m.start(), m.end(), next(filter(None, m.groups())))
            for m in _CHOSEN.finditer(text)
            if not (m[0].startswith("which") and _UNCHOSEN.search(_before(text, m.start())))
        ]
        announced = sorted([*announced, *chosen], key=lambda one: one.start)
    return announced


def _before(text: str, end: int) -> str:
    """Return the part of a sentence before a position."""
    return re.split(r"[.!?\n]\s", text[max(0, end - 300) : end])[-1]


_WORKED = re.compile(r"([0-9.,]++)\s\([0-9.,$ ]++[-+*/×÷=][-+*/×÷=0-9.,$ ]*+\)")
_AGAIN = re.compile(r"([^()]{1,60}?) \(([^()]{1,60})\)")
_PLAIN = re.compile(r"[^=$\\]*+")
# A letter and what it stands for: `B (12 m/s)`, `option B: 12`; no second letter beside it.
_LETTER = re.compile(
    r"(?:[Oo]ption |[Cc]hoice )?\(?([A-J])\)?(?:[,.:]? |\s*+\()(?!.*\b(?:or|and|either|both)\b)"
    r"(?!.*\b[A-J]\b)",
)
_FOREIGN = re.compile(r"(?!answer|correct|ans\b|result|final|solution)[^\W\d_]", re.I)
_GROUPED = re.compile(
    r"(?<![\d.,])([1-9]\d{0,2}(?:[. \u00a0\u202f]\d{3}){1,5}+)"
    r"(?:,(\d++)(?![\d,.])|(?=\s?(?:€|EUR"
    r"|euros?\b)))"
)
_COMMA = re.compile(r"(?<![\d.,])(\d++)(?:,|\{,\})(\d{1,2})(?![\d,])")


def _with_points(text: str) -> str:
    """Write decimal commas as points if the announcement's language has them: `1.250,50 €`."""
    text = _GROUPED.sub(
        lambda match: re.sub(r"\D", "", match[1]) + (f".{match[2]}" if match[2] else ""), text
    )
    return _COMMA.sub(r"\1.\2", text).replace("R$", "$")


def _announced(sentence: str, mark: str, reader: Reader) -> str:
    """Cut the answer out of the sentence that follows "the answer is"; `mark` ends the sentence."""
    crossed = _CROSSED.search(sentence)  # before the picture at its end goes
    sentence = _POLITE_END.sub("", without_pictures(sentence).rstrip(".,;")).rstrip()
    if "{" not in sentence:
        sentence = sentence.rstrip("}")  # the end of a JSON object
    if mark == "?":
        return sentence + mark
    if not mark and stance.cut_off(sentence) or crossed:
        return ""
    sentence = _ADVERB.sub("", sentence, count=1) if _ADVERB.match(sentence) else sentence
    sentence = signed(sentence)
    if sentence.startswith(("~", "≈")):
        return ""
    if reader.letter and (letter := _LETTER.match(sentence)):
        return "" if stance.doubts_after(sentence[letter.end(1) :]) else letter[1]
    if worked := _WORKED.fullmatch(sentence):
        return worked[1]  # `25 (85 - 60)`
    if (again := _AGAIN.fullmatch(sentence)) and reader.same(again[1], again[2]):
        return again[1]  # `75 cents ($0.75)`
    if reader.word or reader.readable(sentence):
        return sentence
    inline = INLINE.match(sentence)
    if inline and harmless(sentence[inline.end() :]):
        return (inline[1] or inline[2]).strip()
    number = NUMBER.match(sentence)
    if number:
        counted = quantity(sentence, number, reader)
        return sentence if counted is None else counted
    if stance.cut_off(sentence) or _PLAIN.fullmatch(sentence) and len(NUMBER.findall(sentence)) > 1:
        return sentence
    value = told(f"{sentence}.", reader)
    return sentence if value is None else value
