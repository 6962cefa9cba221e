"""Functions as layers: modules whose settings are those of their functions, which are in `tinygrad_edu.functional`.

Nothing is written twice: the names of the settings, their order and their defaults are read from the function.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from tinygrad_edu import functional
from tinygrad_edu.errors import DtypeError, TinygradError, describe
from tinygrad_edu.functional.checks import real, whole
from tinygrad_edu.nn.module import Module
from tinygrad_edu.nn.parts import dtype_of, parameter
from tinygrad_edu.node import here, recording, state

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike

    from tinygrad_edu.tensor import Tensor


class FunctionModule(Module):
    """A module that keeps the settings of a function and gives it the data of each call.

    Its class names the function, and how many of the first parameters are data; the constructor takes the others.

    >>> class Power(FunctionModule, function=lambda x, exponent, scale=1.0: scale * x ** exponent): ...
    >>> Power(3, scale=0.5)(2.0)
    4.0
    >>> Power(3, scale=0.5)._label(), Power(3).settings()
    ('Power(exponent 3, scale 0.5)', {'exponent': 3, 'scale': 1.0})
    """

    _function: ClassVar[Callable[..., Any]]
    _settings: ClassVar[tuple[inspect.Parameter, ...]]
    _data: ClassVar[int]  # how many of the function's first parameters are data
    __signature__: ClassVar[inspect.Signature]  # what `help` shows

    def __init_subclass__(cls, function: Callable[..., Any] | None = None, data: int = 1) -> None:
        super().__init_subclass__()
        if function is not None:
            parameters = tuple(inspect.signature(function).parameters.values())[data:]
            cls._function, cls._settings, cls._data = staticmethod(function), parameters, data
            cls.__signature__ = inspect.Signature(parameters)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        try:
            bound = type(self).__signature__.bind(*args, **kwargs)
        except TypeError as error:
            name = type(self).__name__
            raise DtypeError(
                describe(
                    f"{name}: {error}",
                    where=here(),
                    expected=f"{name}({', '.join(map(_without_type, self._settings))})",
                    code="unknown-argument",
                )
            ) from None
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            setattr(self, name, tuple(value) if isinstance(value, list) else value)  # JSON has no tuples
        self._refuse_what_never_fits()

    def _refuse_what_never_fits(self) -> None:
        """Raise now what the function will say of a setting whatever its data: it is tried on small arrays of ones.

        Nothing is said where one of them gives a value, or where they are what doesn't fit.
        """
        settings = self.settings()
        if any(map(callable, settings.values())):
            return  # a function of the user's would be surprised
        refusal, now = None, state()
        watchers, now.watchers = now.watchers, ()
        try:
            with recording(False), np.errstate(all="ignore"):
                for data in _trials(self._data):
                    try:
                        type(self)._function(*data, **settings)
                        return
                    except TinygradError as error:  # noqa: PERF203
                        if refusal is None and _blames(error, settings):
                            refusal = error
        finally:
            now.watchers = watchers
        if refusal is not None:
            raise refusal from None

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        return {p.name: getattr(self, p.name) for p in self._settings}

    def forward(self, *data: Tensor | ArrayLike) -> Any:
        """The function's value."""
        return type(self)._function(*data, **self.settings())

    def _label(self) -> str:
        values = self.settings()
        told = [f"{p.name} {values[p.name]}" for p in self._settings if _differs(values[p.name], p.default)]
        return f"{type(self).__name__}({', '.join(told)})" if told else type(self).__name__


def _trials(data: int) -> Iterator[tuple[Any, ...]]:
    """Data of all kinds that functions take: numbers of one to five axes, with labels or other numbers beside them."""
    for axes in range(1, 6):
        x = np.ones((1, 2, 4, 4, 4)[:axes])
        if data == 4:
            yield (x, [[1]], [1], [1])
        for last in (x, np.zeros(x.shape[:1], np.intp), np.zeros(x.shape, np.intp), x[..., 0])[: 4 if data > 1 else 1]:
            yield (*(x,) * (data - 1), last)


