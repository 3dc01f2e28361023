"""What every test shares."""

from rlvr.threads import use_openmp

use_openmp()
