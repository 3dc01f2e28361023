"""Check: a verifier proves itself on its own cases."""

from __future__ import annotations

from rlvr.data import InputError
from rlvr.pool import VerifierPool
from rlvr.verify import case_problem


def check(name: str, timeout: float = 10.0) -> list[str]:
    """Run a verifier's own CASES through it; return one line per case that came out otherwise.

    Raises InputError if the verifier is unknown or has no cases.
    """
    with VerifierPool(name, workers=1, timeout=timeout) as pool:
        cases = pool.verifier.cases
        if not cases:
            raise InputError(
                f"verifier {name!r} has no CASES: [(reference, completion, status), ...]"
            )
        items = [(case_problem(reference), completion) for reference, completion, _ in cases]
        return [
            f"{name}: reference {reference!r}, completion {completion!r}: expected {status}, got "
            f"{verdict.status}" + (f" ({verdict.reason})" if verdict.reason else "")
            for (reference, completion, status), verdict in zip(
                cases, pool.verify(items), strict=True
            )
            if verdict.status != status
        ]
