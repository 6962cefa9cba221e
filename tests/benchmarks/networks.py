"""Convolution and pools beside PyTorch on one thread, forward alone and with backward, in the same process.

`python -m tests.benchmarks.networks` prints the rows. PyTorch is not needed: without it there are times only.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import tinygrad_edu as tg
from tests.benchmarks.timing import compare, median, ratio

try:
    import torch
except ImportError:
    torch = None  # type: ignore[assignment]

Row = tuple[str, str, str]
Calls = dict[str, Callable[[], object]]

SHAPE, OUTPUTS = (32, 16, 28, 28), 32
POOLS = {"2×2": (2, None, 0), "3×3": (3, None, 0), "3×3, stride 1, padding 1": (3, 1, 1)}


def _both(function: Callable[..., Any], leaves: list[Any], no_grad: Any, make: Callable[[np.ndarray], Any]) -> Calls:
    """The function forward without recording, and forward and backward with a gradient that is given."""
    out = function(*leaves)
    g = make(np.random.default_rng(1).standard_normal(tuple(out.shape), dtype=np.float32))

    def forward() -> object:
        with no_grad():
            return function(*leaves)

    def both() -> object:
        for leaf in leaves:
            leaf.grad = None
        return function(*leaves).backward(g)

    return {"forward": forward, "both": both}


def calls(name: str, arrays: list[np.ndarray], *settings: Any) -> Calls:
    """`tg.functional.<name>` on the arrays, and PyTorch's where it is there."""
    leaves = [tg.Tensor(a, requires_grad=True) for a in arrays]
    ours = getattr(tg.functional, name)
    found = _both(lambda *xs: ours(*xs, *settings), leaves, tg.no_grad, np.asarray)
    if torch is not None:
        torch.set_num_threads(1)
        theirs = getattr(torch.nn.functional, name)
        tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
        beside = _both(lambda *xs: theirs(*xs, *settings), tensors, torch.no_grad, torch.tensor)
        found |= {f"torch {key}": call for key, call in beside.items()}
    return found


def rows() -> list[Row]:
    """One row per function: forward, and forward and backward, as ratios to PyTorch's times or as times."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(SHAPE, dtype=np.float32)
    weight, bias = (rng.standard_normal(s, dtype=np.float32) for s in ((OUTPUTS, SHAPE[1], 3, 3), (OUTPUTS,)))
    cases = {"conv2d 16 → 32, 3×3, padding 1, bias": calls("conv2d", [x, weight, bias], 1, 1)}
    for title, settings in POOLS.items():
        cases[f"max_pool2d {title}"] = calls("max_pool2d", [x], *settings)
        cases[f"avg_pool2d {title}"] = calls("avg_pool2d", [x], *settings)
    found = []
    for title, functions in cases.items():
        times = compare(functions, rounds=15)
        texts = []
        for key in ("forward", "both"):
            text = f"{median(times[key]) * 1e3:.2f} ms"
            if f"torch {key}" in times:
                text = f"{ratio(times, key, f'torch {key}'):.2f}× ({text})"
            texts.append(text)
        what = f"{title} at {'×'.join(map(str, SHAPE))}, float32: forward; with backward"
        found.append((f"{what}{' / PyTorch' if torch is not None else ''}", "; ".join(texts), "≤ 3×"))
    return found


if __name__ == "__main__":
    for row in rows():
        print(" | ".join(row))
