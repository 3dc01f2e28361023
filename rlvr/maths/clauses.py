"""Clauses: tells what a text states from what it says beside it, a circumstance, a check, a note.

`So she pays $64 for 16 glasses.` states 64. Words decide; nothing is known of the answer.
"""

from __future__ import annotations

import re
from itertools import pairwise

from rlvr.maths import cjk, stance
from rlvr.maths.cardinals import in_words
from rlvr.maths.nouns import NEVER, without_extras
from rlvr.maths.tree import Op

NUMBER = re.compile(
    r"(?:\\?[$€£¥]\s*)?(?<![0-9.,])[-−]?(?:\\?[$€£¥]\s*)?"
    r"(?:[0-9]{1,2}:[0-5][0-9](?![0-9:])(?:\s?[ap]\.?m\b\.?)?"
    r"|[0-9]{1,4} [1-9][0-9]?/[1-9][0-9]?(?![0-9/])"
    r"|[0-9]+(?:\s?:\s?[0-9]+)+"
    r"|(?:[0-9]{1,3}(?:[, \u00a0\u202f][0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)"
    r"(?:\s?/\s?[0-9]+)?(?:\s?(?:\\?%|[€£¥]))?"
)
_DIGIT_OR_COMMAND = re.compile(r"[\d\\]")

# --- within a sentence -------------------------------------------------------------------------

VERBS = (
    "is are was were has have had will can must need needs take takes took get gets got earn earns "
    "earned make makes made spend spends spent pay pays paid cost costs travel travels read reads "
    "drive drives drove run runs ran sell sells sold buy buys bought eat eats ate save saves saved "
    "use uses used receive receives received owe owes give gives gave remain remains equal equals "
    "contain contains walk walks work works collect collects charge charges win wins lose loses "
    "play plays bake bakes find finds"
).split()
_STATES = re.compile(
    rf"\b(?:{'|'.join(VERBS)})\b[^0-9]{{0,40}}\Z|[a-z0-9)] ?= ?\Z|\b[a-z]{{3,20}}(?:s|ed)\s\$?\Z",
    re.I,
)
_SUBORDINATE = re.compile(
    r"\W*+(?:so|thus|hence|therefore|then|but|and|now)?\W*+"
    r"(?:since|if|when|because|as|after|while|once|given|suppose|assuming)\b",
    re.I,
)
# What the number before it is said of: `$64 for 16 glasses`, `5 primes less than 12`.
_CIRCUMSTANCE = re.compile(
    r";\s|, as\s|,?\s(?:(?:for|in|on|at|with|from|over|within|during|including|out of|below|under"
    r"|above|after|before|when|while|since|because|whereas|between|of which|which is"
    r"|that (?:is|are))\s|of (?:the|these|those|all|them|his|her|its|their|our|my|your)\s"
    r"|to (?!a\b|the\b)[a-z]+\s"
    r"|(?<=[a-z]\s)(?:less|greater|more|fewer) than\s)"
)
# `Therefore, 15 of the 40 pupils sing.`, and no more numbers.
_OF_MANY = re.compile(
    r"(?:so|thus|hence|therefore|\W)*+,?\s*+([0-9]++) of (?:the|his|her|its|their|all) [0-9]++ "
    r"(?!(?:[^.]*\s)?(?:is|are|was|were|makes?|gives?|equals?|means|costs?)\b)[a-zA-Z ]++\Z",
    re.I,
)
_OF_THEM = re.compile(
    r"[0-9]++ of (?:them|these|those|which|whom)\b(?! (?:are|is|were|was|have|has|had)\b)"
)
_OF_A_WHOLE = re.compile(r"of (?:the|his|her|its|their|our|my) (?!.*\b(?:twice|double|half)\b)")
# What shows that the sentence has not said its value yet.
_CONTINUES = re.compile(
    r"\b(?:so|then|thus|hence|therefore|total|altogether|but|or|equals?"
    r"|which (?:means|gives|makes|leaves)|(?:and|,) (?:he|she|it|they|the|there|we|[A-Z]))\b|=|≈"
    r"|, (?:giving|leaving|making)\b"
)
_AFTER_VALUE = r"(?<=[0-9$%})])"
_DISMISSES = re.compile(
    rf"{_AFTER_VALUE}(?:\s(?!(?:is|are|was|it|do|does|did|or)\b)[a-z]+){{0,2}}(?:,|\sand)?\s"
    r"(?:not|rather than|instead of|as opposed to|unlike|whereas)\s[^.]{0,200}\Z"
)
_LISTED = re.compile(r"(?::|,? namely)\s\$?-?[0-9]++(?:, ?-?[0-9]++)++(?:,? and -?[0-9]++)?\$?\Z")
_WHY = re.compile(
    rf"{_AFTER_VALUE},?\s(?:because|since|by (?:Lemma|Theorem|Corollary)|according to|using the)\s"
    r".*+\Z",
    re.S,
)
_NEGATIVE = re.compile(r"(\A|(?:\b(?:is|be|equals)|=) )(?:negative|minus) (?=[0-9])")
_OF_ANOTHER = re.compile(
    r"\b(?:mistake|naive|(?:textbook|book|problem|question) says|(?:he|she|they|it) claims?|thinks"
    r"|students? (?:answer|say)|ends in|(?:[a-z] (?:squared|cubed|(?:minus|plus) [0-9]{1,9})"
    rf"|{stance.PART} \$?[a-z]\$?|[a-z]['’]s reciprocal)"
    r" (?:is|equals))\b"
)


