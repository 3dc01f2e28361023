"""Reading and comparing mathematical answers, for the `math` verifier.

`extract` finds the final answer in a completion, `lex` and `parse` read it by a closed vocabulary,
`units` and `sets` know the types that are not expressions, `compare` decides by type, `value` to
many digits, and `symbolic` asks sympy the few things that numbers can't settle. For `math_steps`,
`lines` finds the worked lines of a completion, `steps` says whether each follows, and `poly` counts
and compares the real solutions of polynomial equations.
"""
