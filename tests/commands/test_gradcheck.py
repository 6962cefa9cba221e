"""`tinygrad-edu gradcheck`: all ops, or a function of the user's; the table, the exit status, the clear refusals."""

import json
import textwrap

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.cli import main
from tinygrad_edu.op import REGISTRY, Op

PROGRAM = """
    import numpy as np
    import tinygrad_edu as tg

    def right(w=[1.0, 2.0], power=3, label="text"):
        return (tg.Tensor(w) ** power if isinstance(w, np.ndarray) else w ** power).sum()

    def wrong(w=np.array([1.0, 2.0])):
        return (w * w.detach()).sum()

    def kink(x=0.0):
        return tg.relu(x)

    def fails(x=1.0):
        return x + [][0]

    def no_tensor(x=1.0):
        return 3

    def positional(x=2.0, /, *, y=3.0):
        return x * y

    model = tg.nn.MLP([3, 4, 2], rng=0)
    cube = tg.custom_op("cube", lambda x: x**3, vjps=(lambda g, out, x: g * 2 * x**2,), kind="elementwise")
    general = tg.custom_op("general", lambda x: x**3, vjps=(lambda g, out, x: g * 3 * x**2,))
    shapeless = tg.custom_op("shapeless", lambda x: x.sum(axis=0), vjps=(lambda g, out, x: g,),
                             sampler=lambda rng: ((rng.normal(size=(2, 3)),), {}))
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.py").write_text(textwrap.dedent(PROGRAM), encoding="utf8")
    (tmp_path / "with_inputs.py").write_text(
        textwrap.dedent(PROGRAM) + "inputs = {'x': np.ones((5, 3))}\n", encoding="utf8"
    )


def test_checks_every_op_of_the_registry(capsys):
    assert main(["gradcheck", "--cases", "1", "--quiet"]) == 0
    out, err = capsys.readouterr()
    head, *rows = out.split("\n\n")[0].splitlines()
    assert head.split()[:2] == ["op", "cases"]
    builtin = [op.name for op in REGISTRY.values() if op.differentiable]
    assert [row.split()[0] for row in rows] == builtin
    assert {row.split()[-1] for row in rows} == {"right"}
    assert f"{len(builtin)} ops, derivatives up to order 2" in out
    assert err == ""


def test_the_same_seed_checks_the_same_calls(capsys):
    printed = []
    for pattern in ("log*", "log1p", "log*"):
        assert main(["gradcheck", "--ops", pattern, "--quiet", "--cases", "2"]) == 0
        printed.append(next(line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("log1p")))
    assert printed[0] == printed[1] == printed[2]


def test_a_wrong_op_in_the_registry_is_named_and_reported(capsys):
    Op("spoiled", np.square, vjps=(lambda g, out, x: g * x,), kind=tg.tanh.kind, formula="x²", domain=tg.tanh.domain)
    assert main(["gradcheck", "--ops", "sp*", "--quiet"]) == 1
    out = capsys.readouterr().out
    assert "1 op not right: spoiled" in out
    assert "spoiled: x²\ngradcheck:" in out


@pytest.mark.parametrize(
    ("target", "status", "words"),
    [
        ("p.py:right", 0, ["2 derivatives compared, all right", "held fixed: power is int64", "label is str"]),
        ("p.py:wrong", 1, ["2 derivatives compared, 2 wrong"]),
        ("p.py:kink", 0, ["1 kink", "any slope in [0, 1] is valid"]),
        ("p.py:positional", 0, ["x  ", "y  "]),
        ("with_inputs.py:model", 0, ["layer1.weight", "layer2.bias", "held fixed: x is data"]),
        ("p.py:cube", 1, ["cube", "1 op not right: cube"]),
        ("with_inputs.py:cube", 1, ["15 derivatives compared, 15 wrong"]),
        ("with_inputs.py:general", 0, ["15 derivatives compared, all right"]),
        ("p.py:shapeless", 1, ["a gradient can't be computed", "cotangent of shape (3,) for an input of (2, 3)"]),
    ],
)
def test_checks_what_the_user_wrote(program, capsys, target, status, words):
    assert main(["gradcheck", target, "--quiet"]) == status
    out = capsys.readouterr().out
    for word in words:
        assert word in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["p.py:nothing"], ["nothing is not in p.py"]),
        (["missing.py:f"], ["can't read missing.py", "no such file"]),
        (["p.py:fails"], ["fails of p.py failed: IndexError", "p.py:15", "return x + [][0]"]),
        (["p.py:no_tensor"], ["the function gave int, not a Tensor"]),
        (["p.py:model"], ["model needs a value for x"]),
        (["p.py:general"], ["nobody can say what general may be called with", "sampler="]),
        (["p.py:right", "--ops", "a*"], ["--ops has no meaning for one function"]),
        (["--params", "a*"], ["--params has no meaning for all ops"]),
        (["--ops", "nothing*"], ["no op is called 'nothing*'"]),
        (["p.py:right", "--json", "no/such/folder.json"], ["there is no folder"]),
        (["p.py:right", "--cases", "3"], ["--cases has no meaning for a function that is called with given inputs"]),
        (["p.py:right", "--seed", "0"], ["--seed has no meaning"]),
        (["p.py:cube", "--rtol", "1e-3"], ["--rtol has no meaning for random calls", "write inputs = [array, …]"]),
        (["with_inputs.py:model", "--params", "z*"], ['fix:   --params "layer2.*"']),
    ],
)
def test_bad_usage_is_one_message_and_status_2(program, capsys, arguments, words):
    assert main(["gradcheck", *arguments, "--quiet"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("tinygrad-edu: ")
    for word in words:
        assert word in err


def test_a_report_that_cannot_be_written_is_told_before_the_work(program, capsys):
    assert main(["gradcheck", "--json", "no/such/folder.json", "--quiet"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("tinygrad-edu: there is no folder no/such\n")


def test_options_reach_the_check(program, capsys):
    assert main(["gradcheck", "p.py:right", "--order", "2", "--method", "differences", "--json", "r.json"]) == 0
    with open("r.json", encoding="utf8") as file:
        data = json.load(file)
    assert {row["order"] for row in data["rows"]} == {1, 2}
    assert {row["method"] for row in data["rows"]} == {"central differences"}
    assert main(["gradcheck", "with_inputs.py:model", "--params", "*.bias"]) == 0
    assert "weight" not in capsys.readouterr().out.partition("held fixed")[0].partition("Taylor")[0]


def test_help_shows_an_example(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["gradcheck", "--help"])
    assert caught.value.code == 0
    assert "tinygrad-edu gradcheck model.py:loss" in capsys.readouterr().out
