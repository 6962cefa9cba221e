"""A tensor autodiff engine on NumPy, for people who learn, teach or prototype deep learning.

A `Tensor` records a computation graph and differentiates through it; networks and losses are compositions of
its ops; `gradcheck` holds every gradient against numerical differentiation; `draw` shows the graph.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tinygrad_edu import data, functional, linalg, nn, optim, random, train
from tinygrad_edu.autodiff import gradients
from tinygrad_edu.batching import per_sample_grad, vmap
from tinygrad_edu.compositions.arrangement import (
    delete,
    fliplr,
    flipud,
    insert,
    repeat,
    resize,
    rot90,
    tile,
    trim_zeros,
)
from tinygrad_edu.compositions.conversion import (
    array,
    array2string,
    array_repr,
    array_str,
    asarray,
    c_,
    r_,
    real_if_close,
)
from tinygrad_edu.compositions.correlation import corrcoef, cov
from tinygrad_edu.compositions.differences import diff, ediff1d, gradient, trapezoid
from tinygrad_edu.compositions.dtype import (
    astype,
    can_cast,
    common_type,
    may_share_memory,
    min_scalar_type,
    result_type,
    shares_memory,
)
from tinygrad_edu.compositions.einsum import einsum, einsum_path
from tinygrad_edu.compositions.elementwise import (
    abs,
    acos,
    acosh,
    allclose,
    angle,
    around,
    array_equal,
    array_equiv,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_not,
    bitwise_right_shift,
    clip,
    conj,
    divmod,
    expit,
    frexp,
    imag,
    isclose,
    iscomplex,
    iscomplexobj,
    isneginf,
    isposinf,
    isreal,
    isrealobj,
    log_sigmoid,
    mod,
    modf,
    polygamma,
    pow,
    psi,
    real,
    round,
    true_divide,
)
from tinygrad_edu.compositions.histograms import histogram2d, histogramdd
from tinygrad_edu.compositions.index import (
    apply_along_axis,
    apply_over_axes,
    argwhere,
    choose,
    compress,
    extract,
    flatnonzero,
    ix_,
    nonzero,
    piecewise,
    ravel_multi_index,
    select,
    take,
    take_along_axis,
    unravel_index,
    where,
)
from tinygrad_edu.compositions.joining import (
    append,
    array_split,
    block,
    column_stack,
    concat,
    concatenate,
    dsplit,
    dstack,
    hsplit,
    hstack,
    meshgrid,
    split,
    stack,
    unstack,
    vsplit,
    vstack,
)
from tinygrad_edu.compositions.linalg import (
    cross,
    diag,
    diagflat,
    dot,
    inner,
    kron,
    matrix_transpose,
    outer,
    trace,
    tril,
    triu,
    vander,
    vdot,
)
from tinygrad_edu.compositions.nan import (
    nanargmax,
    nanargmin,
    nancumprod,
    nancumsum,
    nanmax,
    nanmean,
    nanmin,
    nanprod,
    nanstd,
    nansum,
    nanvar,
)
from tinygrad_edu.compositions.order import (
    argpartition,
    argsort,
    bincount,
    histogram,
    histogram_bin_edges,
    lexsort,
    partition,
    sort,
    unique,
    unique_all,
    unique_counts,
    unique_inverse,
    unique_values,
)
from tinygrad_edu.compositions.pad import pad
from tinygrad_edu.compositions.polynomials import (
    poly,
    polyadd,
    polyder,
    polydiv,
    polyfit,
    polyint,
    polymul,
    polysub,
    polyval,
    roots,
)
from tinygrad_edu.compositions.quantiles import median, nanmedian, nanpercentile, nanquantile, percentile, quantile
from tinygrad_edu.compositions.ranges import geomspace, linspace, logspace
from tinygrad_edu.compositions.reduction import (
    all,
    amax,
    amin,
    any,
    argmax,
    argmin,
    average,
    count_nonzero,
    logsumexp,
    max,
    mean,
    min,
    prod,
    ptp,
    std,
    sum,
    var,
)
from tinygrad_edu.compositions.scan import cumprod, cumsum, cumulative_prod, cumulative_sum, logcumsumexp
from tinygrad_edu.compositions.sets import intersect1d, isin, setdiff1d, setxor1d, union1d
from tinygrad_edu.compositions.shape import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    broadcast_arrays,
    broadcast_shapes,
    copy,
    flatten,
    moveaxis,
    ndim,
    permute_dims,
    ravel,
    reshape,
    rollaxis,
    shape,
    size,
    swapaxes,
)
from tinygrad_edu.compositions.signal import correlate, interp
from tinygrad_edu.compositions.writing import copyto, fill_diagonal, place, put, put_along_axis, putmask
from tinygrad_edu.creation import arange, empty_like, eye, full, full_like, ones, ones_like, zeros, zeros_like
from tinygrad_edu.custom import checkpoint, custom_op
from tinygrad_edu.handle import get_default_dtype, set_default_dtype
from tinygrad_edu.heap import keep_freed_memory as _keep_freed_memory
from tinygrad_edu.ops.bits import (
    bitwise_and,
    bitwise_count,
    bitwise_or,
    bitwise_xor,
    gcd,
    invert,
    lcm,
    left_shift,
    right_shift,
)
from tinygrad_edu.ops.elementwise import (
    absolute,
    add,
    ceil,
    divide,
    equal,
    exp,
    fabs,
    floor,
    fmax,
    fmin,
    greater,
    greater_equal,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    log,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    maximum,
    minimum,
    multiply,
    negative,
    not_equal,
    positive,
    power,
    relu,
    sigmoid,
    sign,
    signbit,
    sqrt,
    square,
    subtract,
    tanh,
)
from tinygrad_edu.ops.error_function import erf, erfc, erfinv
from tinygrad_edu.ops.exponential import (
    cbrt,
    exp2,
    expm1,
    float_power,
    log1p,
    log2,
    log10,
    logaddexp,
    logaddexp2,
    reciprocal,
    softplus,
)
from tinygrad_edu.ops.gamma import betaln, digamma, gammaln
from tinygrad_edu.ops.linalg import diagonal, matmul, matvec, tensordot, vecdot, vecmat
from tinygrad_edu.ops.neural import log_softmax, softmax
from tinygrad_edu.ops.order import digitize, searchsorted
from tinygrad_edu.ops.rounding import (
    conjugate,
    copysign,
    fix,
    floor_divide,
    fmod,
    heaviside,
    ldexp,
    nan_to_num,
    nextafter,
    remainder,
    rint,
    spacing,
    trunc,
)
from tinygrad_edu.ops.shape import broadcast_to, expand_dims, flip, roll, squeeze, transpose
from tinygrad_edu.ops.special import i0, logit, sinc, xlog1py, xlogy
from tinygrad_edu.ops.trigonometric import (
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    cos,
    cosh,
    deg2rad,
    degrees,
    hypot,
    rad2deg,
    radians,
    sin,
    sinh,
    tan,
    unwrap,
)
from tinygrad_edu.ops.window import convolve
from tinygrad_edu.switches import no_grad
from tinygrad_edu.tensor import Tensor, as_tensor, from_numpy
from tinygrad_edu.transforms import grad, hessian, hvp, jacobian, jvp, linearize, stop_gradient, value_and_grad, vjp
from tinygrad_edu.watch import detect_anomaly, listen, strict_broadcasting

__version__ = "0.1.0"

_keep_freed_memory()

if TYPE_CHECKING:
    from tinygrad_edu import testing
    from tinygrad_edu.equations import FourEquations, four_equations
    from tinygrad_edu.explain import Explanation, explain
    from tinygrad_edu.explorer.explore import explore
    from tinygrad_edu.gradcheck import GradcheckReport, gradcheck
    from tinygrad_edu.graph import Graph
    from tinygrad_edu.render.draw import draw
    from tinygrad_edu.render.network_picture import draw_network
    from tinygrad_edu.render.picture import Picture

# What reads graphs is loaded when it is first asked for: with it, `import tinygrad_edu` would take twice as long.
_LATER = {
    "Explanation": "explain",
    "FourEquations": "equations",
    "GradcheckReport": "gradcheck",
    "Graph": "graph",
    "Picture": "render.picture",
    "draw": "render.draw",
    "draw_network": "render.network_picture",
    "explain": "explain",
    "explore": "explorer",
    "four_equations": "equations",
    "gradcheck": "gradcheck",
    "testing": "testing",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_LATER[name]}")
    value = module if name == "testing" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})


class _Package(ModuleType):
    """`explain` and `gradcheck` are functions here and packages of the same names: importing one keeps the function."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, getattr(value, name, value) if name in _LATER else value)


