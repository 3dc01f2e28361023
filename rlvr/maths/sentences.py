"""Sentences: finds the value at the end of a sentence, or of a completion without any mark."""

from __future__ import annotations

import re
import unicodedata

from rlvr.maths import cjk, clauses, stance
from rlvr.maths.clauses import NUMBER
from rlvr.maths.conclusions import OR, are_steps, conclusion, set_named
from rlvr.maths.reader import Reader

MAX_WORDS = 6  # of a quantity in a sentence: a number and the noun it counts
SMALL = 2_000  # characters that are read where a few sentences are looked for


INLINE = re.compile(r"(?<!\\)\$([^$\n]++)(?<!\\)\$|\\\(((?:(?!\\[()]).)++)\\\)")
_DIGIT = re.compile(r"[0-9]")
_MATHS = re.compile(r"[0-9=+*/^_\\<>$]")
_GOES_ON = re.compile(
    r"[\s.,;:!)\]\"'*]*+(?:\Z|(?:in|for|of|on|from|by|with|when|because|since|as|which|that|who"
    r"|after|before|during|left|altogether|total|overall|each|every|per|where|so|while|to (?!the\b)"
    r"|are|were|remains?"
    r"|remaining|away|is the|for|pro|im|insgesamt|en|au|por|al)\b|\()",
    re.I,
)


def harmless(rest: str) -> bool:
    """Return whether the text after a value does not change it: `42 apples in the box`."""
    return (
        bool(_GOES_ON.match(rest))
        and not _MATHS.search(rest)
        and not stance.qualified(rest, 0)
        and not stance.doubts_after(rest)
        and not OR.search(rest)
        and "?" not in rest
    )


_WORD_END = re.compile(r"(?<=[^\s,.;:!?])(?=[\s,.;:!?]|\Z)")


def quantity(text: str, number: re.Match[str], reader: Reader) -> str | None:
    """Return the longest quantity that starts with a number and has a harmless text after it."""
    ends = [end.start() for end in _WORD_END.finditer(text, number.end(), number.end() + 80)]
    for end in sorted({number.end(), *ends[:MAX_WORDS]}, reverse=True):
        value = text[number.start() : end].strip()
        if harmless(text[end:]) and (end == number.end() or reader.readable(value)):
            return value
    return None


_DISPLAY = re.compile(r"(?:\$\$|\\\[)((?:(?!\$\$|\\\[|\\\]).)++)(?:\$\$|\\\])\s*+[.,]?\s*+\Z", re.S)
_ALIGNED = re.compile(
    r"\\begin\{(?:align|aligned|alignat|gather|gathered|equation|eqnarray|split)\*?\}"
    r"((?:(?!\\begin|\\end).)++)\\end\{[a-z]++\*?\}[\s$.\]\\]*+\Z",
    re.S,
)
_WORDS = re.compile(r"\$?\\(?:text(?:bf|it|rm)?|mathrm|mbox)\{([^{}\\0-9]*)\}\$?")
_DIGIT_OR_COMMAND = re.compile(r"[\d\\]")
_ITEM = re.compile(r"(?:[0-9]++[.)]|[-*•])\s")
_TOTAL = re.compile(r"[-*•]\s+\**(?:total|answer|result|sum)\b[^:=]{0,40}[:=]", re.I)
_SENTENCES = re.compile(
    r"(?<=[.!?])\s++(?=[A-Z(\"'$\\]|[0-9][0-9 .,()$+*/×·÷−-]{0,60}+=)"
    r"|(?<=[。！？])|(?<=．)(?![0-9])"
)
# What a helpful model ends with, in a sentence without a number.
_OFFER = re.compile(
    r"(?:let me know|feel free|i hope|hope|would you like|if you(?: have|['’]d)\b)", re.I
)
# What explains a name of the display before.
_WHERE = re.compile(r"(?<=[$\]])\s*+(?:where|with)\b[^\d\n=]*+\Z", re.I)
_LETTER = re.compile(r"[^\W\d_]")
_BAD_BEFORE = re.compile(
    r"(?:[0-9]'\s?|~\s?|[-+*/^_({\[,.:<>|&\\×·÷√]|[A-Za-z0-9)}\]]\s*[-−]|\\[a-zA-Z]+|[0-9]\s*|[a-zA-Z])$"
)
_BAD_WORDS = re.compile(
    r"(?:[0-9]\s?x|(?:[0-9]%?|\ba)\s+(?:of|in)|\b(?:or|and|to|between|from|not|isn't|than"
    r"|least|most|either|by|plus|minus|times|over"
    r"|add|divide"
    r"|multiply|subtract|negative|ignore|equation|line|step|case|option|chapter|question"
    r"|problem|number|part"
    r"|within|under|out of|base|mod|modulo|remainder"
    r"|(?:row|group|set)s of|near|close to|capped at|exceeds?|anything but|all but|double"
    r"|twice|triple|thrice|half|below"
    r"|e\.g\.|for (?:example|instance)|(?:is|something|number) like|is say|ends? (?:in|with)"
    r"|(?:starts?|starting|begins?|beginning) with|containing|(?:number|digit) (?:before|after)"
    r"|(?:vicinity|successor|predecessor|log|logarithm|ceiling|floor|one|some|digits) of(?: the)?"
    r"|root|page|section|table|figure|item|row|column|theorem|lemma|corollary|dollars|approx"
    r"|approx\.|circa|ca\.|c\."
    r"|above|beyond|up to|(?:square|cube|double|half|root|sum|product|difference|divisor"
    r"|factor|third|quarter"
    r"|quotient|multiple|power|reciprocal|opposite|negative|inverse|factorial) of))\s*$",
    re.I,
)
_LEADS_TO = re.compile(
    r"\b(?:equal|(?:simplifie|reduce|evaluate|come|amount|round|work out)s|adds? up|sums? up"
    r"|comes out) to\s*+\**+\s*+\Z"
)
_NO_CJK = re.compile(rf"(?:[不非没第或\-]\s*+|{cjk.BOUNDS})\Z|[^\x00-\x7f\w：，。]\s*+\Z")
_OPERATOR_BEFORE = re.compile(r"[-+*/^_({\[,<>|&\\0-9≠≈]")
_LEFT_SIDE = re.compile(r"(?:^|[^=<>!≠≤≥])=\s*+\Z")
_NOT_WORD = re.compile(r"[^\W\d_]{2,}+[.,']?")
_ARITHMETIC = re.compile(r"[-+*/^().\d\s×·÷x%=]++")


