"""Benchmarks of an arm's weights with lm-evaluation-harness: `rlvr bench`."""
