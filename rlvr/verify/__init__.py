"""Judging: verifiers by name, the processes that run them, and how they prove themselves."""
