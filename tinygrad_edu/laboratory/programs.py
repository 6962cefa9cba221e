"""The wrong programs of the laboratory: every rule is right, and yet the gradient is wrong.

Knows nothing of how mistakes are found; `says` is what a good diagnosis is called.
"""

from __future__ import annotations

import numpy as np

from tinygrad_edu.laboratory.mistake import WrongProgram

Inputs = tuple[np.ndarray, ...]


def _vector(rng: np.random.Generator) -> Inputs:
    return (rng.uniform(0.3, 1.5, 4) * rng.choice([-1, 1], 4),)


def _positive(rng: np.random.Generator) -> Inputs:
    return (rng.uniform(0.3, 1.5, 4),)


def _vectors(rng: np.random.Generator) -> Inputs:
    return _vector(rng) + _vector(rng)


def _balanced(rng: np.random.Generator) -> Inputs:
    """Eighths that sum to exactly 0."""
    half = rng.choice(np.arange(1, 12), 3, replace=False) / 8
    return (np.concatenate([half, -half]),)


PROGRAMS: tuple[WrongProgram, ...] = (
    WrongProgram(
        "detached-branch",
        """
def f(x):
    h = tg.tanh(x)
    gate = tg.sigmoid(h.detach())
    return (h * gate).sum()
""",
        "h.detach()", "h", frozenset({"detached-branch"}), _vector, (3,),
    ),
    WrongProgram(
        "no-grad-branch",
        """
def f(x, y):
    with tg.no_grad():
        scale = tg.exp(y) * 2
    return (x * scale).mean() + (y * y).mean()
""",
        "    with tg.no_grad():\n        scale = tg.exp(y) * 2",
        "    scale = tg.exp(y) * 2", frozenset({"no-grad-branch"}), _vectors, (3,),
    ),
    WrongProgram(
        "number-taken-out",
        """
def f(x):
    h = x * x + 1
    total = h.sum().item()
    return (h / total * tg.sin(x)).sum()
""",
        "h.sum().item()", "h.sum()", frozenset({"constant-from-input"}), _vector, (4,),
    ),
    WrongProgram(
        "array-taken-out",
        """
def f(x):
    values = np.asarray(x.detach())
    weights = np.exp(values) / np.exp(values).sum()
    return (weights * x).sum()
""",
        "np.asarray(x.detach())", "x", frozenset({"constant-from-input"}), _vector, (4,),
    ),
    WrongProgram(
        "parameter-taken-out",
        """
def f(x):
    top = x.max().item()
    return tg.clip(x * 3, -9, top).sum()
""",
        "tg.clip(x * 3, -9, top)", "tg.minimum(tg.maximum(x * 3, -9), x.max())",
        frozenset({"constant-from-input"}), _positive, (3,),
    ),
    WrongProgram(
        "copied-input",
        """
def f(x, y):
    h = tg.Tensor(tg.tanh(x))
    return (h * y).sum()
""",
        "tg.Tensor(tg.tanh(x))", "tg.tanh(x)", frozenset({"detached-branch"}), _vectors, (2,),
    ),
    WrongProgram(
        "branch-on-value",
        """
def f(x):
    h = x * 2
    if h.sum().item() > 0:
        h = h * h
    else:
        h = 3 * h + 1
    return h.mean()
""",
        "h.sum().item() > 0", "True", frozenset({"value-dependent-branch"}), _balanced, (4, 6),
    ),
    WrongProgram(
        "overwritten-accumulation",
        """
def f(x, y):
    h = tg.tanh(x)
    left, right = h * 1, h * 1
    arrived = []
    left.register_hook(arrived.append)
    right.register_hook(arrived.append)
    h.register_hook(lambda g: arrived[-1])
    return (left * y).sum() + tg.exp(right).sum()
""",
        "arrived[-1]", "arrived[-1] + arrived[-2]", frozenset({"overwritten-accumulation"}), _vectors, (7,),
    ),
    WrongProgram(
        "clipping-hook",
        """
def f(x):
    h = x * x
    h.register_hook(lambda g: g.clip(-0.1, 0.1))
    return tg.exp(h).sum()
""",
        "g.clip(-0.1, 0.1)", "None", frozenset({"gradient-hook"}), _vector, (3,),
    ),
    WrongProgram(
        "halving-hook",
        """
def f(x):
    h = tg.exp(x)
    h.register_hook(lambda g: g * 0.5)
    return (h * h).sum()
""",
        "g * 0.5", "None", frozenset({"gradient-hook"}), _vector, (3,),
    ),
    WrongProgram(
        "written-after-use",
        """
def f(x):
    w = tg.Tensor(np.arange(1.0, 5.0), requires_grad=True)
    y = tg.tanh(x) * w
    w.data[:] = 0.5
    return y.sum()
""",
        "w.data[:] = 0.5", "pass", frozenset({"written-after-use"}), _vector, (3, 4),
    ),
    WrongProgram(
        "fresh-random-numbers",
        """
def f(x, rng=np.random.default_rng(0)):
    mask = (rng.random(x.shape) < 0.5) * 2.0
    return (tg.tanh(x) * mask).sum()
""",
        "rng.random(x.shape)", "np.linspace(0, 1, x.size)", frozenset({"random-numbers"}), _vector, (3,),
    ),
)  # fmt: skip