_OF_SETTINGS: Final = ("not-a-number", "not-a-whole-number", "numbers-per-axis", "unknown-choice", "wrong-arguments")
_PERHAPS_OF_SETTINGS: Final = ("number-out-of-range", "conflicting-arguments")


def _blames(error: TinygradError, settings: dict[str, Any]) -> bool:
    """Whether an error is about a setting and not about the data."""
    what = str(error).splitlines()[0]
    return error.code in _OF_SETTINGS or (error.code in _PERHAPS_OF_SETTINGS and any(name in what for name in settings))


def _without_type(parameter: inspect.Parameter) -> str:
    return str(parameter.replace(annotation=inspect.Parameter.empty))


def _differs(value: Any, default: Any) -> bool:
    """Whether a setting is worth showing: short, and not what it is anyway."""
    return isinstance(value, int | float | str | tuple | list) and value != default


# --- activations ---------------------------------------------------------------------------------------------


class ReLU(FunctionModule, function=functional.relu):
    """max(x, 0), element by element.

    >>> ReLU()([-1.0, 2.0])
    Tensor([0., 2.])
    """


class ReLU6(FunctionModule, function=functional.relu6):
    """x limited to [0, 6].

    >>> ReLU6()([-3.0, 3.0, 9.0])
    Tensor([0., 3., 6.])
    """


class LeakyReLU(FunctionModule, function=functional.leaky_relu):
    """x where it is positive, negative_slope · x elsewhere.

    >>> LeakyReLU(0.1)([-2.0, 3.0])
    Tensor([-0.2,  3. ])
    """


class ELU(FunctionModule, function=functional.elu):
    """x where it is positive, alpha · (eˣ − 1) elsewhere.

    >>> ELU()([-1.0, 2.0])
    Tensor([-0.63212056,  2.        ])
    """


class SELU(FunctionModule, function=functional.selu):
    """1.0507 · elu(x, 1.6733).

    >>> SELU()([-1.0, 2.0])
    Tensor([-1.11133074,  2.10140197])
    """


class CELU(FunctionModule, function=functional.celu):
    """x where it is positive, alpha · (e^(x / alpha) − 1) elsewhere.

    >>> CELU(2.0)([-1.0, 2.0])
    Tensor([-0.78693868,  2.        ])
    """


class GELU(FunctionModule, function=functional.gelu):
    """x · Φ(x); `approximate="tanh"` for the formula with tanh.

    >>> GELU()([-1.0, 2.0])
    Tensor([-0.15865525,  1.95449974])
    """


class SiLU(FunctionModule, function=functional.silu):
    """x · σ(x).

    >>> SiLU()([-1.0, 2.0])
    Tensor([-0.26894142,  1.76159416])
    """


class Mish(FunctionModule, function=functional.mish):
    """x · tanh(log(1 + eˣ)).

    >>> Mish()([-1.0, 2.0])
    Tensor([-0.30340146,  1.94395896])
    """


class Sigmoid(FunctionModule, function=functional.sigmoid):
    """1 / (1 + e⁻ˣ).

    >>> Sigmoid()([0.0])
    Tensor([0.5])
    """


class LogSigmoid(FunctionModule, function=functional.logsigmoid):
    """log σ(x), without overflow.

    >>> LogSigmoid()([0.0, -1000.0])
    Tensor([-6.93147181e-01, -1.00000000e+03])
    """


class Tanh(FunctionModule, function=functional.tanh):
    """tanh x.

    >>> Tanh()([0.0])
    Tensor([0.])
    """


class Tanhshrink(FunctionModule, function=functional.tanhshrink):
    """x − tanh x.

    >>> Tanhshrink()([0.0, 2.0])
    Tensor([0.        , 1.03597242])
    """


class Softplus(FunctionModule, function=functional.softplus):
    """log(1 + e^(beta · x)) / beta; x itself where beta · x is above `threshold`, if one is given.

    >>> Softplus()([0.0])
    Tensor([0.69314718])
    """


class Softsign(FunctionModule, function=functional.softsign):
    """x / (1 + |x|).

    >>> Softsign()([-1.0, 3.0])
    Tensor([-0.5 ,  0.75])
    """


