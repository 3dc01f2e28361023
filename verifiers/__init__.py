"""Verifiers, one file each: `verify(problem, completion, **options) -> Verdict` and `CASES`.

Imported as `rlvr.verifiers` and under no other name: the package index has an unrelated package
called `verifiers`, and a second copy of these modules would have classes of its own.
"""

if __name__ != "rlvr.verifiers":
    raise ImportError(
        f"this folder holds rlvr's verifiers: import it as rlvr.verifiers, not as {__name__!r} "
        "(from a checkout: pip install --no-deps -e .)"
    )
