"""A table of calls as NumPy's users write them, and what has to hold for each of them.

NumPy itself is the witness: of values, shapes, dtypes, kinds of results, warnings and refusals, and by difference
quotients of its functions also of gradients. A call in the table is enough to have all of that checked, by every
route (`np.<name>(tensor)`, `tg.<name>`, the method), in float64, float32, whole numbers and booleans, and in three
memory layouts, on arrays that nobody may write to.
"""

import itertools
import warnings
from dataclasses import dataclass, field

import numpy as np

import tinygrad_edu as tg

REFUSALS = (TypeError, ValueError, IndexError, ZeroDivisionError, OverflowError, RuntimeError)


@dataclass
class Call:
    """One call. `name` is looked up in np, or is an operator such as "x[i]" with its own function."""

    name: str
    args: tuple
    kwargs: dict = field(default_factory=dict)
    derivative: bool = True  # False where a difference quotient would cross a jump, or compare signs that are free
    whole: bool = True  # False where NumPy's own results in whole numbers or booleans are no model
    function: object = None

    def __str__(self):
        given = [_short(a) for a in self.args] + [f"{name}={_short(value)}" for name, value in self.kwargs.items()]
        return f"{self.name}({', '.join(given)})"


class Calls(list):
    """A list of calls that is filled by calling it: `add("sum", x, axis=0)`; `operators` has functions by name."""

    operators: dict = {}  # noqa: RUF012

    def __call__(self, name, *args, derivative=True, whole=True, **kwargs):
        args = tuple(np.asarray(arg) if type(arg) is np.float64 else arg for arg in args)  # 2 * array(1.0) is no array
        self.append(Call(name, args, kwargs, derivative, whole, self.operators.get(name)))


class Numbers:
    """Random arrays by shape. All are at least 0.02 apart from each other and from 0, for difference quotients."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def __call__(self, *shape):
        """Between -2 and 2."""
        count = int(np.prod(shape))
        gap = min(0.2, 4 / max(count, 1))
        steps = self.rng.permutation(count) - count // 2 + self.rng.uniform(0.2, 0.8, count)
        return np.asarray((steps * gap).reshape(shape))

    def positive(self, *shape):
        return np.asarray(self.rng.uniform(0.2, 3.0, shape))

    def within_one(self, *shape):
        return np.asarray(self.rng.uniform(-0.95, 0.95, shape))

    def whole(self, low, high, *shape):
        return np.asarray(self.rng.integers(low, high, shape))

    def mask(self, *shape):
        return np.asarray(self.rng.random(shape) < 0.5)

    def regular(self, *shape):
        """Well-conditioned square matrices."""
        return self(*shape) * (0.5 / max(shape[-1], 1)) + 2.0 * np.eye(shape[-1])


# --- what a call gives ---------------------------------------------------------------------------------------


def _short(value):
    if isinstance(value, np.ndarray):
        return f"{value.dtype.char}{list(value.shape)}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_short, value)) + "]"
    return getattr(value, "__name__", repr(value)) if callable(value) else repr(value)


def mapped(f, tree):
    """The tree of lists, tuples and dicts with f of everything in it."""
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return tuple(mapped(f, part) for part in tree)
    if isinstance(tree, tuple | list):
        return type(tree)(mapped(f, part) for part in tree)
    return {name: mapped(f, part) for name, part in tree.items()} if isinstance(tree, dict) else f(tree)


def leaves(tree):
    found = []
    mapped(found.append, tree)
    return found


def _floating(x):
    return isinstance(x, np.ndarray | np.generic | tg.Tensor) and x.dtype.kind == "f"


def _is_array(x):
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def outcome(function, args, kwargs):
    """What the call gives, the refusal if there is one, and whether it warned."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            return function(*args, **kwargs), None, bool(caught)
        except REFUSALS as error:
            return None, error, bool(caught)


def numpy_function(call):
    if call.function is not None:
        return call.function
    found = np
    for part in call.name.split("."):
        found = getattr(found, part)
    return found


def routes(call):
    """The ways to this call on Tensors, by name, each with NumPy's function that it must equal."""
    plain = numpy_function(call)
    first = call.args[0] if call.args else None
    listed = any(isinstance(arg, list | tuple) and any(map(_is_array, leaves(arg))) for arg in call.args)
    joins = "stack" in call.name or call.name in (
        "concatenate",
        "concat",
        "block",
        "select",
        "choose",
        "linalg.multi_dot",
    )
    if call.function is not None or not listed or joins or call.name in ("lexsort", "meshgrid", "broadcast_arrays"):
        yield "np", plain, plain  # of a list of Tensors NumPy makes an array before it asks them
    ours = tg
    for part in call.name.split("."):
        ours = getattr(ours, part, None)
    if call.function is None and ours is not None:
        yield "tg", ours, plain
    if call.function is None and call.name in METHODS and isinstance(first, np.ndarray):

        def method(x, *args, **kwargs):
            return getattr(x, call.name)(*args, **kwargs)

        yield "method", method, method