def ending(text: str, reader: Reader) -> str | None:
    """Return the answer at the end of a completion without marks, None if it states nothing."""
    text = _TOMBSTONE.sub("", text)
    if not text:
        return None
    text = clauses.without_asides(text)
    alone = "\n" not in text
    if alone and text.startswith("="):
        text = text[1:].strip()
    if alone and reader.readable(text):
        return text
    if clauses.two_values(text):
        return conclusion(last_of(text.splitlines()[-1]).strip().rstrip(".!。．"), reader)
    if alone and not reader.word and (worded := clauses.number_in_words(text)) is not None:
        return worded
    words = _WORDS.sub(r"\1", text)
    bare = not _DIGIT_OR_COMMAND.search(words) and not _RELATED.search(words)
    if alone and bare and len(words.split()) <= 6:
        return text
    if stance.refused(text[-SMALL:]):
        return None
    if reader.word:
        return last_of(text.splitlines()[-1].strip())
    rows = _ALIGNED.search(text)
    if rows:
        row = rows[1].replace("&", "").rstrip(" .,").rsplit("\\\\", 1)[-1].strip()
        return row.removeprefix("=").strip()
    text = _WHERE.sub("", text)
    display = _DISPLAY.search(text)
    if display and reader.readable(display[1]):
        return display[1].strip()
    lines = text.splitlines()
    line = lines[-1].strip()
    if reader.readable(line) and not (len(lines) > 1 and _ITEM.match(line)):
        return line
    return last_sentence(line, reader)


_PICTURES = ("So", "Mn", "Cf")  # Unicode's classes of signs, and of what joins them


# What a proof ends with.
_TOMBSTONE = re.compile(
    r"(?<!\s)\s++(?:\$?\\(?:square|blacksquare|Box|qed|qedsymbol)\$?|Q\.?E\.?D\.?|∎)\s*+\Z"
)


def without_pictures(line: str) -> str:
    """Return a line without blanks around it, and emoji or the mark of a proof at its end."""
    line = _TOMBSTONE.sub("", line)
    end = len(line)
    while end and (line[end - 1].isspace() or unicodedata.category(line[end - 1]) in _PICTURES):
        end -= 1
    return line[:end].lstrip()


_RELATED = re.compile(r"\$[^$\n<>=]*+[<>=][^$\n]*+\$")


def last_of(line: str) -> str:
    """Return the last sentence of a line."""
    parts = [part for part in _SENTENCES.split(line) if part]
    return parts[-1] if parts else ""


