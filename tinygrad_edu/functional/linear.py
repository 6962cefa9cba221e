"""Weighted sums of features: compositions of ops, with the signatures of PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinygrad_edu.compositions.einsum import einsum
from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.memory import label
from tinygrad_edu.node import here
from tinygrad_edu.ops.linalg import matmul
from tinygrad_edu.ops.shape import transpose
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Operand = Tensor | ArrayLike

__all__ = ["bilinear", "linear"]


def linear(x: Operand, weight: Operand, bias: Operand | None = None) -> Tensor:
    """x @ weightᵀ + bias.

    x        (…, in)
    weight   (out, in), or (in,) for one output without an axis of its own: the transpose of what `tg.nn.Linear` keeps
    bias     (out,) or (), or None

    Raises ShapeError where the shapes don't fit each other.

    >>> linear([1.0, 2.0], [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [0.0, 0.0, 10.0])
    Tensor([ 1.,  2., 13.])
    """
    x, weight = as_tensor(x), as_tensor(weight)
    if not x.ndim or weight.ndim not in (1, 2) or x.shape[-1] != weight.shape[-1]:
        fix = {"fix": "weight.T: outputs are rows"} if x.ndim and weight.shape[:1] == x.shape[-1:] else {}
        raise _misfit("linear", "(…, in), (out, in)", fix, input=x, weight=weight)
    return _with_bias("linear", matmul(x, transpose(weight)), bias, weight.shape[:-1])


def bilinear(x1: Operand, x2: Operand, weight: Operand, bias: Operand | None = None) -> Tensor:
    """Σ x₁ᵢ · weight[o, i, j] · x₂ⱼ + bias[o].

    x1, x2   (…, in₁) and (…, in₂) with the same leading sides; weight: (out, in₁, in₂); bias: (out,), or None

    >>> bilinear([1.0, 2.0], [3.0], [[[1.0], [10.0]]])
    Tensor([63.])
    """
    x1, x2, weight = as_tensor(x1), as_tensor(x2), as_tensor(weight)
    fits = x1.ndim and x2.ndim and weight.ndim == 3 and x1.shape[:-1] == x2.shape[:-1]
    if not fits or weight.shape[1:] != (x1.shape[-1], x2.shape[-1]):
        raise _misfit("bilinear", "(…, in₁), (…, in₂), (out, in₁, in₂)", {}, x1=x1, x2=x2, weight=weight)
    return _with_bias("bilinear", einsum("...i,oij,...j->...o", x1, weight, x2), bias, weight.shape[:1])


def _with_bias(name: str, out: Tensor, bias: Any, shape: tuple[int, ...]) -> Tensor:
    if bias is None:
        return out
    bias = as_tensor(bias)
    if bias.shape != shape:
        raise ShapeError(
            describe(
                f"{name}: the bias must have one number per output, {shape}",
                where=here(),
                bias=label(bias),
                code="parameter-shape",
            )
        )
    result: Tensor = out + bias
    return result


def _misfit(name: str, expected: str, fix: dict[str, str], **tensors: Tensor) -> ShapeError:
    facts = {key: label(x) for key, x in tensors.items()}
    what = f"{name}: {', '.join(tensors)} don't fit each other"
    return ShapeError(describe(what, where=here(), expected=expected, **facts, **fix, code="parameter-shape"))