METHODS = {
    "all", "any", "argmax", "argmin", "argpartition", "argsort", "astype", "clip", "cumprod", "cumsum", "diagonal",
    "dot", "max", "mean", "min", "nonzero", "prod", "ravel", "repeat", "reshape", "round", "searchsorted", "squeeze",
    "std", "sum", "swapaxes", "take", "trace", "transpose", "var",
}  # fmt: skip


def read_only(array):
    view = array.view()
    view.setflags(write=False)
    return view


def as_tensors(tree, requires_grad=True, only=None):
    """The tree with Tensors on its floating arrays (or on one of them), which nobody may write to; and the Tensors."""
    tensors, counter = [], itertools.count()

    def convert(x):
        if not isinstance(x, np.ndarray):
            return x
        if x.dtype.kind == "f" and only in (None, next(counter)):
            tensors.append(tg.from_numpy(read_only(x), requires_grad=requires_grad))
            return tensors[-1]
        return read_only(x)

    return mapped(convert, tree), tensors


def cast(tree, dtype):
    """The tree with its floating arrays in another dtype."""
    kind = np.dtype(dtype).kind

    def convert(x):
        if not _is_array(x):
            return x
        with np.errstate(all="ignore"):
            numbers = np.where(np.isfinite(x), np.round(x * 3), 0) if kind in "iu" else x > 0 if kind == "b" else x
            return np.asarray(numbers).astype(dtype)

    return mapped(convert, tree)


# --- what must hold ------------------------------------------------------------------------------------------


def differences(got, expected, tolerance, narrow=False):
    """What is wrong with a result: its kind, shape, dtype or values; nothing where all is right.

    narrow   float32 is right where NumPy goes over to float64
    """
    if isinstance(expected, tuple | list):
        if not isinstance(got, tuple | list) or len(got) != len(expected):
            return f"{type(got).__name__} of {len(got) if isinstance(got, tuple | list) else 1} for {len(expected)}"
        parts = (differences(g, e, tolerance, narrow) for g, e in zip(got, expected))
        return next((part for part in parts if part), "")
    if not isinstance(expected, np.ndarray | np.generic):
        return "" if got == expected or got is expected or got != got else f"{got!r} for {expected!r}"
    if not isinstance(got, tg.Tensor):
        return f"{type(got).__name__} for an array"
    if got.shape != expected.shape:
        return f"shape {got.shape} for {expected.shape}"
    if got.dtype != expected.dtype and not (narrow and (got.dtype, expected.dtype) == (np.float32, np.float64)):
        return f"dtype {got.dtype} for {expected.dtype}"
    values = got.detach().numpy()
    if expected.dtype.kind not in "fc":
        return "" if np.array_equal(values, expected) else f"{values} for {expected}"
    size = np.max(np.abs(expected[np.isfinite(expected)]), initial=0) if expected.ndim else abs(np.nan_to_num(expected))
    close = np.allclose(values, expected, rtol=tolerance, atol=tolerance * float(size), equal_nan=True)
    return "" if close else f"{values} for {expected}"


def weights(results, seed):
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.normal(size=np.shape(part))) for part in leaves(results) if _floating(part)]


def gradients(function, tree, cotangents, only=None):
    """Gradients of the weighted sum of all that the call gives, by each floating array."""
    (args, kwargs), tensors = as_tensors(tree, only=only)
    total = None
    for part, weight in zip((p for p in leaves(function(*args, **kwargs)) if _floating(p)), cotangents):
        if isinstance(part, tg.Tensor) and part.requires_grad:
            term = (part * tg.Tensor(weight.astype(part.dtype))).sum()
            total = term if total is None else total + term
    found = tg.gradients(total, tensors) if total is not None else [None] * len(tensors)
    for x, slope in zip(tensors, found):
        assert slope is None or (slope.shape, slope.dtype) == (x.shape, x.dtype)
    return [np.zeros(x.shape) if slope is None else slope.numpy() for x, slope in zip(tensors, found)]


