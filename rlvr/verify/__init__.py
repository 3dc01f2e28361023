"""Judging: finds verifiers by name, runs them in processes, checks and measures them."""
