"""Recurrent networks: cells that take one step, and layers that take a sequence step by step. Compositions of ops."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinygrad_edu import functional
from tinygrad_edu.compositions.joining import concatenate, stack
from tinygrad_edu.errors import DataError, DtypeError, ShapeError, describe
from tinygrad_edu.functional.checks import one_of, real, whole
from tinygrad_edu.memory import label
from tinygrad_edu.nn.containers import ModuleList
from tinygrad_edu.nn.module import Module
from tinygrad_edu.nn.parts import dtype_of, misfit, name_of, parameter
from tinygrad_edu.node import Scope, here
from tinygrad_edu.ops.elementwise import where
from tinygrad_edu.random import Rng, generator
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike

    Operand = Tensor | ArrayLike


class _Cell(Module):
    """What cells share: weights of all gates side by side, drawn evenly from ±1 / √hidden_size as in PyTorch."""

    gates: ClassVar[int]

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, rng: Rng = 0, dtype: DTypeLike | None = None
    ) -> None:
        inputs, hidden = whole(input_size, "input_size"), whole(hidden_size, "hidden_size")
        width, dtype, random = self.gates * hidden, dtype_of(dtype), generator(rng)
        bound = 1 / math.sqrt(hidden)

        def drawn(*shape: int) -> Tensor:
            return parameter(random.uniform(-bound, bound, shape), shape, dtype)

        self.weight_ih, self.weight_hh = drawn(inputs, width), drawn(hidden, width)
        self.bias_ih: Tensor | None = drawn(width) if bias else None
        self.bias_hh: Tensor | None = drawn(width) if bias else None

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        sizes = {"input_size": self.input_size, "hidden_size": self.hidden_size, "bias": self.bias_ih is not None}
        return {**sizes, "dtype": str(self.weight_ih.dtype)}

    @property
    def input_size(self) -> int:
        """How many numbers come in at each step."""
        return self.weight_ih.shape[0]

    @property
    def hidden_size(self) -> int:
        """How many numbers the state holds."""
        return self.weight_hh.shape[0]

    def _of_input(self, x: Tensor) -> Tensor:
        """The weighted sums of the input, of all gates side by side, with both biases, at one place or at all."""
        of_x = x @ self.weight_ih
        return of_x if self.bias_ih is None or self.bias_hh is None else of_x + (self.bias_ih + self.bias_hh)

    def _step(self, of_x: Tensor, state: Any) -> Any:
        """The new state, from the weighted sums of the input at one place and the state before."""
        raise NotImplementedError

    def forward(self, x: Operand, state: Any = None) -> Any:
        """The new state."""
        x = self._input(x)
        return self._step(self._of_input(x), self._begun(x, state))

    def _stepped(self, of_x: Tensor, state: Any) -> Any:
        """`_step` in the module's own box of a drawing, as if the module were called."""
        with Scope(self._name, "module", self._label, self):
            return self._step(of_x, state)

    def _begun(self, x: Tensor, state: Any) -> Any:
        """The state before the first step, which is complete: zeros where none is given."""
        return self._state(x, state)

    def _gates(self, sums: Tensor) -> list[Tensor]:
        n = self.hidden_size
        return [sums[..., i * n : (i + 1) * n] for i in range(self.gates)]

    def _input(self, x: Any) -> Tensor:
        given: Tensor = as_tensor(x)
        if not given.ndim or given.shape[-1] != self.input_size:
            raise misfit(self, given, f"(…, {self.input_size})", "the last side of the input must be input_size")
        return given

    def _state(self, x: Tensor, state: Any) -> Tensor:
        """The given state, or zeros, one row for each of the input."""
        shape = (*x.shape[:-1], self.hidden_size)
        given: Tensor = as_tensor(np.zeros(shape, self.weight_hh.dtype) if state is None else state)
        if given.shape != shape:
            raise _wrong_state(self, given, shape, input=label(x))
        return given

    def _label(self) -> str:
        return f"{type(self).__name__}({self.input_size} → {self.hidden_size})"


