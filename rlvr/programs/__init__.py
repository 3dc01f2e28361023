"""Programs: how the verifier `code` reads a completion and the tests that judge it."""
