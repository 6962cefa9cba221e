"""What is done to parameters and their gradients together: gradients kept small, parameters as one vector."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_edu.compositions.joining import concatenate
from tinygrad_edu.errors import NonFiniteError, ShapeError, describe
from tinygrad_edu.functional.checks import real
from tinygrad_edu.memory import label
from tinygrad_edu.node import here
from tinygrad_edu.tensor import Tensor, as_tensor, tensor_on

__all__ = ["clip_grad_norm_", "clip_grad_value_", "parameters_to_vector", "vector_to_parameters"]


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scale all gradients by one factor, so that together, as one vector, they are no longer than max_norm.

    parameters           as `model.parameters()` gives them; those without a gradient don't count
    norm_type            the p of the norm, from 1 to infinity
    error_if_nonfinite   True: a NonFiniteError where the norm is nan or infinite, and all gradients stay

    Call it between backward and the optimiser's step. Gives the norm before. The direction stays, so a step along a
    cliff of the loss, as recurrent networks have them, is only shortened.

    Source: R. Pascanu et al., On the difficulty of training recurrent neural networks, ICML 2013, algorithm 1.

    >>> w = Tensor([3.0, 4.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> clip_grad_norm_([w], max_norm=1.0), w.grad
    (Tensor(10.), Tensor([0.6, 0.8]))
    """
    max_norm, p = real(max_norm, "max_norm", 0.0), real(norm_type, "norm_type", 1.0)
    given = _with_gradients(parameters)
    gradients = [grad._data for _, grad in given]
    sizes = [np.abs(g).max(initial=0.0) for g in gradients]
    most = float(max(sizes, default=0.0))
    if p == math.inf or not most or not math.isfinite(most):
        total = most if not any(np.isnan(size) for size in sizes) else math.nan
    else:  # relative to the largest, so that no power overflows
        total = most * float(sum(((np.abs(g) / most).astype(float) ** p).sum() for g in gradients)) ** (1 / p)
    if error_if_nonfinite and not math.isfinite(total):
        raise NonFiniteError(
            describe(
                f"clip_grad_norm_: the norm of the gradients is {total}",
                where=here(),
                found=", ".join(label(x) for x, grad in given if not np.isfinite(grad._data).all()),
                fix="with tg.detect_anomaly(): … says where the first nan or inf is born",
                code="gradients-not-finite",
            )
        )
    if not total <= max_norm:
        factor = max_norm / total
        with np.errstate(all="ignore"):  # nan where the norm is no number, as in PyTorch: it is given to be looked at
            for x, grad in given:
                x.grad = tensor_on((grad._data * factor).astype(grad.dtype))
    return as_tensor(total)


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Limit each number of all gradients to [−clip_value, clip_value]. Their direction changes; see `clip_grad_norm_`.

    >>> w = Tensor([3.0, 0.25], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> clip_grad_value_([w], 1.0); w.grad
    Tensor([1. , 0.5])
    """
    limit = real(clip_value, "clip_value", 0.0)
    for x, grad in _with_gradients(parameters):
        x.grad = tensor_on(np.clip(grad._data, -limit, limit).astype(grad.dtype))


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters, one after the other, as one vector, through which gradients flow.

    >>> parameters_to_vector([Tensor([[1.0, 2.0]]), Tensor(3.0)])
    Tensor([1., 2., 3.])
    """
    parts = [as_tensor(x).reshape(-1) for x in parameters]
    return concatenate(parts) if parts else as_tensor(np.zeros(0))


def vector_to_parameters(vector: Any, parameters: Iterable[Tensor]) -> None:
    """Write the numbers of a vector, as `parameters_to_vector` gives it, into the parameters.

    Raises ShapeError where it hasn't as many numbers as they have, and writes nothing then.

    >>> w = Tensor([[1.0, 2.0]], requires_grad=True)
    >>> vector_to_parameters([5.0, 6.0], [w]); w
    Tensor([[5., 6.]], requires_grad=True)
    """
    numbers, tensors = as_tensor(vector).detach().numpy(), list(parameters)
    if numbers.shape != (sum(x.size for x in tensors),):
        raise ShapeError(
            describe(
                f"vector_to_parameters: the parameters have {sum(x.size for x in tensors)} numbers",
                where=here(),
                vector=label(as_tensor(vector)),
                code="parameter-vector",
            )
        )
    start = 0
    for x in tensors:
        x.data = numbers[start : start + x.size].reshape(x.shape).astype(x.dtype)
        start += x.size


def _with_gradients(parameters: Tensor | Iterable[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """The parameters that have a gradient, with it; shared ones once."""
    tensors = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    found = [(x, x.grad) for x in {id(x): x for x in tensors}.values()]
    return [(x, grad) for x, grad in found if grad is not None]
