"""Optimisers over lists of parameters: they read `.grad` and write `.data`, with the arithmetic of PyTorch's.

They know tensors only, neither networks nor how gradients come about. A step writes in place and stamps each
parameter, so a graph that saved an old value is noticed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from tinygrad_edu.errors import DataError, DtypeError, ShapeError, describe
from tinygrad_edu.memory import label, must_be_writable
from tinygrad_edu.node import Leaf, Origin, caution, here, stamp, user_frame
from tinygrad_edu.tensor import Tensor

__all__ = ["SGD", "Adam", "Optimizer"]

Array = np.ndarray
Buffers = dict[int, np.ndarray]
Update = tuple[int, Array, Array]  # the parameter's place, its array, its gradient

# Steps of larger parameters go piece by piece: Adam's of a million float32 takes 3.0 ms, not 4.6, SGD's 0.5, not 0.75.
_PART = 32768
_LARGE = 2 * _PART


class Optimizer:
    """What optimisers share: their parameters, the learning rate, `step`, `zero_grad`, and saving their state.

    parameters   leaves that require grad, each once: a list, or `model.parameters()`
    lr           the learning rate; may be set between steps

    Raises DataError without parameters, for one that is given twice and for a hyper-parameter out of range,
    DtypeError for what is no leaf with requires_grad. Parameters that are frozen later are left alone.
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float) -> None:
        self.parameters = _leaves(parameters)
        self._large = any(parameter.size > _LARGE for parameter in self.parameters)
        self._warned = self._idle = False
        self.lr = lr

    @property
    def lr(self) -> float:
        """The learning rate: how far a step goes."""
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr = _checked("lr", value)
        self._rates: dict[np.dtype[Any], Any] = {}

    def _rate(self, dtype: np.dtype[Any]) -> Any:
        """The learning rate in a gradient's dtype, made once: a Python number costs a ufunc 0.7 µs each time."""
        rate = self._rates.get(dtype)
        if rate is None:
            rate = self._rates[dtype] = np.array(self._lr, dtype) if dtype.kind == "f" else self._lr
        return rate

    def zero_grad(self) -> None:
        """Forget the gradients: sets every parameter's `.grad` to None."""
        for parameter in self.parameters:
            leaf: Any = parameter._node
            if leaf is not None and leaf.requires_grad:
                leaf.grad = None

    def step(self, accumulated: bool = False) -> None:
        """Change every parameter that has a gradient by one step, in place.

        accumulated   True says that gradients of several backwards are meant to add up, as over parts of a batch.
                      Otherwise a step warns, once, where nothing cleared the gradients between two backwards of the
                      same line or loss, or of a parameter that was changed between them
        """
        leaves: list[Leaf] = []
        ready: list[Update] = []
        last = None
        for place, parameter in enumerate(self.parameters):
            leaf: Any = parameter._node
            if leaf is None or not leaf.requires_grad or (g := leaf.grad) is None:
                continue
            leaves.append(leaf)
            ready.append((place, parameter._data, g._data))
            origin = getattr(g, "_origin", None)
            if origin is not last and origin is not None:  # most often all gradients come from one backward
                last = origin
                if origin.earlier is not None and not accumulated and not self._warned:
                    self._warned = True
                    caution(_not_cleared(place, parameter, origin))
        if not leaves and not self._idle:
            self._idle = True
            caution(_nothing_to_do())
        stamp(leaves, user_frame())
        self._update_all(ready)

    def _update_all(self, ready: list[Update]) -> None:
        """Change the arrays of all parameters that have a gradient."""
        for place, value, g in ready:
            self._update(place, value, g)

    def _update(self, place: int, value: np.ndarray, g: np.ndarray) -> None:
        """Change `value`, the array of the parameter at `place`, in place by its gradient `g`."""
        raise NotImplementedError

    def _buffers(self) -> dict[str, Buffers]:
        """What the optimiser remembers from step to step: by name, then by the parameter's place."""
        return {}

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of what the optimiser remembers, under names such as `velocity.0`: parameter 0's."""
        return {
            f"{name}.{place}": array.copy() for name, held in self._buffers().items() for place, array in held.items()
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Remember what another such optimiser did; hyper-parameters stay as they are.

        Everything is checked first. Raises DataError or ShapeError where the state doesn't fit.
        """
        buffers = self._buffers()
        found: list[tuple[Buffers, int, np.ndarray]] = []
        for key, array in state.items():
            name, _, place = key.rpartition(".")
            if name not in buffers or not place.isdigit() or int(place) >= len(self.parameters):
                raise DataError(
                    describe(
                        f"{type(self).__name__} remembers nothing called {key!r}",
                        where=here(),
                        remembers=", ".join(f"{known}.0 …" for known in buffers) or "nothing",
                        parameters=len(self.parameters),
                        code="state-names",
                    )
                )
            parameter = self.parameters[int(place)]
            wanted = () if name == "steps" else parameter.shape
            if np.shape(array) != wanted:
                raise ShapeError(
                    describe(
                        f"{key} has shape {np.shape(array)} in the state, {wanted} is needed",
                        where=here(),
                        code="state-shape",
                    )
                )
            dtype = np.dtype(np.int64) if name == "steps" else parameter.dtype
            found.append((buffers[name], int(place), np.array(array, dtype)))
        for held in buffers.values():
            held.clear()
        for held, index, array in found:
            held[index] = array


class SGD(Optimizer):
    """Gradient descent: p ← p − lr · g, with optional momentum and weight decay.

    momentum       v ← momentum · v + g (v = g at the first step), and p ← p − lr · v
    nesterov       p ← p − lr · (g + momentum · v) instead
    weight_decay   g ← g + weight_decay · p first, as in torch.optim.SGD
    dampening      v ← momentum · v + (1 − dampening) · g, but for the first step
    maximize       up the slope instead: g ← −g before all else

    >>> p = Tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = SGD([p], lr=0.1)
    >>> (p * p).sum().backward(); optimizer.step(); p
    Tensor([0.8, 1.6], requires_grad=True)
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        dampening: float = 0.0,
        maximize: bool = False,
    ) -> None:
        super().__init__(parameters, lr)
        self.momentum = _checked("momentum", momentum)
        self.weight_decay = _checked("weight_decay", weight_decay)
        self.dampening = _checked("dampening", dampening)
        self.nesterov = nesterov
        self.maximize = maximize
        if nesterov and (not self.momentum or self.dampening):
            raise DataError(
                describe(
                    "Nesterov's momentum needs a momentum above 0 and no dampening",
                    where=here(),
                    fix="momentum=0.9, dampening=0",
                    code="conflicting-arguments",
                )
            )
        self._velocity: Buffers = {}

    def _buffers(self) -> dict[str, Buffers]:
        return {"velocity": self._velocity}

    def _update_all(self, ready: list[Update]) -> None:
        if self.maximize or self.weight_decay or self.momentum:
            super()._update_all(ready)
            return
        known, multiply, subtract = self._rates.get, np.multiply, np.subtract
        for _, value, g in ready:  # the plain step without a call for each: 1.5 µs less for six parameters
            rate = known(g.dtype)
            if rate is None:
                rate = self._rate(g.dtype)
            if not self._large:
                subtract(value, multiply(g, rate), value)
                continue
            for part, slope in _parts(value, g):
                subtract(part, multiply(slope, rate), part)

    def _update(self, place: int, value: np.ndarray, g: np.ndarray) -> None:
        if self.maximize:
            g = -g
        if self.weight_decay:
            g = g + self.weight_decay * value
        if self.momentum:
            velocity = self._velocity.get(place)
            if velocity is None:
                velocity = self._velocity[place] = np.array(g)  # for a single number g may be no array
            else:
                velocity *= self.momentum
                velocity += (1 - self.dampening) * g if self.dampening else g
            g = g + self.momentum * velocity if self.nesterov else velocity
        np.subtract(value, np.multiply(g, self._rate(g.dtype)), value)


