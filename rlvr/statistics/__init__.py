"""Estimates and intervals as pure functions, and the grammar of conditions on them."""