def last_sentence(text: str, reader: Reader) -> str | None:
    """Return the value that the last sentence of a text states, None if it states nothing.

    Complete sentences after it, without a number and without doubt, are skipped.
    """
    lines = text.strip().splitlines()
    line = without_pictures(lines[-1]) if lines else ""
    if _ITEM.match(line) and not _TOTAL.match(line):
        return None  # one item of several
    sentences = [part for part in _SENTENCES.split(line) if part.strip()]
    for place, sentence in reversed([*enumerate(sentences)][-3:]):
        if place and clauses.is_aside(sentence):
            continue
        if (worded := clauses.number_in_words(sentence)) is not None:
            return worded
        if _DIGIT_OR_COMMAND.search(sentence) or _RELATED.search(sentence):
            return told(sentence, reader)
        if (named := set_named(sentence)) is not None:
            return named
        if _OFFER.match(sentence) or not _LETTER.search(sentence):
            continue
        complete = sentence.rstrip().endswith((".", "!", "。", "．"))
        if not complete or stance.says_doubt(sentence) or stance.TAKEN_BACK.search(sentence):
            break
    return None


_STEP = re.compile(
    r"(?:given|we are given|our goal|we (?:want|must show|need to show)|plug in|it remains to|first"
    r"|next|now|step [0-9]|to (?:start|begin)|let|as a trial|(?:set|tak|putt|plugg"
    r"|substitut|choos"
    r"|test|try|check|us)ing|test|try|check|should)\b",
    re.I,
)
# `It is 4 or it is 5`; `False: 5`.
_EITHER = re.compile(r"[0-9][^.]{0,80}?\bor (?:it|they|he|she|we|there|the)\b")
_OF_THE_ANSWER = re.compile(rf"\b{stance.PART} the (?:answer|result|value)\b", re.I)
_REFUSED = re.compile(r"\W*+(?:false|wrong|incorrect|impossible|not)\b[^:]{0,30}:", re.I)
_AFTER_STEP = re.compile(
    r"(?i:using|substituting|simplifying|plugging)\b"
    r"(?!.*\b(?:wrong|incorrect|mistaken|naive|flawed|instead)\b).*"
    r"(?:\b(?:so|thus|hence|therefore)\b|\bbecomes\b|\bwe (?:get|obtain|find|have)\b)"
)
_CONCLUDES = re.compile(
    r"[:=]|\b(?:so|thus|therefore|hence|total|altogether|finally|is|are|it['’]s|equals|left"
    r"|remain(?:s|ing)?"
    r"|answer|result|sum|find|get|gets|have|has|makes?)\b",
    re.I,
)
_PROSE = re.compile(r"(?<![a-zA-Z\\])[a-zA-Z]{3}")
# A value, and then for what it holds: `the least value is 4, attained at x = 1`.
_CONDITION = re.compile(
    r"(?<=[\w$)}])(?:,\s++|\s++)(?:attained|achieved|reached|occurring|when|where|if|for|at"
    r"|with|as|by)\s++"
    r"(?:at\s++|when\s++|for\s++)?+(?=\$(?![0-9.,]++\s)|\\\(|[a-zA-Z]\b)"
)


_MORE = re.compile(
    r"\b(?:and|but|then|while|when|after|before|if|because|until|which|who|so)\b", re.I
)


def _last_digit(text: str) -> int:
    return max((match.end() for match in _DIGIT.finditer(text)), default=0)


_CHANCE = re.compile(
    r"(?:(?:so|thus|hence|therefore),? )?(?:the |his |her |their |our )?"
    r"(?:probability|chance|fraction)(?: (?:of|that) [a-z ]{1,60})? is "
    r"([0-9]++) out of ([1-9][0-9]*+)",
    re.I,
)
_NOTE = re.compile(r"(?<=[\w.$%])\s\([^()]*+\)\Z")


