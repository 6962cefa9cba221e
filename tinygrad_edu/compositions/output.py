"""`out=`: where the result of a function goes when the caller has a place for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.errors import DtypeError, ShapeError, describe
from tinygrad_edu.memory import assign, forbid_lost_writes, forbid_samples
from tinygrad_edu.node import here
from tinygrad_edu.tensor import Tensor


def handed(result: Tensor, out: Any) -> Tensor:
    """The result, put into `out` where there is one."""
    if out is None:
        return result
    given: Tensor = into(out[0] if isinstance(out, tuple) else out, result)
    return given


def into(out: Any, result: Tensor, casting: Any = "same_kind") -> Any:
    """`np.op(..., out=out)`: a Tensor takes the new value, an array takes the numbers of an untracked one."""
    if not isinstance(out, Tensor | np.ndarray):
        what = f"out= takes a Tensor or an array, not {type(out).__name__}"
        raise DtypeError(describe(what, where=here(), fix="out=tg.zeros(shape)", code="not-a-tensor"))
    if out.shape != result.shape:
        what = f"out= has shape {out.shape}, the result {result.shape}"
        raise ShapeError(describe(what, where=here(), fix=f"out=tg.zeros({result.shape})", code="shape-would-change"))
    if isinstance(out, Tensor):
        if not out.has_samples:
            forbid_lost_writes(out, "out=")
        return assign(out, result, "out=", casting)
    forbid_samples(result, "out=")
    if result.requires_grad:
        what = "out= is a plain array: the gradient would be lost"
        raise DtypeError(describe(what, where=here(), fix="out=a Tensor", code="plain-array-of-tracked-tensor"))
    if not np.can_cast(result.dtype, out.dtype, casting):
        what = f"out= can't put {result.dtype} into {out.dtype}"
        raise DtypeError(describe(what, where=here(), fix=f"out= of {result.dtype}", code="cast-not-allowed"))
    out[...] = result._data
    return out
