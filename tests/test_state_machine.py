"""Programs that mix ops, writes, views, detach, no_grad and many backwards: not one silent wrong gradient.

The machine drives the engine and, beside it, the naive scalar engine of `reference.py`. After every step all values
must agree; every backward must give the gradient of what was computed when it was computed, or raise GradientError,
and that only where a leaf in the graph was written in between. Its rules are in `machine/`.
"""

import pytest
from hypothesis import settings

from tests.machine.computing import Computing
from tests.machine.copying import Copying
from tests.machine.differentiating import Differentiating
from tests.machine.writing import Writing


class Programs(Computing, Copying, Writing, Differentiating):
    """All rules at once."""


# Products of columns and rows are meant here, and the warning comes once a line: a replay would not fail again.
TestPrograms = pytest.mark.filterwarnings("ignore:.*stretched both operands")(Programs.TestCase)
TestPrograms.settings = settings(
    stateful_step_count=40, max_examples=min(4 * settings().max_examples, 600), report_multiple_bugs=False
)
