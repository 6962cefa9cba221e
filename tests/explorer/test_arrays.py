"""The pages' array library, in the browser: every op and every rule that pages claim to know gives what NumPy gives."""

import json
from contextlib import nullcontext, suppress
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import tinygrad_edu.explorer
from tests.symbols.test_rules import other_numbers
from tinygrad_edu.op import REGISTRY
from tinygrad_edu.ops.sampling import sample
from tinygrad_edu.symbols.program import FUNCTIONS, available, program_of
from tinygrad_edu.symbols.rules import call_symbol, rule_symbol
from tinygrad_edu.symbols.symbol import NoFormulaError

SCRIPT = Path(tinygrad_edu.explorer.__file__).with_name("arrays.js").read_text(encoding="utf8")
PARTLY = (
    "prod",
    "diagonal",
    "sliding_window_view",
    "astype",
    "float_power",
    "einsum_single",
    "einsum_pair",
    "tensordot",
    "vecdot",
    "dot",
    "conv",
    "conv_transpose",
    "conv_weight",
    "sum_pool",
    "spread_pool",
    "add_windows",
    "add_borders",
    "convolve",
    "cumsum",
)  # not of all arguments, or without the rule
OPS = [op for op in REGISTRY.values() if not op.custom and available(op)]


def sent(array):
    """An array as the page has it."""
    array = np.asarray(array)
    return {"n": [float(x) if np.isfinite(x) else str(float(x)) for x in array.ravel()], "s": list(array.shape)}


RUN = """([cases, single]) => {
  const special = {nan: NaN, inf: Infinity, '-inf': -Infinity};
  const read = a => ({n: a.n.map(x => typeof x === 'string' ? special[x] : x), s: a.s});
  return cases.map(([tree, values]) => {
    const given = Object.fromEntries(Object.entries(values).map(([k, a]) => [k, read(a)]));
    const out = arrays.run(tree, given, single ? Math.fround : undefined);
    return [arrays.numbers(out).map(x => Number.isFinite(x) ? x : String(x).replace('Infinity', 'inf').toLowerCase()),
            arrays.shape(out)];
  });
}"""


@pytest.fixture
def run(open_page, tmp_path):
    """Runs many programs in the page at once: [(tree, {name: array})] gives arrays."""
    path = tmp_path / "arrays.html"
    path.write_text(f"<!doctype html><meta charset=utf-8><script>{SCRIPT}</script>", encoding="utf8")
    page = open_page(path)

    def run_all(cases, single=False):
        cases = json.loads(json.dumps([[tree, {k: sent(a) for k, a in values.items()}] for tree, values in cases]))
        found = page.evaluate(RUN, [cases, single])
        return [np.array([float(x) for x in numbers]).reshape(shape) for numbers, shape in found]

    run_all.page = page
    return run_all


def drawn(op, seed, dtype=float):
    """Random calls of an op: program, arguments and result, of its forward and of each rule."""
    rng = np.random.default_rng(seed)
    arrays, params = sample(op, rng)
    arrays = [np.asarray(a, dtype) if np.asarray(a).dtype.kind == "f" else np.asarray(a) for a in arrays]
    others = [np.asarray(a, np.asarray(b).dtype) for a, b in zip(other_numbers(op, arrays, rng), arrays)]
    out, other_out = (np.asarray(op.forward(*given, **params)) for given in (arrays, others))
    values = {str(place): array for place, array in enumerate(others)}
    yield program_of(call_symbol(op, out, arrays, params)), values, other_out
    g = rng.normal(size=out.shape).astype(out.dtype if out.dtype.kind == "f" else float)
    for position, array in enumerate(arrays):
        if op.vjp(position) is not None and array.dtype.kind == "f":
            rule = rule_symbol(op, position, g, out, arrays, params)
            named = {"g": g, "out": other_out, **values}
            yield program_of(rule), named, np.broadcast_to(rule.evaluate(named), rule.shape)


def programs(seeds, dtype=float):
    """Programs of all ops; of `PARTLY` known ones only those of the arguments that pages know."""
    found = []
    for op, seed in product(OPS, seeds):
        with suppress(NoFormulaError) if op.name in PARTLY else nullcontext():
            found += [(op.name, *case) for case in drawn(op, seed, dtype)]
    return found


def test_every_op_and_rule_gives_in_the_page_what_it_gives_in_numpy(run):
    cases = programs(range(6))
    assert len({name for name, *_ in cases}) > 75
    found = run([(tree, values) for _, tree, values, _ in cases])
    for (name, tree, _, expected), result in zip(cases, found):
        result = np.broadcast_to(result, expected.shape) if not result.shape else result
        assert result.shape == expected.shape, (name, tree)
        np.testing.assert_allclose(result, expected, rtol=1e-11, atol=1e-13, err_msg=f"{name}: {tree}")


def test_float32_stays_float32(run):
    cases = programs(range(2), np.float32)
    found = run([(tree, values) for _, tree, values, _ in cases], single=True)
    for (name, _, _, expected), result in zip(cases, found):
        assert np.array_equal(result, result.astype(np.float32), equal_nan=True), name
        np.testing.assert_allclose(result, expected, rtol=2e-5, atol=2e-5, err_msg=name)


def test_numbers_that_are_not_finite_behave_as_in_numpy(run):
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.5, 0.5, 1.5, 2.5])
    names = ["maximum", "minimum", "add", "multiply", "divide", "power", "equal", "less", "greater", "subtract"]
    cases, expected = [], []
    with np.errstate(all="ignore"):
        for name in names:
            cases.append(([name, ["x"], ["y"]], {"x": x[:, None], "y": x}))
            expected.append(REGISTRY[name].forward(x[:, None], x))
        for name in [
            "isnan",
            "isfinite",
            "isinf",
            "relu",
            "sigmoid",
            "tanh",
            "exp",
            "rint",
            "sign",
            "floor",
            "absolute",
        ]:
            cases.append(([name, ["x"]], {"x": x}))
            expected.append(REGISTRY[name].forward(x))
        for how, name in (("max_at", "max"), ("min_at", "min"), ("add_at", "sum")):
            cases.append(([how, ["x"], 0, []], {"x": x}))
            expected.append(REGISTRY[name].forward(x))
    for result, right, case in zip(run(cases), expected, cases):
        np.testing.assert_allclose(result, np.asarray(right, float), rtol=1e-15, err_msg=str(case[0]))


def test_the_page_s_functions_are_those_that_python_knows_of(run):
    assert sorted(run.page.evaluate("() => arrays.functions")) == sorted(FUNCTIONS)
