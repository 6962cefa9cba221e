"""Errors have one root, and the builtin parents that users of NumPy and PyTorch expect."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import errors

PACKAGE = Path(errors.__file__).parent

PARENTS = {
    errors.ShapeError: ValueError,
    errors.DtypeError: TypeError,
    errors.GradientError: RuntimeError,
    errors.GradcheckError: AssertionError,
    errors.TrainingError: RuntimeError,
    errors.DataError: ValueError,
    errors.FileError: OSError,
    errors.FileNotFound: FileNotFoundError,
    errors.GraphvizNotFound: RuntimeError,
}


@pytest.mark.parametrize(("error", "builtin"), PARENTS.items())
def test_is_caught_as_the_builtin_and_as_the_root_and_keeps_its_text(error, builtin):
    for parent in (builtin, errors.TinygradError):
        with pytest.raises(parent) as caught:
            raise error("what went wrong")
        assert str(caught.value) == "what went wrong"


@pytest.mark.parametrize(
    ("call", "axis", "ndim"),
    [
        (lambda x: x.sum(axis=2), 2, 2),
        (lambda x: np.median(x, axis=-3), -3, 2),
        (lambda x: np.expand_dims(x, 4), 4, 3),
        (lambda x: np.moveaxis(x, 5, 0), 5, 2),
    ],
)
def test_an_axis_that_is_not_there_is_numpys_axis_error_too_with_its_facts(call, axis, ndim):
    with pytest.raises(np.exceptions.AxisError) as caught:
        call(tg.Tensor([[1.0, 2.0]], requires_grad=True))
    assert isinstance(caught.value, errors.AxisError)
    assert (caught.value.axis, caught.value.ndim) == (axis, ndim)
    assert str(caught.value).splitlines()[-1].split() == ["code:", "no-such-axis"]


def test_every_error_is_a_child_of_the_root_and_of_a_builtin_with_a_one_line_docstring():
    classes = {value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)}
    assert classes >= {*PARENTS, errors.TinygradError}
    for cls in classes - {errors.TinygradError, errors.TinygradWarning}:
        assert issubclass(cls, errors.TinygradError)
        assert any(parent.__module__ == "builtins" for parent in cls.__mro__[1:-3])
        assert "\n" not in cls.__doc__


def test_describe_aligns_rows_of_one_and_of_several_lines():
    assert errors.describe("what", where="a\nb", expected=3) == ("what\n  where:    a\n            b\n  expected: 3")
    assert errors.describe("what") == "what"


def test_an_error_has_the_code_of_its_description_as_attribute_and_last_row():
    error = errors.ShapeError(errors.describe("what", where="here", code="some-code"))
    assert error.code == "some-code"
    assert str(error).splitlines()[-1] == "  code:  some-code"
    assert errors.ShapeError("what").code == ""


def calls_in_the_package():
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf8"))):
            if isinstance(node, ast.Call):
                yield f"{file.relative_to(PACKAGE)}:{node.lineno}", getattr(node.func, "id", ""), node


def test_every_description_in_the_package_has_a_code_in_kebab_case():
    found = 0
    for place, function, call in calls_in_the_package():
        if function == "describe":
            found += 1
            codes = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
            assert codes, f'{place}: describe(...) needs code="name-of-the-mistake"'
            if isinstance(codes[0], ast.Constant):
                assert re.fullmatch(r"[a-z]+(-[a-z]+)+", codes[0].value), place
            else:
                assert place.startswith("refusal.py"), f"{place}: a code is written out, so that it can be found"
    assert found > 250


def test_no_error_of_the_project_is_raised_with_a_bare_string():
    ours = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    bare = [
        place
        for place, function, call in calls_in_the_package()
        if function in ours and call.args and isinstance(call.args[0], ast.Constant | ast.JoinedStr)
    ]
    assert bare == []
