"""`file.py:function`: found, called with its default arguments, and every failure one message with the line."""

import sys
import textwrap

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.commands.target import load, outputs_of
from tinygrad_edu.errors import FileNotFound, ProgramError, ShapeError


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A function that writes `f.py` into the current folder."""
    monkeypatch.chdir(tmp_path)
    path, modules = list(sys.path), dict(sys.modules)

    def write(text, name="f.py"):
        (tmp_path / name).write_text(textwrap.dedent(text), encoding="utf8")
        return name

    yield write
    sys.path[:] = path
    for name in set(sys.modules) - set(modules):
        del sys.modules[name]


def test_calls_the_function_with_its_default_arguments(file):
    file("""
        import tinygrad_edu as tg
        def area(width=2.0, height=tg.Tensor(3.0, requires_grad=True)):
            return width * height
        """)
    (place, area), *_ = outputs_of(load("f.py:area")).items()
    assert (place, area.item(), area.requires_grad) == ("", 6.0, True)


@pytest.mark.parametrize(
    "inputs", ["inputs = [3.0]", "inputs = 3.0", "inputs = {'height': 3.0, 'depth': 9}", "def inputs(): return [3.0]"]
)
def test_takes_what_has_no_default_from_the_variable_inputs(file, inputs):
    file(f"from tinygrad_edu import Tensor\ndef area(height, width=2.0): return Tensor(width) * height\n{inputs}\n")
    assert outputs_of(load("f.py:area"))[""].item() == 6.0


def test_a_function_with_defaults_leaves_the_inputs_to_the_others(file):
    """Several functions share a file and its `inputs`: those of another would have hidden the defaults."""
    file("""
        from tinygrad_edu import Tensor
        def area(height=3.0, width=2.0): return Tensor(width) * height
        def volume(base, height=2.0): return Tensor(base) * height
        inputs = [50.0]
        """)
    assert outputs_of(load("f.py:area"))[""].item() == 6.0
    assert outputs_of(load("f.py:volume"))[""].item() == 100.0


def test_gives_all_tensors_of_a_result_and_where_they_are(file):
    file("import tinygrad_edu as tg\ndef both(): return {'loss': tg.ones(2), 'parts': [tg.ones(3), 'text']}")
    assert [(k, v.shape) for k, v in outputs_of(load("f.py")).items()] == [("['loss']", (2,)), ("['parts'][0]", (3,))]


def test_arguments_reach_their_parameters_whatever_their_kind(file):
    file("""
        import tinygrad_edu as tg
        def f(a, /, b=2.0, *rest, c=3.0, **more): return tg.Tensor([a, b, c])
        inputs = {"c": 30.0, "a": 10.0}
        """)
    assert outputs_of(load("f.py:f"))[""].tolist() == [10.0, 2.0, 30.0]


def test_finds_networks_and_ops_too(file):
    file("""
        import numpy as np
        import tinygrad_edu as tg
        from tinygrad_edu import relu, nn
        model = nn.Linear(2, 3, rng=0)
        twice = tg.custom_op("twice", lambda x: 2 * x, vjps=(lambda g, out, x: 2 * g,))
        inputs = {"x": np.ones((4, 2))}
        """)
    assert outputs_of(load("f.py:model"))[""].shape == (4, 3)
    assert outputs_of(load("f.py:twice"))[""].tolist() == [[2.0, 2.0]] * 4
    with pytest.raises(ProgramError, match="found: model, twice"):
        load("f.py")


def test_a_function_finds_its_neighbours_and_no_main_block_runs(file):
    file("factor = 5.0", "neighbour.py")
    file("""
        import tinygrad_edu as tg
        from neighbour import factor
        def f(): return tg.Tensor(factor)
        if __name__ == "__main__": raise SystemExit("no")
        """)
    assert outputs_of(load("f.py:f"))[""].item() == 5.0


@pytest.mark.parametrize(
    ("text", "name", "error", "lines"),
    [
        (None, "no.py:f", FileNotFound, ["can't read no.py", "no such file"]),
        (None, ".", FileNotFound, ["can't read .", "it is a folder"]),
        ("def lose(): pass", "f.py:loss", ProgramError, ["loss is not in f.py", "found: lose", "fix:   f.py:lose"]),
        ("loss = 3", "f.py:loss", ProgramError, ["loss is an int, not a function, in f.py", "no functions"]),
        ("import numpy", "f.py", ProgramError, ["f.py defines no function"]),
        ("def f(): pass\ndef g(): pass", "f.py", ProgramError, ["which function of f.py?", "found: f, g"]),
        ("def f(x, y=1): pass", "f.py:f", ProgramError, ["f needs a value for x", "def f(x=…, y): …", '{"x": …}']),
        ("def f(): return 3", "f.py:f", ProgramError, ["f gave an int, not a Tensor"]),
        ("def f(): pass", "f.py:f", ProgramError, ["f gave None, not a Tensor"]),
        ("x = (1", "f.py:f", ProgramError, ["f.py is not valid Python: '(' was never closed", "where: f.py:1", "^"]),
        ("\n1 / 0", "f.py:f", ProgramError, ["running f.py failed: ZeroDivisionError", "where: f.py:2", "1 / 0"]),
        ("exit(3)", "f.py:f", ProgramError, ["running f.py failed: SystemExit: 3"]),
        ("def f():\n  return [][1]", "f.py:f", ProgramError, ["f of f.py failed: IndexError", "f.py:2", "[][1]"]),
        ("import tinygrad_edu as tg\ndef f(): return tg.ones(2) @ tg.ones(3)", "f.py:f", ShapeError, ["f.py:2"]),
    ],
)  # fmt: skip
def test_every_failure_is_one_message_that_says_where(file, text, name, error, lines):
    if text is not None:
        file(text)
    with pytest.raises(error) as caught:
        outputs_of(load(name))
    for line in lines:
        assert line in str(caught.value)


def test_the_arguments_are_the_users_own_objects(file):
    file("import numpy as np\nx = np.ones(2)\ndef f(x=x, n=2): pass")
    target = load("f.py:f")
    assert target.arguments() == {"x": target.module.x, "n": 2}
    assert isinstance(target.arguments()["x"], np.ndarray)
    assert not isinstance(target.arguments()["n"], tg.Tensor)
