"""A whole run: its rounds, their order, resuming and repairing."""
