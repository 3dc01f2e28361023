"""The engine samples completions: vLLM in a process of its own."""
