"""Evaluation on held-out problems, and the metrics made from it."""
