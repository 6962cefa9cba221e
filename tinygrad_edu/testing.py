"""For test suites: gradients asserted in one line, and hypothesis strategies for arrays, op calls and networks.

`assert_gradients` needs nothing else. The strategies need `hypothesis`, which is imported when one is first used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinygrad_edu.errors import DependencyNotFound, DtypeError, describe
from tinygrad_edu.gradcheck import GradcheckReport, gradcheck
from tinygrad_edu.gradcheck.rows import call_row, differentiable_places
from tinygrad_edu.nn import MLP, Module
from tinygrad_edu.node import here
from tinygrad_edu.op import ELEMENTWISE, REAL, REGISTRY, Domain, Op
from tinygrad_edu.ops.sampling import sample
from tinygrad_edu.tensor import Tensor

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy
    from numpy.typing import DTypeLike

__all__ = ["Network", "OpCall", "arrays", "assert_gradients", "op_calls", "small_networks", "tensors"]

MARGIN = 0.05  # of arrays around the kinks of their domain, more than any step of a check
SMOOTH = ("identity", "sigmoid", "tanh")  # activations of random networks: their inputs may be anything


def assert_gradients(f: Callable[..., Any], *inputs: Any, **options: Any) -> GradcheckReport:
    """Fail with gradcheck's report where a gradient of `f` at `inputs` is wrong or can't be decided.

    options   those of `gradcheck`: order, params, loss, rtol, atol, …

    >>> import tinygrad_edu as tg
    >>> assert_gradients(tg.tanh, np.array([0.5, -1.0]), order=2).verdict
    'right'
    """
    return gradcheck(f, list(inputs), **{**options, "raise_on_failure": True})


# --- strategies ----------------------------------------------------------------------------------------------


def _hypothesis() -> tuple[Any, Any]:
    """`hypothesis.strategies` and `hypothesis.extra.numpy`. Raises DependencyNotFound without hypothesis."""
    try:
        from hypothesis import strategies
        from hypothesis.extra import numpy as for_arrays
    except ImportError:
        raise DependencyNotFound(
            describe(
                "the strategies of tinygrad_edu.testing need hypothesis, which is not installed",
                where=here(),
                fix="pip install hypothesis; assert_gradients works without it",
                code="no-hypothesis",
            )
        ) from None
    return strategies, for_arrays


def arrays(
    domain: Domain = REAL, shape: Any = None, dtype: DTypeLike = np.float64, margin: float = MARGIN
) -> SearchStrategy[np.ndarray]:
    """Arrays with numbers of the domain, none of them nearer than `margin` to its kinks or its ends.

    domain   such as `tinygrad_edu.op.POSITIVE`, or that of an op's argument: `tg.log.domain[0]`
    shape    a shape, or a strategy for shapes; by default up to 3 axes with sides of 1 to 4
    dtype    float64, float32 or float16

    >>> from hypothesis import given
    >>> from tinygrad_edu.op import POSITIVE
    >>> @given(arrays(POSITIVE, shape=(2, 3)))
    ... def test(x):
    ...     assert x.shape == (2, 3) and (x > 0).all()
    >>> test()
    """
    st, for_arrays = _hypothesis()
    kind = np.dtype(dtype)
    if kind.kind != "f":
        raise DtypeError(
            describe(f"arrays(): {kind} has no fractions", where=here(), fix="dtype=np.float32", code="not-floating")
        )
    if shape is None:
        shape = for_arrays.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=4)
    width = 8 * kind.itemsize
    parts = [
        st.floats(_inside(low, kind, 1), _inside(high, kind, -1), width=width)
        for low, high in _intervals(domain, margin)
    ]
    strategy: SearchStrategy[Any] = for_arrays.arrays(kind, shape, elements=st.one_of(parts))
    return strategy


def _intervals(domain: Domain, margin: float) -> list[tuple[float, float]]:
    """The domain without a margin around its ends and its kinks."""
    least = margin if domain.high - domain.low > 4 * margin else 0.0
    ends = [domain.low + least]
    for kink in sorted(kink for kink in domain.avoid if domain.low < kink < domain.high):
        ends += [kink - margin, kink + margin]
    ends.append(domain.high - least)
    return [(low, high) for low, high in zip(ends[::2], ends[1::2]) if low < high]


def _inside(end: float, dtype: np.dtype[Any], sign: int) -> float:
    """The number of this dtype nearest to an end, on its inner side."""
    rounded = dtype.type(end)
    if (float(rounded) - end) * sign < 0:
        rounded = np.nextafter(rounded, dtype.type(sign * np.inf))
    return float(rounded)


def tensors(
    domain: Domain = REAL,
    shape: Any = None,
    dtype: DTypeLike = np.float64,
    requires_grad: bool = True,
    margin: float = MARGIN,
) -> SearchStrategy[Tensor]:
    """Leaf tensors on such arrays; the arguments are those of `arrays`."""
    return arrays(domain, shape, dtype, margin).map(lambda array: Tensor(array, requires_grad=requires_grad))


class OpCall(NamedTuple):
    """A legal call of an op. `call.run()` makes it; so does `call.f(*call.inputs)`, a function of what can move."""

    op: Op
    arrays: tuple[Any, ...]
    params: dict[str, Any]

    def run(self) -> Tensor:
        """What the op gives for this call."""
        return call_row(self.op, self.arrays, self.params)

    @property
    def inputs(self) -> list[np.ndarray]:
        """The arrays by which the op can be differentiated."""
        return [self.arrays[i] for i in differentiable_places(self.op, self.arrays)]

    def f(self, *inputs: Any) -> Tensor:
        """The op with other arrays in the place of `inputs`."""
        replaced = list(self.arrays)
        for place, value in zip(differentiable_places(self.op, self.arrays), inputs, strict=True):
            replaced[place] = value
        return call_row(self.op, replaced, self.params)


def op_calls(op: Op | str) -> SearchStrategy[OpCall]:
    """Legal calls of an op, or of the one of that name: away from kinks, with broadcasting and 0-d among them.

    >>> from hypothesis import given
    >>> @given(op_calls("logaddexp"))
    ... def test(call):
    ...     assert_gradients(call.f, *call.inputs)
    >>> test()
    """
    st, for_arrays = _hypothesis()
    row = REGISTRY.get(op) if isinstance(op, str) else op
    if row is None:
        raise DtypeError(describe(f"no op is called {op!r}", where=here(), fix="op_calls(tg.tanh)", code="no-such-op"))
    if row.sampler is None and row.kind is ELEMENTWISE:
        count = len(row.domain)
        shapes = for_arrays.mutually_broadcastable_shapes(num_shapes=count, max_dims=3, max_side=3)

        def filled(given: Any) -> Any:
            parts = [arrays(domain, size) for domain, size in zip(row.domain, given.input_shapes)]
            return st.tuples(*parts)

        derived: SearchStrategy[OpCall] = shapes.flatmap(filled).map(lambda drawn: OpCall(row, drawn, {}))
        return derived

    def drawn(seed: int) -> OpCall:
        given, params = sample(row, np.random.default_rng(seed))
        return OpCall(row, given, params)

    strategy: SearchStrategy[OpCall] = st.integers(0, 2**32 - 1).map(drawn)
    return strategy


class Network(NamedTuple):
    """A network and a batch of inputs for it."""

    model: Module
    x: np.ndarray


def small_networks(
    activations: Sequence[str] = SMOOTH, dtype: DTypeLike = np.float64, most: int = 4
) -> SearchStrategy[Network]:
    """Networks of 1 to 3 layers with at most `most` neurons each, and a batch of 1 to 3 samples.

    activations   names that `MLP` knows, from which one is taken for the hidden layers and one for the outputs;
                  those with kinks may be among them

    >>> from hypothesis import given
    >>> @given(small_networks())
    ... def test(network):
    ...     assert_gradients(network.model, network.x, loss=lambda out: (out**2).sum())
    >>> test()
    """
    st, _ = _hypothesis()

    def built(sizes: list[int], hidden: str, last: str, samples: int, seed: int) -> Network:
        rng = np.random.default_rng(seed)
        model = MLP(sizes, activation=hidden, output_activation=last, rng=rng, dtype=dtype)
        return Network(model, rng.normal(size=(samples, sizes[0])).astype(dtype))

    strategy: SearchStrategy[Network] = st.builds(
        built,
        st.lists(st.integers(1, most), min_size=2, max_size=4),
        st.sampled_from(list(activations)),
        st.sampled_from(list(activations)),
        st.integers(1, 3),
        st.integers(0, 2**32 - 1),
    )
    return strategy
