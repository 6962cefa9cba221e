"""The page writes numbers as Python does, to the last character."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import tinygrad_edu.explorer
from tinygrad_edu.numbers import aligned, grid, number_texts
from tinygrad_edu.snapshot import Snapshot

SCRIPT = Path(tinygrad_edu.explorer.__file__).with_name("numbers.js").read_text(encoding="utf8")
FLOATS = (
    st.floats(width=64) | st.floats(-100, 100).map(lambda x: round(x, 3)) | st.integers(-999, 999).map(lambda x: x / 8)
)


@pytest.fixture
def page(open_page, tmp_path):
    path = tmp_path / "numbers.html"
    path.write_text(f"<!doctype html><meta charset=utf-8><script>{SCRIPT}</script>", encoding="utf8")
    return open_page(path)


def sent(array):
    return {"n": [float(x) if np.isfinite(x) else str(float(x)) for x in array.ravel()], "s": list(array.shape)}


READ = "a => ({n: a.n.map(x => ({nan: NaN, inf: Infinity, '-inf': -Infinity}[x] ?? x)), s: a.s})"


def test_texts_of_arrays_are_those_of_python(page):
    cases = []

    @given(st.lists(FLOATS, min_size=1, max_size=4), st.sampled_from([np.float64, np.float32]))
    @settings(max_examples=400)
    def collect(values, dtype):
        with np.errstate(over="ignore"):
            cases.append(np.array(values, dtype))

    collect()
    cases += [np.array(x, float) for x in (0.125, 0.375, 2.5, 100500.0, 101500.0, 9.995, 0.0009995, 99999.5, -0.0004)]
    found = page.evaluate(
        f"cases => cases.map(([a, eps]) => writing.texts(({READ})(a).n, eps))",
        json.loads(json.dumps([[sent(a), float(np.finfo(a.dtype).eps)] for a in cases])),
    )
    for array, texts in zip(cases, found):
        assert texts == number_texts(array), array


def test_lines_of_arrays_are_those_of_python(page):
    pairs = []

    @given(st.data())
    @settings(max_examples=150)
    def collect(data):
        shape = data.draw(st.sampled_from([(), (1,), (3,), (2, 3), (3, 1), (0,), (4, 4), (2, 2, 2), (12,)]))
        numbers = st.floats(-1e6, 1e6) | st.sampled_from([np.nan, np.inf, 0.0, 1.0]) | st.integers(-9, 9).map(float)
        pairs.append(tuple(data.draw(arrays(np.float64, shape, elements=numbers)) for _ in range(2)))

    collect()
    found = page.evaluate(
        f"pairs => pairs.map(p => writing.aligned(p.map(a => writing.grid(({READ})(a), 2 ** -52))))",
        json.loads(json.dumps([list(map(sent, pair)) for pair in pairs])),
    )
    for pair, lines in zip(pairs, found):
        expected = aligned([grid(Snapshot.of(array)) for array in pair])
        assert lines == expected, pair
