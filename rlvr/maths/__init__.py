"""Reading and comparing mathematical answers, for the `math` verifier.

What a text states: `extract` finds the final answer in a completion, by its boxes and tags, by what
it announces (`announce`) and by its last sentence (`sentences`); `stance` says what is denied,
supposed, hedged or taken back.

What an answer says: `read` is the way in. `lex` brings it into one spelling (with `respell`,
`marks`, `siunitx`, `cjk`) and `parse` into a tree (`tree`, with `numerals`, `names`, `signs`) by a
closed vocabulary; `forms`, `quantities`, `units` and `nouns` read what is no expression (`kinds`),
and `references` what benchmarks write.

Whether two answers are one: `compare` decides by type, with `special` and `sets`; `value` to many
digits; `symbolic` asks sympy the few things that numbers can't settle; `finished` whether an answer
is worked out; `written` whether two texts are the same. `effort` counts the work.

For `math_steps`, `lines` finds the worked lines of a completion, `steps` says whether each follows,
and `poly` counts and compares the real solutions of polynomial equations.
"""