def slope(function, tree, cotangents, place, direction, step=1e-5):
    """The derivative of the weighted sum in one direction of one array: central differences, extrapolated."""

    def at(t):
        counter = itertools.count()
        args, kwargs = mapped(
            lambda x: (x + t * direction if next(counter) == place else x) if _is_array(x) else x, tree
        )
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = [part for part in leaves(function(*args, **kwargs)) if _floating(part)]
        return sum(float(np.sum(part * weight)) for part, weight in zip(results, cotangents))

    coarse, fine = (at(2 * step) - at(-2 * step)) / (4 * step), (at(step) - at(-step)) / (2 * step)
    return (4 * fine - coarse) / 3, abs(fine - coarse)


def transposed(x):
    return np.array(x, order="F") if x.ndim > 1 else np.repeat(x, 2)[::2] if x.ndim else x


def reversed_(x):
    every = (slice(None, None, -1),) * x.ndim
    return x[every].copy()[every] if x.ndim else x


def wrong(call):
    """Everything that is wrong with what the engine makes of the call, as a list of texts."""
    found = []
    tree = (call.args, call.kwargs)
    expected, refusal, warned = outcome(numpy_function(call), *mapped(_frozen, tree))
    kinds = [np.float64, np.float32] + ([np.int64, np.int32, np.bool_] if call.whole and refusal is None else [])
    floating = any(map(_is_array, leaves(tree)))
    for dtype in kinds if floating else [np.float64]:
        narrow = dtype is np.float32
        given = tree if dtype is np.float64 else cast(tree, dtype)
        for name, ours, plain in itertools.islice(routes(call), None if dtype is np.float64 else 1):
            wanted, refused, may_warn = outcome(plain, *mapped(_frozen, given))
            if floating and dtype in (np.float64, np.float32):
                (args, kwargs), _ = as_tensors(given)
            else:
                args, kwargs = mapped(lambda x: tg.from_numpy(x) if isinstance(x, np.ndarray) else x, given)
            got, error, warns = outcome(ours, args, kwargs)
            where = f"{name} {np.dtype(dtype)}: "
            if refused is not None:
                if error is None:
                    found.append(f"{where}NumPy refuses ({refused}), the engine gives {got}")
                continue
            if error is not None:
                found.append(f"{where}refused: {error}")
                continue
            difference = differences(got, wanted, 2e-5 if narrow else 1e-12, narrow)
            if difference:
                found.append(where + difference)
            if warns and not may_warn:
                found.append(f"{where}a warning where NumPy gives none")
    if refusal is None and call.derivative and not found:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore" if warned else "error")
            found += _wrong_gradients(call, expected)
    return found


def _frozen(x):
    return read_only(x) if isinstance(x, np.ndarray) else x


def _wrong_gradients(call, expected):
    tree = mapped(_frozen, (call.args, call.kwargs))
    arrays = [x for x in leaves(tree) if _is_array(x)]
    cotangents = weights(expected, 1)
    if not arrays or not cotangents:
        return []
    name, ours, plain = next(routes(call))
    found = []
    full = gradients(ours, tree, cotangents)
    rng = np.random.default_rng(2)
    for place, x in enumerate(arrays):
        direction = np.asarray(rng.normal(size=x.shape))
        numeric, doubt = slope(plain, tree, cotangents, place, direction)
        engine = float(np.sum(full[place] * direction))
        if np.isfinite(numeric) and abs(engine - numeric) > 1e-6 * max(1, abs(numeric)) + 20 * doubt:
            found.append(f"gradient by array {place}: {engine}, by differences {numeric}")
        if len(arrays) > 1 and name == "np" and call.function is None:  # an operator may write into a plain array
            (alone,) = gradients(ours, tree, cotangents, only=place)
            if not np.allclose(alone, full[place], rtol=1e-9, atol=1e-12, equal_nan=True):
                found.append(f"gradient by array {place} alone: {alone} for {full[place]}")
    layout = (transposed, reversed_)[len(str(call)) % 2]
    laid_out = mapped(lambda x: layout(x) if _is_array(x) else x, tree)
    for slopes, others in zip(full, gradients(ours, laid_out, cotangents)):
        if not np.allclose(others, slopes, rtol=1e-8, atol=1e-10, equal_nan=True):
            found.append(f"gradient of {layout.__name__} arrays: {others} for {slopes}")
    narrow = mapped(lambda x: x.astype(np.float32) if _is_array(x) else x, tree)
    for slopes, others in zip(full, gradients(ours, narrow, cotangents)):
        size = max(1.0, np.max(np.abs(slopes[np.isfinite(slopes)]), initial=0))
        if size < 1e4 and not np.allclose(others, slopes, rtol=0, atol=5e-3 * size, equal_nan=True):
            found.append(f"gradient in float32: {others} for {slopes}")
    return found
