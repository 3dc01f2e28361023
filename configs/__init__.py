"""The shipped configs: YAML, no code. `importlib.resources.files("rlvr.configs")` finds them."""