class RNNCell(_Cell):
    """One step of the simplest recurrent network: tanh(x @ weight_ih + bias_ih + h @ weight_hh + bias_hh).

    input_size, hidden_size   how many numbers come in at each step, and how many the state h holds
    bias                      False for no biases
    nonlinearity              "tanh", or "relu" in its place
    rng, dtype                as for `Linear`

    Called with x (…, input_size) and h (…, hidden_size), None for zeros; gives the new h. The weights are
    (input_size, hidden_size) and (hidden_size, hidden_size), the transposes of PyTorch's.

    Source: J. L. Elman, Finding structure in time, Cognitive Science 14, 1990.

    >>> cell = RNNCell(2, 3)
    >>> h = cell(np.ones((5, 2)))
    >>> cell(np.ones((5, 2)), h).shape
    (5, 3)
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        rng: Rng = 0,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, rng, dtype)
        self.nonlinearity = one_of(nonlinearity, "nonlinearity", ("tanh", "relu"))

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        return {**super().settings(), "nonlinearity": self.nonlinearity}

    def forward(self, x: Operand, h: Operand | None = None) -> Tensor:
        """The new state."""
        return super().forward(x, h)  # type: ignore[no-any-return]

    def _step(self, of_x: Tensor, state: Tensor) -> Tensor:
        """The new h."""
        return (functional.tanh if self.nonlinearity == "tanh" else functional.relu)(of_x + state @ self.weight_hh)


class LSTMCell(_Cell):
    """One step of a long short-term memory: gates decide what its memory c takes in, keeps and shows.

    With the gates i, f, o = σ(…) and the proposal g = tanh(…), all weighted sums of x and h:
    c′ = f · c + i · g and h′ = o · tanh(c′). The weights hold i, f, g, o side by side.

    Called with x (…, input_size) and the state (h, c), None for zeros; gives the new (h, c). The settings are those of
    `RNNCell`.

    Source: S. Hochreiter, J. Schmidhuber, Long short-term memory, Neural Computation 9, 1997; the gate f is of
    F. Gers et al., Learning to forget, 2000.

    >>> cell = LSTMCell(2, 3)
    >>> h, c = cell(np.ones((5, 2)))
    >>> h.shape, c.shape
    ((5, 3), (5, 3))
    """

    gates = 4

    def _begun(self, x: Tensor, state: Any) -> tuple[Tensor, Tensor]:
        """h and c before the first step."""
        h, c = (self._state(x, part) for part in _pair(self, state))
        return h, c

    def _step(self, of_x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """The new h and c."""
        h, c = state
        i, f, g, o = self._gates(of_x + h @ self.weight_hh)
        c = functional.sigmoid(f) * c + functional.sigmoid(i) * functional.tanh(g)
        return functional.sigmoid(o) * functional.tanh(c), c


class GRUCell(_Cell):
    """One step of a gated recurrent unit: h′ = (1 − z) · n + z · h.

    The gates r, z = σ(…) are of weighted sums of x and h; the proposal n = tanh(of_x + r · of_h), of such sums too. The
    weights hold r, z, n side by side.

    Called with x (…, input_size) and h (…, hidden_size), None for zeros; gives the new h. The settings are those of
    `RNNCell`.

    Source: K. Cho et al., Learning phrase representations using RNN encoder-decoder, 2014, eq. 5 to 8, with r after the
    product, as in cuDNN and PyTorch.

    >>> GRUCell(2, 3)(np.ones((5, 2))).shape
    (5, 3)
    """

    gates = 3

    def forward(self, x: Operand, h: Operand | None = None) -> Tensor:
        """The new state."""
        return super().forward(x, h)  # type: ignore[no-any-return]

    def _of_input(self, x: Tensor) -> Tensor:
        """The weighted sums of the input with their own bias: that of the state is weighed by a gate."""
        of_x = x @ self.weight_ih
        return of_x if self.bias_ih is None else of_x + self.bias_ih

    def _step(self, of_x: Tensor, state: Tensor) -> Tensor:
        """The new h."""
        of_h = state @ self.weight_hh
        of_h = of_h if self.bias_hh is None else of_h + self.bias_hh
        n = 2 * self.hidden_size
        both = functional.sigmoid(of_x[..., :n] + of_h[..., :n])
        r, z = both[..., : n // 2], both[..., n // 2 :]
        proposal = functional.tanh(of_x[..., n:] + r * of_h[..., n:])
        return proposal + z * (state - proposal)


class _Recurrent(Module):
    """What recurrent layers share: cells, layer by layer and there and back, and the walk along the sequence."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
        rng: Rng = 0,
        dtype: DTypeLike | None = None,
    ) -> None:
        self.num_layers, self.batch_first = whole(num_layers, "num_layers"), bool(batch_first)
        self.dropout, self.bidirectional = real(dropout, "dropout", 0.0, 1.0), bool(bidirectional)
        self.rng = generator(rng)
        ways, hidden = 1 + self.bidirectional, whole(hidden_size, "hidden_size")
        widths = [input_size, *(ways * hidden,) * (self.num_layers - 1)]
        self.cells = ModuleList(self._cell(width, hidden, bias, dtype) for width in widths for _ in range(ways))

    def _cell(self, width: int, hidden: int, bias: bool, dtype: Any) -> Module:
        raise NotImplementedError

    @property
    def _first(self) -> Any:
        return self.cells[0]

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        own = ("num_layers", "batch_first", "dropout", "bidirectional")
        return {**self._first.settings(), **{name: getattr(self, name) for name in own}}

    def forward(self, x: Operand, state: Any = None, lengths: Any = None) -> tuple[Tensor, Any]:
        """The states of the last layer at each step, and the last states of all layers."""
        x = as_tensor(x)
        size = self._first.input_size
        if x.ndim not in (2, 3) or x.shape[-1] != size:
            order = "(n, places, {})" if self.batch_first else "(places, n, {})"
            expected = f"{order.format(size)}, or (places, {size}) for one sequence"
            raise misfit(self, x, expected, "the last side of the input must be input_size")
        axis = 1 if self.batch_first and x.ndim == 3 else 0
        if not x.shape[axis]:
            what = f"{name_of(self)}: a sequence without places"
            raise ShapeError(describe(what, where=here(), input=label(x), code="empty-input"))
        held = None if lengths is None else self._held(x, axis, lengths)
        starts, ends = self._starts(x.shape[:axis] + x.shape[axis + 1 : -1], state), []
        ways = 1 + self.bidirectional
        for layer in range(self.num_layers):
            if layer and self.dropout and self.training:
                x = functional.dropout(x, self.dropout, rng=self.rng)
            found = []
            for place in range(layer * ways, (layer + 1) * ways):
                outputs, end = self._walk(self.cells[place], x, axis, starts[place], held, backwards=place % ways == 1)
                found.append(stack(outputs, axis=axis))
                ends.append(end)
            x = found[0] if ways == 1 else concatenate(found, axis=-1)
        return x, self._joined(ends)

    def _held(self, x: Tensor, axis: int, lengths: Any) -> np.ndarray:
        """Which places each sequence has, (places, n, 1), or (places, 1) for one sequence."""
        given = as_tensor(lengths).detach().numpy()
        if given.dtype.kind not in "iu" or given.shape != x.shape[:axis] + x.shape[axis + 1 : -1]:
            raise ShapeError(
                describe(
                    f"{name_of(self)}: lengths must be whole numbers, one per sequence",
                    where=here(),
                    input=label(x),
                    lengths=label(as_tensor(lengths)),
                    code="sequence-lengths",
                )
            )
        if given.size and not (given.min() > 0 and given.max() <= x.shape[axis]):
            raise DataError(
                describe(
                    f"{name_of(self)}: lengths must be from 1 to {x.shape[axis]}, the places of the input",
                    where=here(),
                    lengths=str(given.tolist()),
                    code="sequence-lengths",
                )
            )
        return np.arange(x.shape[axis]).reshape(-1, *(1,) * given.ndim, 1) < given[..., None]

    def _walk(
        self, cell: Any, x: Tensor, axis: int, state: Any, held: np.ndarray | None, backwards: bool
    ) -> tuple[list[Tensor], Any]:
        """What the cell shows at each place, and its last state with all it holds.

        The weighted sums of the input at all places are one product, unless hooks want to see each call of the cell.
        """
        seen = cell._hooks is not None
        places = x if seen else cell._of_input(x)
        order = range(x.shape[axis])[:: -1 if backwards else 1]
        outputs = []
        for t in order:
            given = places[(slice(None),) * axis + (t,)]
            new = cell(given, state) if seen else cell._stepped(given, state)
            going = None if held is None or held[t].all() else held[t]
            state = new if going is None else self._where(going, new, state)
            outputs.append(self._shown(new) if going is None else where(going, self._shown(new), 0))
        return outputs[:: -1 if backwards else 1], state

    def _where(self, held: np.ndarray, new: Any, state: Any) -> Any:
        """The new state of the sequences that go on, the old one of the others."""
        return where(held, new, state)

    def _shown(self, state: Any) -> Tensor:
        """What the next layer takes of a state."""
        return state  # type: ignore[no-any-return]

    def _starts(self, leading: tuple[int, ...], state: Any) -> list[Any]:
        return self._rows(leading, state)

    def _rows(self, leading: tuple[int, ...], state: Any) -> list[Any]:
        """The first state of each cell: its row of what was given, or zeros."""
        shape = (len(self.cells), *leading, self._first.hidden_size)
        state = as_tensor(np.zeros(shape, self._first.weight_hh.dtype) if state is None else state)
        if state.shape != shape:
            raise _wrong_state(self, state, shape)
        return list(state)

    def _joined(self, ends: list[Any]) -> Any:
        return stack(ends)

    def _label(self) -> str:
        parts = [f"{self._first.input_size} → {self._first.hidden_size}"]
        parts += [f"{self.num_layers} layers"] if self.num_layers > 1 else []
        parts += ["there and back"] if self.bidirectional else []
        return f"{type(self).__name__}({', '.join(parts)})"


