"""Hypothesis as the tests use it: always the same examples, however long each takes."""

from hypothesis import HealthCheck, settings

SAME = "same"
# A test that fails now and then is looked at once and never again.
settings.register_profile(
    SAME, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
