"""The methods that NumPy's arrays have, for Tensors: each is the function of the same name. Must not know how
tensors are made.

What NumPy does in place (sort, partition, fill, put) gives the handle a new value, as `x[...] = value` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.interop import call_function
from tinygrad_edu.ops import bits, reduction, shape

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor

_np: Any = np  # with a Tensor in it NumPy calls the op of that name and gives a Tensor, which its stubs don't know


def _given(**options: Any) -> dict[str, Any]:
    """The options that the caller gave."""
    return {name: value for name, value in options.items() if value is not None}


def _reduced(axis: Any, keepdims: bool) -> dict[str, Any]:
    """What differs from the defaults: without parameters an op takes its shortest way."""
    given = {} if axis is None else {"axis": axis}
    return {**given, "keepdims": True} if keepdims else given


class Flat:
    """A tensor's elements in one row, to read and to write: see `x.flat`."""

    def __init__(self, x: Any) -> None:
        self._x = x

    def __len__(self) -> int:
        return int(self._x.size)

    def __getitem__(self, key: Any) -> Tensor:
        result: Tensor = self._x.ravel()[key]
        return result

    def __setitem__(self, key: Any, value: Any) -> None:
        _np.put(self._x, _np.arange(self._x.size)[key], value)

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self._x.ravel())