class Softshrink(FunctionModule, function=functional.softshrink):
    """x moved towards 0 by lambd, and 0 where it would pass it.

    >>> Softshrink(0.5)([-1.0, 0.25, 1.0])
    Tensor([-0.5,  0. ,  0.5])
    """


class Hardshrink(FunctionModule, function=functional.hardshrink):
    """x where |x| is above lambd, 0 elsewhere.

    >>> Hardshrink(0.5)([-1.0, 0.25, 1.0])
    Tensor([-1.,  0.,  1.])
    """


class Hardsigmoid(FunctionModule, function=functional.hardsigmoid):
    """x / 6 + ½ limited to [0, 1].

    >>> Hardsigmoid()([-4.0, 0.0, 1.5])
    Tensor([0.  , 0.5 , 0.75])
    """


class Hardswish(FunctionModule, function=functional.hardswish):
    """x · hardsigmoid(x).

    >>> Hardswish()([0.0, 1.5])
    Tensor([0.   , 1.125])
    """


class Hardtanh(FunctionModule, function=functional.hardtanh):
    """x limited to [min_val, max_val].

    >>> Hardtanh(-1.0, 2.0)([-3.0, 0.5, 3.0])
    Tensor([-1. ,  0.5,  2. ])
    """


class Threshold(FunctionModule, function=functional.threshold):
    """x where it is above the threshold, `value` elsewhere.

    >>> Threshold(0.1, -1.0)([0.05, 2.0])
    Tensor([-1.,  2.])
    """


class Softmax(FunctionModule, function=functional.softmax):
    """eˣ / Σeˣ along an axis: positive numbers that sum to 1. Not before `CrossEntropyLoss`, which takes the logits.

    >>> Softmax()([0.0, 0.0])
    Tensor([0.5, 0.5])
    """


class Softmin(FunctionModule, function=functional.softmin):
    """softmax(−x) along an axis.

    >>> Softmin()([0.0, 0.0])
    Tensor([0.5, 0.5])
    """


class LogSoftmax(FunctionModule, function=functional.log_softmax):
    """The logarithm of softmax along an axis: what `NLLLoss` takes.

    >>> LogSoftmax()([0.0, 0.0])
    Tensor([-0.69314718, -0.69314718])
    """


class GLU(FunctionModule, function=functional.glu):
    """a · σ(b), where a and b are the two halves of x along an axis.

    >>> GLU()([3.0, 0.0])
    Tensor([1.5])
    """


class PReLU(Module):
    """x where it is positive, weight · x elsewhere, with a weight that is learnt.

    num_parameters   1, or the number of channels, the second axis of the input
    init             what the weight starts with

    >>> PReLU()([-2.0, 3.0])
    Tensor([-0.5,  3. ], requires_grad=True)
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, dtype: DTypeLike | None = None) -> None:
        shape, dtype = (whole(num_parameters, "num_parameters"),), dtype_of(dtype)
        self.init = real(init, "init")
        self.weight = parameter(np.full(shape, self.init, dtype), shape, dtype)

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        return {"num_parameters": self.weight.size, "init": self.init, "dtype": str(self.weight.dtype)}

    def forward(self, x: Tensor | ArrayLike) -> Tensor:
        """The layer's output."""
        return functional.prelu(x, self.weight)

    def _label(self) -> str:
        return f"PReLU({self.weight.size})" if self.weight.size > 1 else "PReLU"


class CosineSimilarity(FunctionModule, function=functional.cosine_similarity, data=2):
    """The cosine of the angle between two vectors; see `functional.cosine_similarity`.

    >>> CosineSimilarity()([[1.0, 0.0]], [[1.0, 1.0]])
    Tensor([0.70710678])
    """


class PairwiseDistance(FunctionModule, function=functional.pairwise_distance, data=2):
    """The p-norm of the difference of two vectors; see `functional.pairwise_distance`.

    >>> PairwiseDistance(eps=0.0)([[3.0, 4.0]], [[0.0, 0.0]])
    Tensor([5.])
    """
