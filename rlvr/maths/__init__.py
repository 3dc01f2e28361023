"""Reading and comparing mathematical answers, for the `math` verifier.

`extract` finds the final answer in a completion, `lex` and `parse` read it by a closed vocabulary,
`units` and `sets` know the types that are not expressions, `value` compares to many digits, and
`symbolic` asks sympy the few things that numbers can't settle.
"""
