"""Second derivatives of the calls of the table, against differences of the engine's first ones."""

import numpy as np

import tinygrad_edu as tg
from tests.numpy_calls.call import _floating, _is_array, leaves, mapped, numpy_function, outcome, routes, weights

LARGEST = 60  # elements


def wrong_curvature(call):
    """What is wrong with uᵀ H v of the call's results, weighted, and of their squares; None where it has none."""
    tree = (call.args, call.kwargs)
    arrays = [x for x in leaves(tree) if _is_array(x)]
    expected, refusal, _ = outcome(numpy_function(call), *tree)
    cotangents = weights(expected, 1) if refusal is None else []
    if not cotangents or not 0 < sum(x.size for x in arrays) <= LARGEST or not call.derivative:
        return None
    _, ours, _ = next(routes(call))
    rng = np.random.default_rng(0)
    u, v = ([np.asarray(rng.normal(size=x.shape)) for x in arrays] for _ in range(2))

    def slope(t):
        """The derivative along u at x + t v, and what it was computed from."""
        tensors = [tg.Tensor(x + t * part, requires_grad=True) for x, part in zip(arrays, v)]
        given = iter(tensors)
        args, kwargs = mapped(lambda x: next(given) if _is_array(x) else x, tree)
        found = [part for part in leaves(ours(*args, **kwargs)) if _floating(part)]
        terms = [part * weight + part * part * 0.3 for part, weight in zip(found, cotangents)]
        total = tg.stack([term.sum() for term in terms]).sum()
        if not total.requires_grad:
            return None, tensors
        pairs = [
            (g * part).sum() for g, part in zip(tg.gradients(total, tensors, create_graph=True), u) if g is not None
        ]
        return tg.stack(pairs).sum(), tensors

    along, tensors = slope(0.0)
    if along is None:
        return None
    rows = tg.gradients(along, tensors) if along.requires_grad else [None] * len(tensors)
    engine = sum(float((row * part).sum()) for row, part in zip(rows, v) if row is not None)
    steps = (1e-5, 3e-6)
    coarse, fine = ((float(slope(step)[0].detach()) - float(slope(-step)[0].detach())) / (2 * step) for step in steps)
    if not np.isfinite(fine) or abs(engine - fine) <= 1e-4 * max(1, abs(engine)) + 20 * abs(coarse - fine):
        return ""
    return f"{call}: second derivative {engine}, by differences {fine}"