def main_clause(sentence: str) -> str:
    """Leave out what a sentence says of its value after it: `for 16 glasses`, `, not 10`."""
    sentence = _LISTED.sub("", _WHY.sub("", _DISMISSES.sub("", sentence)))
    sentence = signed(sentence)
    if of_many := _OF_MANY.match(sentence):
        return sentence[: of_many.end(1)]
    numbers = list(NUMBER.finditer(sentence))
    if len(numbers) < 2 or _SUBORDINATE.match(sentence):
        return sentence
    continued = max((one.start() for one in _CONTINUES.finditer(sentence)), default=-1)
    for number, following in pairwise(numbers):
        if not _STATES.search(sentence, max(0, number.start() - 60), number.start()):
            continue
        comma = sentence.rfind(",", number.end(), following.start())
        aside = following is numbers[-1] and continued < number.end()
        aside = aside and sentence[comma + 1 : following.start()].isspace()
        if comma > 0 and aside and _OF_THEM.match(sentence, following.start()):
            return sentence[:comma]
        cut = _CIRCUMSTANCE.search(sentence, number.end(), following.start())
        if cut and continued < number.end():
            return sentence[: cut.start()]
    return sentence


def signed(sentence: str) -> str:
    """Write `negative 5` and `minus 5` with a sign, where they are a sentence's value."""
    return _NEGATIVE.sub(r"\1-", sentence)


def of_another(sentence: str) -> bool:
    """Return whether a sentence reports what others say, or the value of a part: `twice x is 3`."""
    return bool(_OF_ANOTHER.search(sentence))


_CLAUSE = re.compile(r"[,;:]\s|\b(?:so|thus|hence|therefore|which means)\b", re.I)
_COUNTED = re.compile(
    rf"\b(?:{'|'.join(VERBS)})\s((?:[a-z]{{1,20}}+(?:-[a-z]{{1,20}}+)?+(?:\s++|\Z)){{1,14}})\Z",
    re.I,
)
_HEDGED = re.compile(
    r"\b(?:not sure|unsure|maybe|perhaps|possibly|probably|if|unless|suppose|assum\w*+|guess"
    r"|false|wrong|incorrect|either|or|might|could|may)\b",
    re.I,
)
_REASON = re.compile(r"(?:since|because|as|each|for|while|where)\b", re.I)
# After a number in words: more than what it counts.
_GOES_ON = re.compile(
    r"\b(?:or|and|out|of|in|to|point|over|percent|below|above|by|times|plus|minus|multiplied"
    r"|divided|percentage|thirds?|halves|half|quarters?|fifths?|tenths?)\b",
    re.I,
)


