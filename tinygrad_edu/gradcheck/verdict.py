"""Holding the analytic side against the numeric one, entry by entry."""

from __future__ import annotations

import numpy as np

from tinygrad_edu.gradcheck.numeric import Differences
from tinygrad_edu.gradcheck.report import RIGHT, VERDICTS, Row

UNRELIABLE = 1e-3  # a numeric side less accurate than this, relative to the largest entry, decides nothing


def judge(name: str, order: int, analytic: np.ndarray, numeric: Differences, rtol: float, atol: float) -> Row:
    """Compare the two sides of one input, entry by entry."""
    analytic = np.asarray(analytic, dtype=np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(analytic - numeric.central)
        tolerance = atol + rtol * np.abs(analytic) + numeric.estimate
        units = error / tolerance
    units = np.where(np.isnan(units), np.inf, units)
    scale = np.max([_finite_max(analytic), _finite_max(numeric.central)])
    unreliable = ~(numeric.estimate <= UNRELIABLE * scale + atol)
    between = (np.minimum(numeric.left, numeric.right) - tolerance <= analytic) & (
        analytic <= np.maximum(numeric.left, numeric.right) + tolerance
    )
    # A discontinuity or a noisy numeric side is no proof, unless the difference is out of all proportion.
    undecided = unreliable & ~((units > 10) & np.isfinite(numeric.central) & np.isfinite(numeric.estimate))
    ranks = np.select([numeric.kink & between, undecided, ~(units <= 1)], [1, 2, 3], default=0)
    counts = {verdict: int(np.count_nonzero(ranks == rank)) for rank, verdict in enumerate(VERDICTS)}
    if not analytic.size:
        nothing = (None, *[0.0] * 7)
        return Row(name, order, analytic.shape, 0, counts, RIGHT, *nothing)  # type: ignore[arg-type]
    order_of_badness = np.lexsort((units.ravel(), ranks.ravel()))
    worst = tuple(int(i) for i in np.unravel_index(order_of_badness[-1], analytic.shape))
    numbers = (analytic, numeric.central, numeric.left, numeric.right, numeric.estimate, tolerance, units)
    verdict = VERDICTS[int(ranks[worst])]
    return Row(name, order, analytic.shape, analytic.size, counts, verdict, worst, *(float(a[worst]) for a in numbers))


def _finite_max(values: np.ndarray) -> float:
    return float(np.max(np.abs(values), initial=0.0, where=np.isfinite(values)))