def told(sentence: str, reader: Reader) -> str | None:
    """Return the value that a sentence states last, None if it states none, or is too long."""
    body = sentence.strip().rstrip(".!。")
    ended = body != sentence.strip()
    if len(body) > SMALL:
        return None
    if chance := _CHANCE.fullmatch(body):
        return None if stance.says_doubt(chance[0]) else f"{chance[1]}/{chance[2]}"
    body = clauses.main_clause(body) if ended else body
    if "?" in sentence or "？" in sentence or clauses.of_another(body):
        return None
    if _EITHER.search(body) or _REFUSED.match(body) or _OF_THE_ANSWER.search(body):
        return None
    if _STEP.match(body) and not _AFTER_STEP.match(body):
        return None
    if not ended and (stance.cut_off(body) or _PROSE.search(body) and not _CONCLUDES.search(body)):
        return None  # without a full stop a sentence must have a word of conclusion
    if not ended and _MORE.search(body, _last_digit(body)):
        return None
    if (whole := conclusion(body, reader)) is not None:
        return whole
    for condition in _CONDITION.finditer(body):
        if _DIGIT_OR_COMMAND.search(body, 0, condition.start()):
            if _MATHS.search(body, condition.end()) and not stance.says_doubt(body):
                body = body[: condition.start()]
            break
    note = _NOTE.search(body)
    if note and _DIGIT.search(body, 0, note.start()):
        body = body[: note.start()]
    inlines = list(INLINE.finditer(body))
    if inlines and not _DIGIT_OR_COMMAND.search(body, inlines[-1].end()):
        inline = inlines[-1]
        content = (inline[1] or inline[2]).strip()
        before = body[: inline.start()]
        if (
            reader.readable(content)
            and not stance.open_doubt(before + content)
            and not _BAD_WORDS.search(_LEADS_TO.sub("", before))
            and not _operator_before(before.rstrip())
            and not before.rstrip().endswith("=")
            and _ends_well(body[inline.end() :])
        ):
            return content
        return None if "$" not in body or "\\(" in body else _number_told(body, reader)
    expression = _expression(body, reader)
    return _number_told(body, reader) if expression is None else expression


def _operator_before(before: str) -> bool:
    """Return whether a value is part of something larger; a comma after a word ends a clause."""
    if before.endswith((",", "，", "、")):
        return not before[-2:-1].isalpha()
    return bool(_OPERATOR_BEFORE.fullmatch(before[-1:]))


def _ends_well(rest: str) -> bool:
    """Return whether the text after a sentence's value neither doubts nor changes it."""
    return (
        not stance.qualified(rest, 0)
        and not stance.doubts_after(rest)
        and not stance.denied_after(rest, 0)
        and not re.search(r",\s++(?:but|and then|then we|next)\b", rest)
    )


_GOOD_AFTER = re.compile(r"(?:$|[.,;:!)\]\"'*$]*(?:\s+(?:[^\W\d_]|\()|\s*$)|[㐀-鿿぀-ヿ가-힯])")


def _number_told(body: str, reader: Reader) -> str | None:
    numbers = list(NUMBER.finditer(body))
    if not numbers:
        return None
    last = numbers[-1]
    before, after = body[: last.start()].rstrip(" *"), body[last.end() :].lstrip("*")
    labelled = before.count("$") % 2 and bool(_LEFT_SIDE.search(before))
    if labelled and not reader.readable(body[before.rfind("$") + 1 : last.end()]):
        after = after.removeprefix("$")  # a formula with a label: `$\text{Area} = 2 \cdot 4 = 8$`
    if not _GOOD_AFTER.match(after) or _MATHS.search(after) or not _ends_well(after):
        return None
    if stance.open_doubt(before + " " + last[0]) or before.count("(") > before.count(")"):
        return None
    if _LEFT_SIDE.search(before):
        return _equation(before, last, reader)
    if _BAD_BEFORE.search(body[: last.start()]) and not before.endswith(":"):
        return None
    if (
        _operator_before(before)
        or _BAD_WORDS.search(_LEADS_TO.sub("", before))
        or _NO_CJK.search(before)
    ):
        return None
    if len(numbers) > 1:
        whole = _COMPOUND.match(body, numbers[-2].start())
        if whole and whole.end() > last.end() and reader.readable(whole[0]):
            return whole[0]
    counted = quantity(body, last, reader)
    return last[0].strip() if counted is None else counted


_COMPOUND = re.compile(r"[0-9.]+\s+[a-z]+(?:,|\s+and)?\s+[0-9.]+\s+[a-z]+\b", re.I)
_VERB = re.compile(r"\b(?:is|are|equals|equal to|be)\s++")
# `Area = 9π square inches`
_NAMED_VALUE = re.compile(
    r"(?:(?:so|thus|hence|therefore),? )?(?:the )?(?:(?:total|surface|shaded|exact|lateral) )?"
    r"(?:area|volume|perimeter|circumference|length|distance|radius|height|answer) = ([^=]++)",
    re.I,
)
_ASIDE = re.compile(r"\(\s*+(?:≈|\\approx|about|approximately|i\.e\.)[^()]*+\)\s*+\Z")
_SIGN = re.compile(r"[-+*/^π√∞()]")


