"""Pairs for `rlvr audit` that are right or wrong by construction."""
