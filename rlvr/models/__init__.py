"""Finds weights and prose by name: on a hub, in a folder, or in a package of the Python index."""
