"""Random tensors. Every draw takes a `numpy.random.Generator` or a seed: the same seed gives the same bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.errors import DataError, describe
from tinygrad_edu.handle import get_default_dtype, shortened, to_dtype
from tinygrad_edu.node import here
from tinygrad_edu.refusal import asked
from tinygrad_edu.tensor import Tensor, tensor_on

__all__ = ["generator", "normal", "uniform"]

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    Rng = np.random.Generator | int
else:
    Rng = Any  # naming numpy.random would import it, which takes 15 ms


def generator(rng: Rng) -> np.random.Generator:
    """`rng` itself if it is a Generator, else the one of that seed. Raises DataError for what is neither.

    >>> int(generator(0).integers(100))
    85
    """
    if isinstance(rng, np.random.Generator):
        return rng
    why = "the same program gives the same numbers, and a check can repeat what was drawn"
    if rng is not None:
        try:
            return np.random.default_rng(rng)
        except (TypeError, ValueError) as error:
            why = str(error).split(" not <")[0]
    raise DataError(
        describe(
            f"random numbers need a generator or a seed, not {shortened(rng)}",
            where=here(),
            why=why,
            fix="0, or np.random.default_rng(0), made once and passed on from call to call",
            code="no-generator",
        )
    )


def _cast(numbers: Any, dtype: DTypeLike | None) -> np.ndarray:
    return np.asarray(numbers).astype(get_default_dtype() if dtype is None else to_dtype(dtype))


def normal(
    rng: Rng, shape: int | tuple[int, ...], mean: float = 0.0, std: float = 1.0, dtype: DTypeLike | None = None
) -> Tensor:
    """Normal numbers of the given mean and standard deviation, drawn in float64 and then cast.

    >>> normal(0, 2)
    Tensor([ 0.12573022, -0.13210486])
    """
    return tensor_on(_cast(asked(generator(rng).normal, mean, std, shape), dtype))


def uniform(
    rng: Rng, shape: int | tuple[int, ...], low: float = 0.0, high: float = 1.0, dtype: DTypeLike | None = None
) -> Tensor:
    """Numbers spread evenly over [low, high), drawn in float64 and then cast.

    >>> uniform(0, 2)
    Tensor([0.63696169, 0.26978671])
    """
    return tensor_on(_cast(asked(generator(rng).uniform, low, high, shape), dtype))