def number_in_words(sentence: str) -> str | None:
    """Return the number in words that the last clause of a sentence states; else None.

    `so there are five apples` states five. `one` is none: `the answer is one of them`.
    """
    text = sentence.strip()[-200:]
    if not sentence.isascii() and (written := cjk.numeral_last(sentence)) is not None:
        return written
    parts = list(_CLAUSE.finditer(text))
    clause = text[parts[-1].end() if parts else 0 :].rstrip(" .!").lstrip()
    mark = parts[-1][0][0] if parts else ""
    apart = mark == ";" or mark == ":" and _DIGIT_OR_COMMAND.search(text, 0, parts[-1].start())
    if apart or _REASON.match(clause) or _HEDGED.search(text):
        return None
    cut = _CIRCUMSTANCE.search(clause)
    if cut and _DIGIT_OR_COMMAND.search(clause, cut.start()):
        clause = clause[: cut.start()].rstrip(" ,")
    found = _COUNTED.search(clause)
    if found is None or _DIGIT_OR_COMMAND.search(clause) or stance.says_doubt(clause):
        return None
    words = found[1].split()
    for count in range(len(words), 0, -1):
        number, rest = " ".join(words[:count]), " ".join(words[count:])
        if number.lower() != "one" and in_words(number) is not None:
            rest = without_extras(rest)
            if isinstance(in_words(number), Op) and _OF_A_WHOLE.match(rest):
                rest = rest.removeprefix("of ")  # two-thirds of the cake
            elif rest.startswith("dozen"):
                number, rest = f"{number} dozen", rest.removeprefix("dozen").strip()
                if NEVER & {*rest.lower().split()}:
                    return None
            changed = stance.qualified(f" {rest}", 0) or stance.doubts_after(rest)
            more = _GOES_ON.search(rest) or any(in_words(word) for word in rest.split())
            return None if changed or more else number
    return None


# --- after the answer --------------------------------------------------------------------------

_ASIDE_SENTENCE = re.compile(
    r"\W*+(?:indeed|we can (?:check|verify)|check|verif\w++|confidence|score|note|see"
    r"|i(?: a|['’])m \S{1,9} sure)\b",
    re.I,
)
# What a helpful model ends with, where its line says nothing else.
_ANY = r"(?:any|more|further|other|additional|another)[a-z ,'’]{0,60}"
_OFFERS = (
    r"(?:i )?hope (?:this|that) helps(?: you)?(?: (?:to )?(?:understand|clarify)[a-z ,'’]{0,60})?"
    r"|(?:please )?(?:let me know|feel free to (?:ask|reach out))(?: me)?"
    rf"(?: if you(?: have| need|['’]d like) {_ANY})?"
    rf"|if you (?:have|need) (?:{_ANY}|[0-9](?: or [0-9])? (?:more )?questions[a-z ,'’]{{0,60}})"
    r"|would you like (?:me to|to see|another|more)[a-z ,'’]{0,80}"
)
_OFFERED = re.compile(rf"\n[^\w\n]*+(?:(?:{_OFFERS})[.!?:) ]*+)++\Z", re.I)
_ASIDE_LINE = re.compile(
    r"\n[^\w\n]*+(?:(?:verification|check(?:ing)?|confidence|score|notes?|date|time|source"
    r"|total tokens)\s?:|see\b|this uses\b)[^\n]*+\Z",
    re.I,
)
_NEXT_PROBLEM = re.compile(r"\n[^\w\n]*+(?:question|problem|exercise)(?: [0-9]{1,3})?\s?[:.]", re.I)
_TWO_VALUES = re.compile(
    r"\b([a-zA-Z]) ?= ?(-?[0-9][0-9./]*)\b(?:(?!\b[a-zA-Z] ?=).){0,60}?\b(?:or|also|another|other"
    r"|case|otherwise|else)\b[^=]{0,30}\b\1 ?= ?(-?[0-9][0-9./]*)\W*\Z",
    re.S | re.I,
)


def is_aside(sentence: str) -> bool:
    """Return whether a sentence checks the answer before it, or says how sure it is."""
    return bool(_ASIDE_SENTENCE.match(sentence))


def without_asides(text: str) -> str:
    """Leave out the lines after an answer that check it or note something; and a next problem."""
    following = _NEXT_PROBLEM.search(text)
    text = text[: following.start()].rstrip() if following and following.start() else text
    while (line := text.rfind("\n")) > 0 and (
        _ASIDE_LINE.match(text, line) or _OFFERED.match(text, line)
    ):
        text = text[:line].rstrip()
    return text


def two_values(text: str) -> bool:
    """Return whether a text ends with two values of one name, as two cases have."""
    cases = _TWO_VALUES.search(text[-200:])
    return cases is not None and cases[2] != cases[3]
