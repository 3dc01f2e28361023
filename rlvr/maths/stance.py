"""Stance: decides whether a text stands by an answer, or denies, supposes, hedges, asks, retracts.

Words decide here. The words that only lead up to an answer ("the final answer is", the fillers
below) are skipped, and the words before them decide. So "I don't think the answer is 5" denies, and
"There is no change, so the answer is 5" does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from rlvr.maths import cjk

NEAR = 100  # a word within so many characters of an answer can concern it

_TOKEN = re.compile(r"[^\W\d_]++(?:['’][^\W\d_]++)*+|[^\s\w]|\w")

# A word that denies, supposes or hedges what follows it.
_DENIALS = frozenset(
    "not never no nobody nothing none cannot neither nor hardly false wrong error "
    "incorrect incorrectly mistaken erroneous mistakenly exclude excludes excluding reject rejects "
    "rule rules ruled discard eliminate doubt doubts deny denies unsure unlikely impossible refute "
    "refutes contradicts contradict contradiction tempting "
    "nicht kein keine pas non não нет не niet nie nej inte ikke zweifle doute dudo dubito duvido "
    "сомневаюсь ≠".split()
)
_SUPPOSALS = frozenset(
    "if suppose supposing supposed assume assuming assumed whether whenever unless provided "
    "consider considering imagine pretend guess guessing guessed hunch bet suspect try trying "
    "tried let setting "
    "wenn falls angenommen si se если supposons supposez supongamos suponga suponha suponhamos "
    "supponiamo supponi предположим допустим".split()
)
_HEDGES = frozenset(
    "maybe perhaps possibly probably likely presumably conceivably supposedly seemingly arguably "
    "could might may either vielleicht quizás peut-être talvez forse возможно".split()
)
_UNSURE = _SUPPOSALS | _HEDGES
_DOUBTS = _DENIALS | _UNSURE
# Words that lead up to an answer and say nothing about it.
_FILLERS = frozenset(
    "that the my our your this a an final correct right true actual possible first answer answers "
    "result value solution option choice it is was are were be been equals equal would should will "
    "must do does did say says said think believe know see seem seems mean means sure certain way "
    "claim conclude of to by than for from like any case out die der das antwort la el il o "
    "réponse "
    "respuesta resposta risposta ответ soit sea seja sia que che dass что est "
    "es é ist you we i it's = $ ( { [ \\ * \" ' x n y k m boxed fbox text".split()
)
_CJK_DOUBT = re.compile(
    r"(?:假设|假定|假如|如果|若|怀疑|可能|也许|大概|或许|不认为|不是|并非|仮に|もし)\w{0,2}\s*+\Z"
)
_BREAKS = re.compile(
    r"[,;:]\s|\b(?:discard|reject|exclude|rule out)\b[^.;]{0,40}?\band (?:get|keep|are left with)\b"
    r"|\b(?:then|hence|thus|therefore|but)\b|(?:\A|\band )so\b|。|，",
    re.I,
)
_DOUBTED = re.compile(
    r"(?<![\w-])(?:"
    + "|".join(sorted(_DOUBTS - {"≠", "may"}))
    + r")(?![\w-])|n['’]t\b|≠|\\neq?(?![a-z])"
    r"|\\not\b|不(?!等式)|[没沒非未]|如果|假设|假定|怀疑|可能|也许|大约|ない|아니|仮に|가정"
    r"|(?-i:\bmay\b)"
    r"|\b(?:we (?:still )?need to|about|approximately|around|roughly|nearly|almost"
    r"|contradict\w*+"
    r"|(?:rejected|excluded|discarded|extraneous|candidate) (?:value|solution|root|answer)s?)\b",
    re.I,
)

# `the pupils who do not sing are 5`: what describes the subject denies nothing.
_RELATIVE = re.compile(
    r"(?<=[a-z] )(?:who|which|that) (?:do|does|did|have|has|are|is|can)\b"
    r"(?:(?!\b(?:is|are|was|were)\b)[^,])*+(?=\b(?:is|are|was|were)\b)"
)
_AFTER = re.compile(
    r"(?<![\w-])(?:"
    + "|".join(sorted(_HEDGES - {"may"}))
    + r"|not|never|wrong|incorrect|false|mistaken|doubt|unsure|unlikely|guess|suspect|if|unless"
    r"|provided|only (?:for|if|when)"
    r"|(?:for|when) (?:\$?[a-z]\$? is )?(?:even|odd)|impossible|contradict\w*+|extraneous|fails?"
    r"|refut\w*+)(?![\w-])|n['’]t\b|(?-i:\bmay\b)|不(?!等式)|[没沒非未]|如果|ない|아니",
    re.I,
)
_GUESSES = re.compile(r"\b(?:guess(?:es)?\s*+:|hunch\b|bet\b|suspect\b)", re.I)
_IMAGINED = frozenset(
    "suppose assume imagine pretend consider supposons supposez supongamos suponga suponha "
    "suponhamos supponiamo supponi предположим допустим angenommen".split()
)

# Texts after an answer that make it another answer, or no answer.
_QUALIFIED = re.compile(
    r"[\s$*)}\]\\,]*+(?:squared|cubed|factorial|to the\b|and (?:a|one|two|three|some)\b"
    r"|or (?:more|less|fewer|so|higher|lower|above|below|even)\b|plus|minus|times|divided|choose"
    r"|mod(?:ulo)?\b|at (?:least|most)|more than|less than"
    r"|in (?:tens|hundreds|thousands|millions|base|binary|octal|hexadecimal)\b"
    r"|as an? (?:lower|upper|estimate|guess|approximation)"
    r"|(?:hundred|thousand|million|billion|trillion|dozen|lakh|crore)s?\b"
    r"|(?:hal(?:f|ves)|thirds?|quarters?|fourths?|fifths?|tenths?|hundredths?|thousandths?)\b"
    r"|i (?:think|guess)|maybe|perhaps|probably|possibly|approximately|roughly"
    r"|upwards?\b|digit (?:number|integer)|give or take|or thereabouts|at the very (?:least|most)"
    r"|(?:and )?then (?:add|subtract|multiply|divide)\b"
    r"|[(\[]\s?(?:(?:a|my|best|just|only|first|rough|wild)\s)*(?:guess(?:ing)?|estimated?|unverified"
    r"|rejected|approx\.?|approximately|roughly|about|\?)(?=[\s)\],])"
    r"|(?:only if|provided|unless|if)\b(?! and only)[^.=\n]{1,60}(?:\.|\n|\Z))",
    re.I,
)
_ROUGHLY = re.compile(rf"[ $*)}}\]\\]*+{cjk.ROUGHLY}")
_DENIED_AFTER = re.compile(
    r"[\s$*)}\]\\,'\"]*+(?:(?:is|was|are|were|seems?|looks?|would be|can be|must be)\s++"
    r"(?:clearly |obviously |also |just |only |merely )?(?:a )?"
    r"(?:wrong|incorrect|false|mistaken|impossible|too|guess|estimate|rejected|excluded|ruled out"
    r"|refuted|extraneous|mistake|what (?:a|one|some)\b|(?:an? )?(?:upper|lower) bound"
    r"|not\b|no\b)|(?:does|do|did) not\b|(?:isn|wasn|can|doesn|didn|don)['’]t\b"
    r"|cannot\b|[✗✘❌]|(?:is|was) (?:what (?:you|we|one) |my (?:first|initial))"
    r"|would (?:be|have been) (?:the answer|right|correct)\b|fails?\b"
    r"|(?:right|correct|true|it|the answer)?\?"
    r"|ならば|なら|でな|ではな|だとすると|라면|이면|이 아니|的话)",
    re.I,
)

TAKEN_BACK = re.compile(
    r"\b(?:wait|hold on|oops|whoops|hmm+|(?:scratch|strike) that|on reflection"
    r"|on (?:second|further) thought|correct(?:ion|ed)|correct(?:ing)? (?:myself|that|this|it)"
    r"|correct answer|mistakes?|mistaken|slip(?:ped)?|errors?|false|refuted|extraneous|wrong"
    r"|incorrect"
    r"|actually"
    r"|should(?: have)? be(?:en)?|rather,|no,|nope|however"
    r"|but (?:this|that|it|the problem|we)\b|apologi[sz]e"
    r"|sorry|misread|miscalculated|miscounted|misunderstood|forgot|overlooked"
    r"|re-?(?:compute|calculate|consider|do|think|examine|evaluate|vise|check|read"
    r"|count)(?:d|ed|ing)?"
    r"|take (?:that|it|this) back|disregard|ignore (?:that|this|it|my|the)"
    r"|nonsense|never ?mind|amend"
    r"|(?:is|was)(?:n['’]t| not) (?:right|correct|true|valid|possible|the|it|my|what)"
    r"|can(?:no|['’])t be|(?:i am|i'm|am) not (?:sure|certain)"
    r"|i (?:doubt|don['’]t think|retract|withdraw|meant)|unsure|placeholder"
    r"|just a guess|off by one)\b"
    r"|i (?:don['’]t|do not) know|no (?:answer|solution)|(?:just )?(?:kidding|joking)|i give up"
    r"|(?<!\w)falsch\b|不对|错|等等",
    re.I,
)
_NO_NUMBER = r"(?=[^.!?\n0-9]*+(?:[.!?\n]|\Z))"  # up to the end of the sentence
# Words of doubt that concern another answer, or none.
_INNOCENT = re.compile(
    r"\b(?:common|typical|usual|frequent)(?:ly)? (?:wrong|incorrect|mistakes?|errors?|mistaken)"
    r"|nothing (?:is|was) wrong|no (?:mistakes?|errors?)|without (?:error|mistake)s?"
    r"|would (?:be|have been) (?:wrong|incorrect|a mistake|an error)|actually, (?:one|we|you) can"
    r"|(?:however|actually), (?:(?:the|its) units? (?:is|are)\b|(?:this|that|it) can"
    rf" (?:also|be (?:seen|shown|checked|verified|proved|derived|confirmed))\b){_NO_NUMBER}"
    rf"|can(?: also| easily)? re-?(?:check|compute|calculate|count|examine)\b{_NO_NUMBER}"
    r"|should(?: also)? be (?:clear|noted|obvious|evident|mentioned|emphasi[sz]ed|remembered)"
    r"|(?:others?|rest|alternatives|options|choices) (?:is|are) (?:all )?(?:wrong|incorrect|false)"
    r"|(?:let me know|feel free|if you)\b[^.!?\n]*+",
    re.I,
)
_REFUSED = re.compile(
    r"\b(?:can(?:no|['’])t|could(?: not|n['’]t)|unable to|not able to)\s++(?:be\s++)?"
    r"(?:solved?|answer(?:ed)?|determined?|help|say|find|found|tell|decided?)\b"
    r"|not enough information|insufficient|i (?:don['’]t|do not) know|give up|no idea"
    r"|(?:can['’]t|cannot) (?:tell|do this)|has no solution|(?:is|are) unclear",
    re.I,
)
_AFFIRMED = re.compile(
    r"\b(?:yes|(?:is|was|are|be|still|looks|seems)(?: indeed| still)? "
    r"(?:correct|right|fine|good|valid)|that['’]s (?:correct|right)|confirm(?:s|ed)"
    r"|verified|holds|checks? out|match(?:es)?|stands"
    r"|consistent|no (?:mistakes?|errors?))\b",
    re.I,
)
_UNDONE = re.compile(
    r"\b(?:(?i:and|but|or|nor|to|the|of|we|i|have|has|need|so|then|that|which|by|with|is|are|was|be"
    r"|from|for|in|on|at|as|it|if|because|since|now|next|also|times|plus|minus|than|this|when|where"
    r"|let|will|must)|an?)\s*+\Z"
)


def _backwards(text: str) -> Iterator[str]:
    """Yield the tokens of a text from its end; usually only a few are needed."""
    short = _TOKEN.findall(text[-30:])[1:] if len(text) > 30 else []
    yield from reversed(short)
    yield from islice(reversed(_TOKEN.findall(text)), len(short), None)


def doubted(text: str, start: int) -> bool:
    """Return whether the words before a position deny, suppose or hedge what stands there."""
    before = text[max(0, start - NEAR) : start]
    if not before.isascii() and _CJK_DOUBT.search(before[-12:]):
        return True
    after_comma = False
    for token in islice(_backwards(before), 24):
        word = token.lower()
        if after_comma:
            return word in _UNSURE  # "Perhaps, the answer is 5", but "No, the answer is 5"
        if word in _DOUBTS and token != "May" or word.endswith(("n't", "n’t")):
            return True
        after_comma = token in (",", ":")
        if word not in _FILLERS and not after_comma:
            return word == "ne" and text[:start].rstrip(" ({$").endswith(("\\ne", "\\neq"))
    return False


PART_OF = (
    r"(?:square|square root|cube|cube root|root|half|double|negative|reciprocal|opposite|inverse"
    r"|multiple|factor|divisor) of"
)
# What says that a value is not the one that follows it in the text: `twice x is 3`.
PART = rf"(?:twice|half|double|triple|{PART_OF})"
_CHANGED = re.compile(
    r"(?:\b(?:(?:more|greater|fewer|less|other|different) (?:than|from)"
    r"|(?:is|are) (?:above|below|near)"
    rf"|answer (?:is|must be) (?:at (?:least|most)|up to|(?:a |the )?{PART_OF})"
    r"|close to|anything but|all but|divisible by|negative|minus|plus|times|a rough estimate:?"
    r"|tempted to (?:say|answer)"
    rf"|(?:{PART}|(?:more|less) than) the answer (?:is|equals)"
    r"|(?:incorrect|wrong|naive|mistaken|flawed) (?:approach|method|way|calculation|attempt"
    r"|reading)s? (?:gives?|yields?|leads? to))|[0-9]%? ?of|[±∓]|from [-0-9.$]{1,12} to"
    r"|(?:\A|\n|\b(?:is|are) )\$?-?[0-9.]+\$? and)[\s$]*+\Z",
    re.I,
)


# What a match of _CHANGED ends with, for nearly no text does; and, where it ends with `is`, holds.
_CHANGES = tuple(
    "than from above below near least most to of but by negative minus plus times estimate "
    "estimate: say answer gives give yields yield ± ∓ and".split()
)
_PARTS = ("twice", "half", "double", "triple", " of ", " than ")


def changed_before(text: str, start: int) -> bool:
    """Return whether the words right before a box change what it holds: `minus`, `divisible by`."""
    begin = max(0, start - NEAR)
    before = " ".join(text[begin:start].replace("$", " ").split()).lower()
    if not before.endswith(_CHANGES) and not (
        before.endswith(("is", "equals")) and any(part in before for part in _PARTS)
    ):
        return False
    return bool(_CHANGED.search(text, begin, start))


def qualified(text: str, end: int) -> bool:
    """Return whether the text after an answer changes it: `42 squared`, `42 or more`."""
    return bool(_QUALIFIED.match(text, end) or _ROUGHLY.match(text, end))


def denied_after(text: str, end: int) -> bool:
    """Return whether the text right after an answer denies or asks it: `42 is wrong`, `42?`."""
    return bool(_DENIED_AFTER.match(text, end))


def open_doubt(before: str) -> bool:
    """Return whether a sentence denies, supposes or hedges in its last clause.

    A sentence that begins with a hedge, or says that it guesses, is hedged to its end.
    """
    first = _TOKEN.search(before)
    if first and first[0].lower() in _HEDGES | _IMAGINED or _GUESSES.search(before):
        return True
    breaks = [match.end() for match in _BREAKS.finditer(before)]
    clause = _RELATIVE.sub(" ", before[breaks[-1] if breaks else 0 :])
    return bool(_DOUBTED.search(clause))


def says_doubt(text: str) -> bool:
    """Return whether a text has a word of doubt anywhere."""
    return bool(_DOUBTED.search(text))


def doubts_after(text: str) -> bool:
    """Return whether the text after a value in its sentence denies, hedges or conditions it."""
    return bool(_AFTER.search(text))


_NO = re.compile(
    r"[^\S\n]*+[$.})\]*]*+[^\S\n]*+\n\s*+(?:no|nope|not (?:really|quite))\s?[.!]?(?:\s*+\n|\s*+\Z)",
    re.I,
)


def taken_back(tail: str) -> bool:
    """Return whether the text after an answer takes it back and does not confirm it at the end."""
    if _NO.match(tail):
        return True
    tail = _INNOCENT.sub("", tail)
    cues = [match.end() for match in TAKEN_BACK.finditer(tail)]
    return bool(cues) and not _AFFIRMED.search(tail, cues[-1])


def cut_off(sentence: str) -> bool:
    """Return whether a sentence is cut off: after a comma, or a word that needs another one."""
    return bool(_UNDONE.search(sentence)) or sentence.rstrip().endswith((",", "=", "+", "-", "("))


def refused(text: str) -> bool:
    """Return whether a text says that there is no answer: `I don't know`, `not enough data`."""
    return bool(_REFUSED.search(text))