sys.modules[__name__].__class__ = _Package

__all__ = [
    "Explanation", "FourEquations", "GradcheckReport", "Graph", "Picture", "Tensor", "abs", "absolute", "acos", "acosh",
    "add", "all", "allclose", "amax", "amin", "angle", "any", "append", "apply_along_axis", "apply_over_axes", "arange",
    "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "argmax", "argmin", "argpartition",
    "argsort", "argwhere", "around", "array", "array2string", "array_equal", "array_equiv", "array_repr", "array_split",
    "array_str", "as_tensor", "asarray", "asin", "asinh", "astype", "atan", "atan2", "atanh", "atleast_1d",
    "atleast_2d", "atleast_3d", "average", "betaln", "bincount", "bitwise_and", "bitwise_count", "bitwise_invert",
    "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "block",
    "broadcast_arrays", "broadcast_shapes", "broadcast_to", "c_", "can_cast", "cbrt", "ceil", "checkpoint", "choose",
    "clip", "column_stack", "common_type", "compress", "concat", "concatenate", "conj", "conjugate", "convolve", "copy",
    "copysign", "copyto", "corrcoef", "correlate", "cos", "cosh", "count_nonzero", "cov", "cross", "cumprod", "cumsum",
    "cumulative_prod", "cumulative_sum", "custom_op", "data", "deg2rad", "degrees", "delete", "detect_anomaly", "diag",
    "diagflat", "diagonal", "diff", "digamma", "digitize", "divide", "divmod", "dot", "draw", "draw_network", "dsplit",
    "dstack", "ediff1d", "einsum", "einsum_path", "empty_like", "equal", "erf", "erfc", "erfinv", "exp", "exp2",
    "expand_dims", "expit", "explain", "explore", "expm1", "extract", "eye", "fabs", "fill_diagonal", "fix",
    "flatnonzero", "flatten", "flip", "fliplr", "flipud", "float_power", "floor", "floor_divide", "fmax", "fmin",
    "fmod", "four_equations", "frexp", "from_numpy", "full", "full_like", "functional", "gammaln", "gcd", "geomspace",
    "get_default_dtype", "grad", "gradcheck", "gradient", "gradients", "greater", "greater_equal", "heaviside",
    "hessian", "histogram", "histogram2d", "histogram_bin_edges", "histogramdd", "hsplit", "hstack", "hvp", "hypot",
    "i0", "imag", "inner", "insert", "interp", "intersect1d", "invert", "isclose", "iscomplex", "iscomplexobj",
    "isfinite", "isin", "isinf", "isnan", "isneginf", "isposinf", "isreal", "isrealobj", "ix_", "jacobian", "jvp",
    "kron", "lcm", "ldexp", "left_shift", "less", "less_equal", "lexsort", "linalg", "linearize", "linspace", "listen",
    "log", "log1p", "log2", "log10", "log_sigmoid", "log_softmax", "logaddexp", "logaddexp2", "logcumsumexp",
    "logical_and", "logical_not", "logical_or", "logical_xor", "logit", "logspace", "logsumexp", "matmul",
    "matrix_transpose", "matvec", "max", "maximum", "may_share_memory", "mean", "median", "meshgrid", "min",
    "min_scalar_type", "minimum", "mod", "modf", "moveaxis", "multiply", "nan_to_num", "nanargmax", "nanargmin",
    "nancumprod", "nancumsum", "nanmax", "nanmean", "nanmedian", "nanmin", "nanpercentile", "nanprod", "nanquantile",
    "nanstd", "nansum", "nanvar", "ndim", "negative", "nextafter", "nn", "no_grad", "nonzero", "not_equal", "ones",
    "ones_like", "optim", "outer", "pad", "partition", "per_sample_grad", "percentile", "permute_dims", "piecewise",
    "place", "poly", "polyadd", "polyder", "polydiv", "polyfit", "polygamma", "polyint", "polymul", "polysub",
    "polyval", "positive", "pow", "power", "prod", "psi", "ptp", "put", "put_along_axis", "putmask", "quantile", "r_",
    "rad2deg", "radians", "random", "ravel", "ravel_multi_index", "real", "real_if_close", "reciprocal", "relu",
    "remainder", "repeat", "reshape", "resize", "result_type", "right_shift", "rint", "roll", "rollaxis", "roots",
    "rot90", "round", "searchsorted", "select", "set_default_dtype", "setdiff1d", "setxor1d", "shape", "shares_memory",
    "sigmoid", "sign", "signbit", "sin", "sinc", "sinh", "size", "softmax", "softplus", "sort", "spacing", "split",
    "sqrt", "square", "squeeze", "stack", "std", "stop_gradient", "strict_broadcasting", "subtract", "sum", "swapaxes",
    "take", "take_along_axis", "tan", "tanh", "tensordot", "testing", "tile", "trace", "train", "transpose",
    "trapezoid", "tril", "trim_zeros", "triu", "true_divide", "trunc", "union1d", "unique", "unique_all",
    "unique_counts", "unique_inverse", "unique_values", "unravel_index", "unstack", "unwrap", "value_and_grad",
    "vander", "var", "vdot", "vecdot", "vecmat", "vjp", "vmap", "vsplit", "vstack", "where", "xlog1py", "xlogy",
    "zeros", "zeros_like",
]  # fmt: skip
