"""Shapes: reads rows as people have them, and says what is the prompt, and what the answer."""