class ArrayMethods:
    """What `x.sum()`, `x.reshape(2, 3)` and their like do: the same as the functions of the same name."""

    __slots__ = ()

    if TYPE_CHECKING:
        dtype: Any
        size: Any

        def __setitem__(self, key: Any, value: Any) -> None: ...

    # --- bits: the other operators are in tensor.py ---

    def __lshift__(self, other: Any) -> Tensor:
        return bits.left_shift(self, other)

    def __rlshift__(self, other: Any) -> Tensor:
        return bits.left_shift(other, self)

    def __rshift__(self, other: Any) -> Tensor:
        return bits.right_shift(self, other)

    def __rrshift__(self, other: Any) -> Tensor:
        return bits.right_shift(other, self)

    # --- parts and facts -------------------------------------------------------------------------------------

    @property
    def T(self) -> Tensor:
        """The axes in reverse order."""
        return shape.transpose(self)

    @property
    def mT(self) -> Tensor:
        """The last two axes exchanged."""
        result: Tensor = _np.matrix_transpose(self)
        return result

    @property
    def real(self) -> Tensor:
        """The real part."""
        result: Tensor = _np.real(self)
        return result

    @property
    def imag(self) -> Tensor:
        """The imaginary part."""
        result: Tensor = _np.imag(self)
        return result

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return int(self.dtype.itemsize)

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return int(self.size * self.dtype.itemsize)

    @property
    def flat(self) -> Flat:
        """The elements as one row: `x.flat[3]`, `x.flat[3] = 0.0`, `for value in x.flat`."""
        return Flat(self)

    # --- reductions ------------------------------------------------------------------------------------------

    def sum(
        self,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: bool = False,
        initial: Any = None,
        where: Any = True,
    ) -> Tensor:
        """Sum over `axis` (all by default)."""
        if dtype is None and out is None and initial is None and where is True:
            if axis is None and not keepdims:
                return reduction.sum(self)  # the short way, for losses
            return reduction.sum(self, **_reduced(axis, keepdims))
        result: Tensor = _np.sum(self, axis, dtype, out, keepdims, initial, where)
        return result

    def prod(
        self,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: bool = False,
        initial: Any = None,
        where: Any = True,
    ) -> Tensor:
        """Product over `axis` (all by default)."""
        result: Tensor = _np.prod(self, axis, dtype, out, keepdims, initial, where)
        return result

    def mean(
        self, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False, *, where: Any = True
    ) -> Tensor:
        """Mean over `axis` (all by default)."""
        if dtype is None and out is None and where is True:
            if axis is None and not keepdims:
                return reduction.mean(self)  # the short way, for losses
            return reduction.mean(self, **_reduced(axis, keepdims))
        result: Tensor = _np.mean(self, axis, dtype, out, keepdims, where=where)
        return result

    def var(
        self,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: float = 0,
        keepdims: bool = False,
        *,
        where: Any = True,
        mean: Any = None,
        correction: float | None = None,
    ) -> Tensor:
        """Variance over `axis` (all by default)."""
        result: Tensor = _np.var(self, axis, dtype, out, ddof, keepdims, where=where, mean=mean, correction=correction)
        return result

    def std(
        self,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: float = 0,
        keepdims: bool = False,
        *,
        where: Any = True,
        mean: Any = None,
        correction: float | None = None,
    ) -> Tensor:
        """Standard deviation over `axis` (all by default)."""
        result: Tensor = _np.std(self, axis, dtype, out, ddof, keepdims, where=where, mean=mean, correction=correction)
        return result

    def max(
        self, axis: Any = None, out: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True
    ) -> Tensor:
        """Largest elements over `axis` (all by default)."""
        result: Tensor = _np.max(self, axis, out, keepdims, initial, where)
        return result

    def min(
        self, axis: Any = None, out: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True
    ) -> Tensor:
        """Smallest elements over `axis` (all by default)."""
        result: Tensor = _np.min(self, axis, out, keepdims, initial, where)
        return result

    def argmax(self, axis: Any = None, out: Any = None, *, keepdims: bool = False) -> Tensor:
        """Where the largest elements are: whole numbers, no derivative."""
        result: Tensor = _np.argmax(self, axis, out, keepdims=keepdims)
        return result

    def argmin(self, axis: Any = None, out: Any = None, *, keepdims: bool = False) -> Tensor:
        """Where the smallest elements are: whole numbers, no derivative."""
        result: Tensor = _np.argmin(self, axis, out, keepdims=keepdims)
        return result

    def any(self, axis: Any = None, out: Any = None, keepdims: bool = False, *, where: Any = True) -> Tensor:
        """Whether any element is true."""
        result: Tensor = _np.any(self, axis, out, keepdims, where=where)
        return result

    def all(self, axis: Any = None, out: Any = None, keepdims: bool = False, *, where: Any = True) -> Tensor:
        """Whether all elements are true."""
        result: Tensor = _np.all(self, axis, out, keepdims, where=where)
        return result

    def cumsum(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Tensor:
        """Sums up to each place along `axis` (None: flattened)."""
        result: Tensor = _np.cumsum(self, axis, dtype, out)
        return result

    def cumprod(self, axis: Any = None, dtype: Any = None, out: Any = None) -> Tensor:
        """Products up to each place along `axis` (None: flattened)."""
        result: Tensor = _np.cumprod(self, axis, dtype, out)
        return result

    # --- linear algebra --------------------------------------------------------------------------------------

    def dot(self, other: Any, out: Any = None) -> Tensor:
        """Product of vectors and matrices, as np.dot."""
        result: Tensor = _np.dot(self, other, **_given(out=out))
        return result

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Tensor:
        """Sum of a diagonal."""
        result: Tensor = _np.trace(self, offset, axis1, axis2, **_given(dtype=dtype, out=out))
        return result

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        """A diagonal."""
        result: Tensor = _np.diagonal(self, offset, axis1, axis2)
        return result

    # --- shape -----------------------------------------------------------------------------------------------

    def reshape(self, *sides: Any, order: str = "C", copy: bool | None = None) -> Tensor:
        """The same elements in another shape: `reshape(2, 3)` or `reshape((2, 3))`; one side may be -1."""
        target = sides[0] if len(sides) == 1 else sides
        if order == "C" and copy is None:
            return shape.reshape(self, shape=target, order=order)
        result: Tensor = _np.reshape(self, target, order=order, copy=copy)
        return result

    def ravel(self, order: str = "C") -> Tensor:
        """All elements in one row."""
        result: Tensor = _np.ravel(self, order)
        return result

    def flatten(self, order: str = "C") -> Tensor:
        """All elements in one row, a copy."""
        return self.ravel(order).copy()

    def transpose(self, *axes: Any) -> Tensor:
        """The axes in another order, reversed by default."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None
        return shape.transpose(self, axes=order)

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """Two axes exchanged."""
        result: Tensor = _np.swapaxes(self, axis1, axis2)
        return result

    def squeeze(self, axis: Any = None) -> Tensor:
        """Without sides of 1."""
        return shape.squeeze(self, axis=axis)

    def repeat(self, repeats: Any, axis: int | None = None) -> Tensor:
        """Each element several times over."""
        result: Tensor = _np.repeat(self, repeats, axis)
        return result

    # --- picking ---------------------------------------------------------------------------------------------

    def take(self, indices: Any, axis: int | None = None, out: Any = None, mode: str = "raise") -> Tensor:
        """The elements at these places along `axis` (None: of the flattened array)."""
        result: Tensor = _np.take(self, indices, axis, mode=mode, **_given(out=out))
        return result

    def choose(self, choices: Any, out: Any = None, mode: str = "raise") -> Tensor:
        """From several arrays, at each place the one whose number stands here."""
        result: Tensor = _np.choose(self, choices, mode=mode, **_given(out=out))
        return result

    def compress(self, condition: Any, axis: int | None = None, out: Any = None) -> Tensor:
        """The parts along `axis` for which the condition holds."""
        result: Tensor = _np.compress(condition, self, axis, **_given(out=out))
        return result

    def nonzero(self) -> tuple[Tensor, ...]:
        """The places of the elements that are not 0, one row for each axis: whole numbers, no derivative."""
        result: tuple[Tensor, ...] = _np.nonzero(self)
        return result

    def searchsorted(self, v: Any, side: str = "left", sorter: Any = None) -> Tensor:
        """Where the values v go into this sorted row: whole numbers, no derivative."""
        result: Tensor = _np.searchsorted(self, v, side, sorter)
        return result

    def argsort(
        self,
        axis: int | None = -1,
        kind: Any = None,
        order: None = None,
        *,
        stable: Any = None,
        descending: bool | None = None,
    ) -> Tensor:
        """The indices that sort along `axis` (None: flattened): whole numbers, no derivative."""
        options = {"stable": stable, "descending": descending}  # NumPy before 2.5 knows no `descending`
        result: Tensor = call_function(_np.argsort, (self, axis, kind, order), options)
        return result

    def argpartition(self, kth: Any, axis: int | None = -1, kind: str = "introselect", order: None = None) -> Tensor:
        """The indices that partition along `axis` (None: flattened): whole numbers, no derivative."""
        result: Tensor = _np.argpartition(self, kth, axis, kind, order)
        return result

    # --- elementwise -----------------------------------------------------------------------------------------

    def clip(self, min: Any = None, max: Any = None, out: Any = None) -> Tensor:
        """Limited to [min, max]."""
        result: Tensor = _np.clip(self, min, max, **_given(out=out))
        return result

    def round(self, decimals: int = 0, out: Any = None) -> Tensor:
        """Rounded to so many decimals; the derivative is 0."""
        result: Tensor = _np.round(self, decimals, **_given(out=out))
        return result

    def __round__(self, ndigits: int | None = None) -> Any:
        """`round(x, 1)`: as `.round(1)`; without digits one element becomes a Python int."""
        return round(float(self)) if ndigits is None else self.round(ndigits)  # type: ignore[arg-type]

    def conj(self) -> Tensor:
        """The complex conjugate."""
        result: Tensor = _np.conjugate(self)
        return result

    conjugate = conj

    # --- in place in NumPy: the handle gets a new value ------------------------------------------------------

    def sort(
        self,
        axis: int = -1,
        kind: Any = None,
        order: None = None,
        *,
        stable: Any = None,
        descending: bool | None = None,
    ) -> None:
        """Sort along `axis`, as `x[...] = np.sort(x)`. For a sorted copy: `tg.sort(x)`."""
        options = {"stable": stable, "descending": descending}
        self[...] = call_function(_np.sort, (self, axis, kind, order), options)

    def partition(self, kth: Any, axis: int = -1, kind: str = "introselect", order: None = None) -> None:
        """Partition along `axis`, as `x[...] = np.partition(x, kth)`. For a copy: `tg.partition(x, kth)`."""
        self[...] = _np.partition(self, kth, axis, kind, order)

    def fill(self, value: Any) -> None:
        """Give all elements one value, as `x[...] = value`."""
        self[...] = value

    def put(self, indices: Any, values: Any, mode: str = "raise") -> None:
        """Set the elements at these places of the flattened array."""
        _np.put(self, indices, values, mode)