class Adam(Optimizer):
    """Adam: steps of about lr, whatever the size of the gradient.

    m ← β₁m + (1 − β₁)g and v ← β₂v + (1 − β₂)g²; then with m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ)
    p ← p − lr · m̂ / (√v̂ + eps).
    weight_decay adds weight_decay · p to g first, as in torch.optim.Adam. With amsgrad the largest v so far takes the
    place of v, with maximize steps go up the slope: g ← −g before all else.

    Source: D. P. Kingma and J. Ba, Adam: a method for stochastic optimization, ICLR 2015, algorithm 1; amsgrad:
    S. J. Reddi, S. Kale and S. Kumar, On the convergence of Adam and beyond, ICLR 2018, algorithm 2.

    >>> p = Tensor([1.0], requires_grad=True)
    >>> optimizer = Adam([p], lr=0.1)
    >>> (p * p).sum().backward(); optimizer.step(); p
    Tensor([0.9], requires_grad=True)
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        amsgrad: bool = False,
        maximize: bool = False,
    ) -> None:
        super().__init__(parameters, lr)
        try:
            first, second = betas
        except (TypeError, ValueError):
            what = f"betas are two numbers, not {betas!r}"
            raise DtypeError(describe(what, where=here(), fix="betas=(0.9, 0.999)", code="not-a-number")) from None
        self.betas = (_checked("betas[0]", first, below=1.0), _checked("betas[1]", second, below=1.0))
        self.eps = _checked("eps", eps)
        self.weight_decay = _checked("weight_decay", weight_decay)
        self.amsgrad = amsgrad
        self.maximize = maximize
        self._mean: Buffers = {}
        self._square: Buffers = {}
        self._largest: Buffers = {}
        self._steps: Buffers = {}

    def _buffers(self) -> dict[str, Buffers]:
        largest = {"largest": self._largest} if self.amsgrad else {}
        return {"mean": self._mean, "square": self._square, "steps": self._steps, **largest}

    def _update(self, place: int, value: np.ndarray, g: np.ndarray) -> None:
        if self.maximize:
            g = -g
        if self.weight_decay:
            g = g + self.weight_decay * value
        if place not in self._mean:
            self._mean[place], self._square[place] = np.zeros_like(value), np.zeros_like(value)
            self._steps[place] = np.zeros((), np.int64)
        self._steps[place] += 1
        steps = int(self._steps[place])
        mean, square = self._mean[place], self._square[place]
        moments = [mean, square]
        if self.amsgrad:
            moments.append(self._largest.setdefault(place, np.zeros_like(value)))
        for part, slope, *held in _parts(value, g, *moments):
            self._move(part, slope, steps, *held)

    def _move(
        self, value: Array, g: Array, steps: int, mean: Array, square: Array, largest: Array | None = None
    ) -> None:
        """One step, in place, with one array for everything in between."""
        first, second = self.betas
        work = np.subtract(g, mean, np.empty_like(value))
        work *= 1 - first
        mean += work
        square *= second
        np.multiply(g, 1 - second, work)
        work *= g
        square += work
        np.sqrt(square if largest is None else np.maximum(largest, square, out=largest), work)
        work /= math.sqrt(1 - second**steps)
        work += self.eps
        np.divide(mean, work, work)
        work *= self._lr / (1 - first**steps)
        value -= work


def _parts(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """The arrays, of one shape, piece by piece where they are large: what is done with a piece stays in the cache."""
    if arrays[0].size <= _LARGE or not all(array.flags.c_contiguous for array in arrays):
        yield arrays
        return
    flat = [array.reshape(-1) for array in arrays]
    for start in range(0, arrays[0].size, _PART):
        yield tuple(array[start : start + _PART] for array in flat)


def _not_cleared(place: int, parameter: Tensor, origin: Origin) -> str:
    """The text of the warning that old gradients are in this step too."""
    earlier: Origin = origin.earlier  # type: ignore[assignment]
    facts = {"first": f"backward at {earlier.site}", "then": f"backward at {origin.site}"}
    if origin.changed:
        facts = {"first": facts["first"], "changed": f"at {origin.changed}", "then": facts["then"]}
    return describe(
        "this step uses the gradients of two backwards: nothing cleared them in between",
        where=here(),
        parameter=parameter.name or f"number {place}",
        **facts,
        why="gradients add up in .grad until it is cleared, so the old ones count again",
        fix="optimizer.zero_grad() before each backward; optimizer.step(accumulated=True), if they are meant to add up",
        code="gradients-not-cleared",
    )


def _nothing_to_do() -> str:
    """The text of the warning that a step changes nothing."""
    return describe(
        "this step changes nothing: no parameter has a gradient",
        where=here(),
        likely="no backward() since zero_grad(), or parameters that were replaced after the optimiser was made",
        fix="optimizer.zero_grad(); loss.backward(); optimizer.step()",
        code="step-without-gradients",
    )


def _leaves(parameters: Iterable[Tensor]) -> list[Tensor]:
    """The parameters as a list, each of which can be optimised, and is there once."""
    if isinstance(parameters, Tensor) or not isinstance(parameters, Iterable):
        named = isinstance(parameters, Tensor)
        raise DtypeError(
            describe(
                f"an optimiser needs a list of parameters, not {'one Tensor' if named else type(parameters).__name__}",
                where=here(),
                fix="[parameter]" if named else "model.parameters()",
                code="not-a-list",
            )
        )
    listed = list(parameters)
    if not listed:
        raise DataError(
            describe(
                "an optimiser needs at least one parameter",
                where=here(),
                likely="a module without parameters, or with layers in a plain list, where they are not found",
                fix="model.parameters(), with layers as attributes or in nn.Sequential",
                code="no-parameters",
            )
        )
    seen: dict[int, int] = {}
    for place, parameter in enumerate(listed):
        if not isinstance(parameter, Tensor) or not isinstance(parameter._node, Leaf):
            raise DtypeError(
                describe(
                    f"parameter {place} is not a leaf that requires grad",
                    where=here(),
                    found=label(parameter) if isinstance(parameter, Tensor) else type(parameter).__name__,
                    fix="Tensor(..., requires_grad=True); a tensor that was computed can't be optimised",
                    code="not-a-parameter",
                )
            )
        must_be_writable(parameter)
        first = seen.setdefault(id(parameter), place)
        if first != place:
            raise DataError(
                describe(
                    f"parameters {first} and {place} are the same tensor",
                    where=here(),
                    found=label(parameter),
                    why="each step would change it twice",
                    fix="give it once",
                    code="parameter-twice",
                )
            )
    return listed


def _checked(name: str, value: Any, below: float = math.inf) -> float:
    """A hyper-parameter in [0, below), as a Python number, so that it is weak in dtype."""
    try:
        if isinstance(value, str):  # float("0.1") would be a number
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        what = f"{name} must be a number, not {value!r}"
        raise DtypeError(describe(what, where=here(), fix=f"{name}=0.01", code="not-a-number")) from None
    if not 0 <= number < below:
        limits = f"at least 0 and below {below:g}" if math.isfinite(below) else "at least 0 and finite"
        raise DataError(describe(f"{name} must be {limits}, not {value}", where=here(), code="number-out-of-range"))
    return number
