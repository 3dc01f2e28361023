"""The arms: which completions of a round become training rows."""