class RNN(_Recurrent):
    """`RNNCell` along sequences: x (n, places, input_size) -> (n, places, hidden_size), and the last states.

    input_size, hidden_size   how many numbers come in at each place, and how many a state holds
    num_layers                layers one above the other, each taking the states of the one below
    nonlinearity, bias        as for `RNNCell`
    batch_first               False: x and the result are (places, n, …). PyTorch's default is False; here samples come
                              first everywhere.
    dropout                   probability with which numbers between the layers are dropped in training
    bidirectional             True: a second cell in each layer walks from the end to the start, and both states stand
                              side by side, 2 · hidden_size
    rng, dtype                as for `Linear`; dropout draws from the same generator

    Called with x, also (places, input_size) for one sequence, and the first states (layers, n, hidden_size), None for
    zeros; with two directions each layer has two rows, there and back. The last states have the same shape. The cells
    are `cells[0]`, `cells[1]`, … in that order.

    lengths   (n,), how many places each sequence has: what lies behind changes nothing, outputs there are 0, the last
              states are those at each sequence's own end, and the way back begins there. This is what packed sequences
              are for in PyTorch.

    Raises ShapeError for an input or a state that doesn't fit.

    >>> layer = RNN(2, 3, num_layers=2)
    >>> output, last = layer(np.ones((5, 7, 2)))
    >>> output.shape, last.shape
    ((5, 7, 3), (2, 5, 3))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
        rng: Rng = 0,
        dtype: DTypeLike | None = None,
    ) -> None:
        self.nonlinearity = nonlinearity
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, rng, dtype)

    def _cell(self, width: int, hidden: int, bias: bool, dtype: Any) -> Module:
        return RNNCell(width, hidden, bias, self.nonlinearity, self.rng, dtype)


class GRU(_Recurrent):
    """`GRUCell` along sequences; the settings and the call are those of `RNN`.

    >>> output, last = GRU(2, 3, bidirectional=True)(np.ones((5, 7, 2)))
    >>> output.shape, last.shape
    ((5, 7, 6), (2, 5, 3))
    """

    def _cell(self, width: int, hidden: int, bias: bool, dtype: Any) -> Module:
        return GRUCell(width, hidden, bias, self.rng, dtype)


class LSTM(_Recurrent):
    """`LSTMCell` along sequences; the settings are those of `RNN`, and so is the call, but a state is a pair (h, c).

    >>> output, (h, c) = LSTM(2, 3)(np.ones((5, 7, 2)))
    >>> output.shape, h.shape, c.shape
    ((5, 7, 3), (1, 5, 3), (1, 5, 3))
    """

    def _cell(self, width: int, hidden: int, bias: bool, dtype: Any) -> Module:
        return LSTMCell(width, hidden, bias, self.rng, dtype)

    def _where(self, held: np.ndarray, new: Any, state: Any) -> Any:
        return tuple(where(held, a, b) for a, b in zip(new, state, strict=True))

    def _shown(self, state: tuple[Tensor, Tensor]) -> Tensor:
        return state[0]

    def _starts(self, leading: tuple[int, ...], state: Any) -> list[Any]:
        h, c = (self._rows(leading, part) for part in _pair(self, state))
        return list(zip(h, c, strict=True))

    def _joined(self, ends: list[Any]) -> tuple[Tensor, Tensor]:
        return stack([h for h, _ in ends]), stack([c for _, c in ends])


def _pair(module: Module, state: Any) -> tuple[Any, Any]:
    """The two parts of an LSTM's state."""
    if state is None:
        return None, None
    if not isinstance(state, tuple | list) or len(state) != 2:
        raise DtypeError(
            describe(
                f"{name_of(module)}: a state is a pair (h, c), not {type(state).__name__}",
                where=here(),
                fix="the second thing that a call gives: output, (h, c) = lstm(x)",
                code="recurrent-state",
            )
        )
    return state[0], state[1]


def _wrong_state(module: Module, state: Tensor, shape: tuple[int, ...], **facts: str) -> ShapeError:
    what = f"{name_of(module)}: the state must have shape {shape}"
    return ShapeError(describe(what, where=here(), state=label(state), **facts, code="recurrent-state"))