def _expression(body: str, reader: Reader) -> str | None:
    """Return the expression that a sentence ends with, after its verb: `it is π/4 (≈ 0.785)`."""
    body = _ASIDE.sub("", body)
    verbs = list(_VERB.finditer(body))
    value = body[verbs[-1].end() :].strip("* ") if verbs else ""
    named = _NAMED_VALUE.fullmatch(body)
    if named and _SIGN.search(named[1]):
        return named[1].strip() if reader.readable(named[1]) else None
    if not value or "$" in value or NUMBER.fullmatch(value) or not _SIGN.search(value):
        return None
    if stance.open_doubt(body[: verbs[-1].end()]) or not reader.readable(value):
        return None
    return None if are_steps(value) else value


_BEFORE_LEFT = re.compile(
    rf"[:;,](?=\s)|\b(?:{'|'.join(clauses.VERBS)}|so|thus|hence|therefore|then|we|only|that)\b",
    re.I,
)


def _equation(before: str, last: re.Match[str], reader: Reader) -> str | None:
    """Return the statement in `left = number`: a name's value, or a worked-out sum.

    The sum is returned too, so that it can be checked: `3 apples + 4 apples = 7`.
    """
    value = last[0].strip()
    left = _BEFORE_LEFT.split(before[:-1])[-1].strip()
    if not re.search(r"[-+*/^_\\(){}\[\]|0-9×·÷√²³]", left) or _APPLIED.fullmatch(left):
        return value
    name = left.rpartition(" and ")[2]
    left = name if re.fullmatch(r"[a-zA-Z](?:_\w)?", name) else left  # `2x = 10 and x`
    label = _LABEL.match(left)
    if label:
        if stance.changed_before(label[1], len(label[1])) or _NO_LABEL.search(label[1]):
            return None
        left = left[label.end() :].strip()
        if not left:
            return value
    left = re.sub(r"[$€£¥]|(?<=\d),(?=\d{3})", "", _POWERS.sub(_as_power, left))
    left = re.sub(r"\\(?:times|cdot)(?![a-zA-Z])", "*", left).replace(r"\div", "/")
    sums = _NOT_WORD.sub(" ", left).strip(" =")
    sums = re.sub(r"(?<=[\d)\s])x(?=[\d(\s])|×|·", "*", sums).replace("÷", "/")
    if not _ARITHMETIC.fullmatch(sums):
        return None
    amount = re.sub(r"[\\$€£¥,\s]", "", value)
    whole = f"{' '.join(sums.split())} = {amount}"
    return whole if reader.readable(whole) else None


_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_POWERS = re.compile(f"[{_SUPERSCRIPTS}]++")


def _as_power(match: re.Match[str]) -> str:
    return "^" + "".join(str(_SUPERSCRIPTS.index(digit)) for digit in match[0])


_LABEL = re.compile(r"\$?\s*+\\(?:text|mathrm)\{([^{}]*+)\}\s*+(?==|\Z)")
_NO_LABEL = re.compile(r"\b(?:twice|half|double|triple|of|not|wrong)\b", re.I)
_APPLIED = re.compile(r"[a-zA-Z]\([^()]{1,12}\)")
_LEADING = re.compile(
    r"\W*+(yes|no|true|false)(?:[,.;:!]|\s[-–—])\s++"
    r"(?!.*\b(?:yes|no|true|false|maybe|perhaps|or|both|neither|not sure|but|only|if|unless"
    r"|except|provided|probably)\b)",
    re.I | re.S,
)
_LAST_WORD = re.compile(
    r"\b(?:(?:is|are|be|on|thus|hence)\s++(?:therefore\s++|thus\s++|an?\s++)?([A-Za-z]++)"
    r"|\A\W*+(?:(?:so|thus|hence|therefore),?\s)?(?:the|this)\s(?:infinite\s|improper\s)?"
    r"(?:series|sequence|integral|product|sum)\s(converges|diverges))\W*+\Z",
    re.I,
)


_ABSENT = re.compile(
    r"(?:\A|[,;.:] |\b(?:so|thus|hence|therefore),? )(?:it|(?:the |this )?(?:limit|integral)) "
    r"((?:does not|doesn['’]t) exist)(?=\W*+\Z)",
    re.I,
)


def stated_word(answer: str) -> str:
    """Return the word that begins an answer, or that it says about something; else the answer.

    `Yes, since 6 is even.` says yes; `Hence the claim is false.` says false.
    """
    answer = answer.replace("*", "").strip()
    leading = _LEADING.match(answer)
    if leading:
        return leading[1]
    absent = _ABSENT.search(answer)
    if absent and not _DIGIT.search(answer) and not stance.open_doubt(answer[: absent.start(1)]):
        return answer if OR.search(answer) else absent[1]
    last = _LAST_WORD.search(answer)
    if last is None or "?" in last[0]:
        return answer
    word = last.lastindex or 0
    return answer if stance.open_doubt(answer[: last.start(word)]) else last[word]
