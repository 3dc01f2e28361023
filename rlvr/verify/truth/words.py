"""Words and things: phrases, choices, times, money, units."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from rlvr.verify.truth.made import Made, decimal, finite, near, tex

WORDS = ("Tuesday", "Friday", "yes", "no", "true", "false", "even", "odd", "blue", "hyperbola",
         "parabola", "circle", "isosceles", "Alice", "Bob",
         "no solution", "right triangle", "infinitely many", "neither", "never", "March",
         "increasing", "north", "undefined slope", "acute")  # fmt: skip


def text(r: Random) -> Made:
    """Words: case, font and a full stop don't count."""
    word, other = r.sample(WORDS, 2)
    forms = [(word, "as it is"), (word.lower(), "lower case"),
             (word.upper() if len(word) > 3 else word.title(), "upper case"),
             (rf"\text{{{word}}}", "text"),
             (rf"\textbf{{{word.title()}}}", "bold"), (f"{word}.", "a full stop"),
             (rf"\text{{ {word} }}", "spaces"),
             (rf"\mathrm{{{word.replace(' ', '~')}}}", "upright")]  # fmt: skip
    misses = [(rf"\text{{{other}}}", "another word"), (other, "another word"),
              (rf"\text{{not {word}}}", "not"), (rf"\text{{{word} or {other}}}", "two words"),
              (rf"\text{{un{word}}}", "superstring"), (rf"\text{{{word}ly}}", "superstring"),
              (rf"\text{{{word[:-1]}}}", "substring"), (str(r.randint(1, 9)), "a number"),
              (rf"\text{{{word}, {other}}}", "two words"),
              (word[0].upper(), "its letter")]  # fmt: skip
    return Made([word, rf"\text{{{word}}}"], forms, misses, True)


def choice(r: Random) -> Made:
    """Multiple-choice letters."""
    letter, other = r.sample("ABCDE", 2)
    forms = [(letter, "as it is"), (f"({letter})", "brackets"), (rf"\text{{{letter}}}", "text"),
             (rf"\textbf{{({letter})}}", "bold"), (f"{letter}.", "a full stop"),
             (rf"\text{{({letter})}}", "text, brackets"),
             (rf"\textbf{{({letter})}}\ {r.randint(2, 90)}", "with its value"),
             (rf"\mathrm{{{letter}}}", "upright"),
             (f"{letter})", "half a bracket"),
             (rf"\textbf{{{letter}}}", "bold letter")]  # fmt: skip
    misses = [(other, "another letter"), (f"({other})", "another letter"),
              (rf"\text{{({other})}}", "another letter"), (f"{letter}{other}", "two letters"),
              ("ABCDE", "all of them"),
              (f"{letter}, {other}", "two letters"),
              (rf"{letter} \text{{ or }} {other}", "two letters"),
              (rf"\textbf{{({other})}}\ {r.randint(2, 90)}", "another letter"),
              (f"({letter}) and ({other})", "two letters"),
              (f"({letter}), ({other})", "two letters"), (str(ord(letter) - 64), "its number"),
              (rf"\text{{not {letter}}}", "not")]  # fmt: skip
    return Made(
        [letter, f"({letter})", rf"\text{{({letter})}}", rf"\textbf{{({letter})}}"],
        forms,
        misses,
        True,
    )


def time(r: Random) -> Made:
    """Times of day; 24 hours may stand for am and pm."""
    hour, minute = r.randint(0, 23), r.randint(0, 59)
    half, shown = ("PM" if hour >= 12 else "AM"), (hour + 11) % 12 + 1
    dotted = f"{half[0].lower()}.m."

    def write(h: int, m: int, half: str) -> str:
        return f"{h}:{m:02d} {half}"

    forms = [(write(shown, minute, half), "as it is"),
             (write(shown, minute, half.lower()), "lower case"),
             (write(shown, minute, dotted), "dots"),
             (f"{shown}:{minute:02d}{half.lower()}", "no space"),
             (rf"{shown}:{minute:02d}\text{{ {half}}}", "text"),
             (rf"\text{{{write(shown, minute, half)}}}", "all in text"),
             (rf"{shown}\!:\!{minute:02d}\ \text{{{dotted}}}", "spacing")]  # fmt: skip
    forms += [(f"{hour}:{minute:02d}", "24 hours")] if hour >= 13 or hour == 0 else []
    forms += [(f"{shown} {half}", "no minutes")] if minute == 0 else []
    turned = "AM" if half == "PM" else "PM"
    misses = [(write(shown, minute, turned), "the other half"),
              (write(shown % 12 + 1, minute, half), "an hour"),
              (write(shown, (minute + 1) % 60, half), "a minute"),
              (write(shown, (minute + 30) % 60, half), "half an hour"),
              (f"{shown}:{minute:02d}" if hour >= 12 else f"{shown + 12}:{minute:02d}"
               if shown < 12 else "12:60", "no half"),
              (f"{shown}.{minute:02d}", "a decimal"), (str(shown), "the hour"),
              (f"{(hour + 6) % 24 or 13}:{minute:02d}", "another hour")]  # fmt: skip
    if shown != minute and 1 <= minute <= 12:
        misses += [(write(minute, shown, half), "turned")]
    return Made(
        [
            write(shown, minute, half),
            rf"{shown}:{minute:02d}\text{{ {half}}}",
            write(shown, minute, dotted),
        ],
        forms,
        misses,
        True,
    )


