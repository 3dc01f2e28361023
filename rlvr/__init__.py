"""rlvr: a testbed for what happens when a language model is trained on its own outputs.

Covers the name and the version only, so that importing the package costs nothing; the stages of a
round are the modules `generate`, `verify`, `arms`, `train`, `evaluate` and `record`, called in that
order by `loop`.
"""

__version__ = "0.1.0"
