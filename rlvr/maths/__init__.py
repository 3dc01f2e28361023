"""Maths: reads and compares mathematical answers, for the `math` verifier.

Find the answer in a text: `extract` finds a completion's final answer by its `boxes` and tags, its
announcements (`announce`) and its last sentence (`sentences`, `conclusions`, `clauses`), with what
the verifier knows of answers (`reader`). `stance` decides whether a text denies, supposes, hedges
or takes back what it says, and `around` what stands beside a box.

Read the answer: `read` is the entry. `lex` brings the text into one spelling (with `respell`,
`marks`, `siunitx`, `cjk`). `parse` makes a tree (`tree`, with `numerals`, `numbers`, `names`,
`signs`) from a closed vocabulary. `forms`, `quantities`, `units`, `nouns` and `cardinals` read
answers that are no expressions (`kinds`). `references` reads the references of benchmarks.

Compare two answers: `compare` decides by type under a `policy`, with `alike`, `approx`, `special`
and `sets`. `value` compares to many digits. `symbolic` asks sympy the few questions that numbers
can't decide. `finished` decides whether an answer is worked out, and `written` whether two texts
are the same. `effort` counts the work.

For `math_steps`: `lines` finds the worked lines of a completion, `steps` decides whether each line
follows, and `poly` counts and compares the real solutions of polynomial equations.
"""