def money(r: Random) -> Made:
    """Amounts: the currency may be missing, but not be a different one."""
    cents = r.choice((r.randint(1, 99) * 100, r.randint(100, 99999), r.randint(10**5, 10**8)))
    value = Fraction(cents, 100)
    short, full = decimal(value), f"{value.numerator // value.denominator:,}.{cents % 100:02d}"
    plain = full.replace(",", "")
    forms = [(rf"\${full}", "as it is"), (rf"\${plain}", "no commas"), (full, "no sign"),
             (short, "shortest"), (f"{plain} dollars", "a word"),
             (rf"{plain}\text{{ dollars}}", "text"),
             (rf"\text{{\${plain}}}", "all in text"), (f"{cents} cents", "cents"),
             (rf"\$ {plain}", "a space"), (f"{plain} USD", "USD"), (f"{tex(value)}", "a fraction"),
             (rf"x=\${plain}", "x =")]  # fmt: skip
    misses = [(f"{cents}", "cents unsaid"), (f"{plain} cents", "cents for dollars"),
              (f"€{plain}", "euros"), (f"£{plain}", "pounds"), (rf"\$-{plain}", "sign"),
              (rf"{plain}\%", "percent"),
              (f"{plain} meters", "another unit"),
              (rf"\${plain}, \${short}1", "two amounts")]  # fmt: skip
    misses += [(rf"\${decimal(other)}", how) for other, how in near(r, value) if finite(other)]
    return Made(
        [rf"\${full}", rf"\${plain}"],
        forms,
        [m for m in misses if m[1] != "cents unsaid" or cents != value],
        False,
    )


UNITS = (  # name, plural word, conversions (factor, unit), strangers
    ("cm", "centimeters", ((Fraction(1, 100), "m"), (Fraction(10), "mm")),
     ("m", "mm", "km", "kg", "s")),
    ("m", "meters", ((Fraction(100), "cm"), (Fraction(1, 1000), "km")), ("cm", "km", "ft", "g")),
    ("km", "kilometers", ((Fraction(1000), "m"),), ("m", "miles", "kg", "hours")),
    ("kg", "kilograms", ((Fraction(1000), "g"), (Fraction(10**6), "mg")), ("g", "m", "pounds")),
    ("ft", "feet", ((Fraction(12), "inches"), (Fraction(1, 3), "yards")),
     ("inches", "m", "miles", "yards")),
    ("hours", "hours", ((Fraction(60), "minutes"), (Fraction(3600), "seconds")),
     ("minutes", "days", "km", "seconds")),
    ("minutes", "minutes", ((Fraction(60), "seconds"), (Fraction(1, 60), "hours")),
     ("hours", "seconds", "m")),
    ("days", "days", ((Fraction(24), "hours"), (Fraction(1, 7), "weeks")),
     ("hours", "weeks", "km")),
    ("L", "liters", ((Fraction(1000), "mL"),), ("mL", "kg", "m")),
    ("cm^2", "square centimeters", ((Fraction(1, 10**4), "m^2"), (Fraction(100), "mm^2")),
     ("cm", "cm^3", "m^2", "m")),
    ("m^3", "cubic meters", ((Fraction(10**6), "cm^3"),), ("m^2", "m", "cm^3", "L/s")),
    ("km/h", "kilometers per hour", ((Fraction(1000), "m/h"),), ("km", "m/s", "km/s", "h", "mph")),
    ("m/s", "meters per second", ((Fraction(100), "cm/s"),), ("m", "km/h", "m/s^2", "s")),
)  # fmt: skip


def unit(r: Random) -> Made:
    """Quantities: the unit may be missing or converted, but not be a different one."""
    name, word, conversions, strangers = r.choice(UNITS)
    value = Fraction(r.randint(1, 400), r.choice((1, 1, 1, 2, 4)))
    t = decimal(value)
    factor, other = r.choice(conversions)
    converted = decimal(value * factor) if finite(value * factor) else tex(value * factor)
    forms = [(rf"{t}\text{{ {name}}}", "as it is"), (f"{t} {name}", "plain"), (t, "no unit"),
             (rf"{t}\,\mathrm{{{name}}}", "upright"), (f"{t} {word}", "words"),
             (rf"{t}\text{{ {word}}}", "words in text"),
             (rf"{converted}\text{{ {other}}}", "converted"), (rf"x={t}\text{{ {name}}}", "x ="),
             (rf"{tex(value)}\text{{ {name}}}", "a fraction"),
             (rf"{t}~\text{{{name}}}", "a tie")]  # fmt: skip
    misses = [(rf"{t}\text{{ {stranger}}}", "another unit") for stranger in strangers] + [
        (f"{t} {stranger}", "another unit") for stranger in strangers
    ]
    misses += [(rf"{decimal(v)}\text{{ {name}}}", how) for v, how in near(r, value) if finite(v)]
    misses += [(decimal(v), how) for v, how in near(r, value) if finite(v)] + [
        (rf"{t}\text{{ {other}}}", "converted unit, same number")
    ]
    return Made([rf"{t}\text{{ {name}}}", f"{t} {name}"], forms, misses)
