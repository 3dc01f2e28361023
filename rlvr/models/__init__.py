"""Weights and prose by name: from a hub, a folder, or a package of the Python index."""
