"""What NumPy refuses of a parameter is refused, what it takes is taken: every function, parameters of every kind."""

import inspect
import warnings

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import TinygradError
from tinygrad_edu.interop import COMPOSITIONS, OPS

AXES = [(1, 1), (0, -2), 5, -5, (0, 5), 1.5, "a", None, ()]
STRANGE = {
    "axis": AXES, "axes": AXES[:-2], "source": [9, (0, 0)], "destination": [9, (0, 0)], "axis1": [0, 1, 5, 1.5],
    "axis2": [0, 5], "start": [99],
    "mode": ["zz", 3], "order": ["Z", 3], "kind": ["zz"], "method": ["zz"], "side": ["zz"], "indexing": ["zz"],
    "casting": ["zz"], "bitorder": ["z"], "UPLO": ["Z"], "ord": ["zz", 7.5], "trim": ["z"], "dtype": ["zz"],
    "ddof": ["a"], "decimals": [1.5, "a"], "n": [-1, 1.5, "a"], "k": ["a"], "offset": [1.5, "a"],
    "edge_order": [0, 3], "reps": [-1], "repeats": [-1, 1.5, [1, 2, 3]], "shift": ["a", 1.5], "kth": [99, 1.5, "a"],
    "indices": [[99], [1.5], "a"], "weights": [np.ones(7)], "q": [2.0, -1.0, "a", np.nan], "minlength": [-1, 1.5],
    "bins": [0, -1, 1.5, "zz", [3.0, 1.0]], "range": [(1, 0)], "period": [0], "shape": [(-1, -1), (99,)],
    "indices_or_sections": [0, 5, 1.5], "initial": [[1.0, 2.0]], "fill_value": ["a"], "x": [np.ones(9)], "dx": ["a"],
    "keepdims": ["a"], "where": [np.ones((5, 5), bool)],
}  # fmt: skip
ARRAYS = [np.array([[1.0, 2.0, 3.0], [4.0, 5.5, 7.0]]), np.array([[1.0, 2.0], [4.0, 5.5]])]
FUNCTIONS = {
    f: f"{getattr(f, '__module__', '')}.{f.__name__}" for f in (*OPS, *COMPOSITIONS) if not isinstance(f, np.ufunc)
}
# What NumPy doesn't look at: axis=1.5 of a norm, and keepdims="a", which is true; what only some versions take:
# axis=None of linalg.cross, axis=() of size and trim_zeros, ddof of corrcoef. And x of where is by place only: what
# Python refuses is no error of the project.
BY_CHANCE = {
    ("where", "x"), ("norm", "axis"), ("vector_norm", "axis"), ("cross", "axis"), ("size", "axis"),
    ("trim_zeros", "axis"), ("corrcoef", "ddof"),
} | {
    (name, "keepdims")
    for name in ("argmax", "argmin", "nanargmax", "nanargmin", "norm", "vector_norm", "matrix_norm")
}  # fmt: skip


def refusal(function, arrays, **options):
    """The error that a call raises, None where it raises none."""
    try:
        function(*arrays, **options)
    except Exception as error:
        return error
    return None


def parameters(function):
    """The names of all parameters; none where NumPy tells no signature."""
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return []


def arguments(function, x):
    """How many arrays the function takes; None where it is none of arrays alone."""
    return next((count for count in (1, 2, 3) if refusal(function, [x] * count) is None), None)


def faults(function, names, x):
    """The parameters and values of which NumPy and the engine think differently."""
    count = arguments(function, x)
    for name in names[count:] if count else ():
        for value in STRANGE.get(name, ()) if (function.__name__, name) not in BY_CHANCE else ():
            theirs = refusal(function, [x.copy() for _ in range(count)], **{name: value})
            ours = refusal(function, [tg.Tensor(x, requires_grad=True) for _ in range(count)], **{name: value})
            if (theirs is None) != (ours is None):
                yield f"{name}={value!r}: NumPy {theirs!r}, the engine {ours!r}"
            elif ours is not None and not isinstance(ours, TinygradError):
                yield f"{name}={value!r}: {ours!r} is no error of the project"


@pytest.mark.parametrize("function", FUNCTIONS, ids=FUNCTIONS.get)
def test_a_parameter_is_refused_where_numpy_refuses_it(function):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        wrong = [text for x in ARRAYS for text in faults(function, parameters(function), x)]
    assert not wrong, "\n".join(wrong)


def test_many_parameters_are_tried_and_faults_are_found():
    names = {name for function in FUNCTIONS for name in parameters(function)}
    assert len(names & set(STRANGE)) > 40
    lenient = lambda x, axis=0: x if isinstance(x, tg.Tensor) else np.sum(x, axis)
    assert len(list(faults(lenient, ["x", "axis"], ARRAYS[0]))) == 7
