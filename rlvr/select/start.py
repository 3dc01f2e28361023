"""start: the weights that a round's training starts from. The learner finds them in the run."""

from __future__ import annotations

from rlvr.data import Start
from rlvr.select.axis import Axis

AXIS = Axis(
    kind=Start,
    values="`previous`, `base`, `scratch`",
    says="the weights that training starts from",
)
