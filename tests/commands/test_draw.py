"""`tinygrad-edu draw` draws the user's function, a run, or an example, and says what it drew and where."""

import json
import sys

import pytest

from tinygrad_edu.cli import main

MODEL = """\
import numpy as np
import tinygrad_edu as tg

W = tg.Tensor(np.ones((3, 2)) / 3, requires_grad=True, name="W")


def loss(x=np.array([[1.0, 2.0, 3.0]]), /, *, target=0.5):
    hidden = tg.tanh(x @ W)
    error = hidden - target
    return (error**2).mean()


def two(x=2.0):
    return {"double": x * 2, "more": [x * 3]}


def fails(x=1.0):
    return x / nothing


model = tg.nn.MLP([3, 2], rng=0)
inputs = {"images": np.ones((4, 3))}


def of_images(images):
    return model(images).sum()


inputs["x"] = np.ones((4, 3))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))  # the file's folder goes there
    monkeypatch.delitem(sys.modules, "_target_model", raising=False)
    (tmp_path / "model.py").write_text(MODEL)
    yield tmp_path
    sys.modules.pop("_target_model", None)


def drawn(folder, name):
    """The names of the cards of a picture that was saved as JSON, in order."""
    return [card["name"] for card in json.loads((folder / name).read_text(encoding="utf8"))["cards"]]


def test_without_a_function_an_example_worth_opening(folder, capsys):
    assert main(["draw"]) == 0
    assert capsys.readouterr().out == (
        "loss = mse_loss(mlp(x), y)\n14 nodes · 13 parameters in 4 tensors\nwrote     picture.svg\n"
    )
    assert (folder / "picture.svg").read_text(encoding="utf8").startswith("<svg ")


def test_the_users_function_with_the_names_of_its_variables(folder, capsys):
    assert main(["draw", "model.py:loss", "-o", "loss.json"]) == 0
    assert drawn(folder, "loss.json") == ["x", "W", "t1", "hidden", "target", "error", "t2", "loss"]
    assert capsys.readouterr().out.endswith("wrote     loss.json\n")


def test_arguments_from_the_files_inputs_and_networks(folder, capsys):
    assert main(["draw", "model.py:of_images", "-o", "a.json"]) == 0
    assert drawn(folder, "a.json")[0] == "images"
    assert main(["draw", "model.py:model", "-o", "b.json"]) == 0
    assert drawn(folder, "b.json")[:2] == ["x", "layer1.weight"]
    capsys.readouterr()


def test_options_reach_the_picture(folder, capsys):
    options = ["--focus", "W", "--no-values", "--no-grads", "--direction", "LR", "--saved", "--depth", "1"]
    assert main(["draw", "model.py:loss", *options, "-o", "loss.dot"]) == 0
    source = (folder / "loss.dot").read_text(encoding="utf8")
    assert "rankdir=LR" in source
    assert "saved 48 B" in source
    assert "value" not in source.partition("n0 [")[2]
    assert "only what W comes from and goes into" in capsys.readouterr().out


def test_of_several_results_one_is_chosen(folder, capsys):
    assert main(["draw", "model.py:two"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("tinygrad-edu: two gave 2 Tensors; which one?\n")
    assert "found: ['double'], ['more'][0]" in error
    assert main(["draw", "model.py:two", "--result", "['more'][0]", "-o", "two.json"]) == 0
    assert drawn(folder, "two.json") == ["x", "two"]
    assert main(["draw", "model.py:two", "--result", "[7]"]) == 2
    assert "there is no [7]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["model.py:fails"], "fails of model.py failed: NameError: name 'nothing' is not defined"),
        (["model.py:loss", "-o", "loss.jpg"], "can't tell from its suffix what loss.jpg should be"),
        (["model.py:loss", "--focus", "V"], "focus: 'V' is not in this graph"),
        (["model.py:loss", "--mode", "wants"], "--mode is for the network of a run"),
        (["model.py:loss", "--max-nodes", "2"], "this graph has too many cards to draw: 8"),
        (["nothing.py"], "can't read nothing.py"),
        (["."], ". is not a run"),
        (["nowhere"], "can't read nowhere\n  why:   no such file"),
    ],
)
def test_mistakes_are_one_message(folder, capsys, arguments, text):
    assert main(["draw", *arguments]) == 2
    out, err = capsys.readouterr()
    assert err.startswith(f"tinygrad-edu: {text}")
    assert "Traceback" not in err
    assert out == ""


def test_without_graphviz_png_says_what_works(folder, capsys, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    assert main(["draw", "-o", "loss.png"]) == 3
    assert capsys.readouterr().err.startswith(
        "tinygrad-edu: can't make loss.png: the Graphviz program `dot` isn't on PATH"
    )
    assert (folder / "loss.dot").exists()
    monkeypatch.undo()


def test_a_file_whose_name_is_no_text_in_this_locale(folder, capsys):
    (folder / "m\udcf6.py").write_text(MODEL)
    for number, form in enumerate(("svg", "html", "dot", "json", "txt")):
        assert main(["draw", "m\udcf6.py:loss", "-o", f"{number}.{form}"]) == 0
    assert main(["explore", "m\udcf6.py:loss"]) == 0
    assert r"m\udcf6.py" in (folder / "explore.html").read_text(encoding="utf8")
    capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "fix"),
    [
        (["-o", "loss.jpg"], "-o loss.svg"),
        (["--focus", "V"], '--focus "x", or a Tensor'),
        (["--max-nodes", "2"], "--max-nodes 8 draws them all"),
    ],
)
def test_what_to_do_is_told_in_options(folder, capsys, arguments, fix):
    assert main(["draw", "model.py:loss", *arguments]) == 2
    assert fix in capsys.readouterr().err.partition("fix:")[2]


def test_keywords_of_the_users_own_code_stay_keywords(folder, capsys):
    (folder / "own.py").write_text("def f(x=2.0): raise ValueError('index=(1, 2) and depth=3')\n")
    assert main(["draw", "own.py:f"]) == 2
    assert "index=(1, 2) and depth=3" in capsys.readouterr().err


def test_a_run_is_drawn_as_a_network(folder, capsys):
    assert main(["train", "--epochs", "1", "--quiet", "--output", "run"]) == 0
    capsys.readouterr()
    assert main(["draw", "run"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("784 → 16 → 16 → 10, 13,002 parameters\n")
    assert out.endswith("wrote     network.html\n")
    assert (folder / "network.html").read_text(encoding="utf8").count("<button ") == 10
    assert main(["draw", "run", "--mode", "wants", "-o", "wants.svg"]) == 0
    assert "Mean of 10 samples" in (folder / "wants.svg").read_text(encoding="utf8")
    capsys.readouterr()
    for option in (["--depth", "2"], ["--no-grads"], ["--focus", "layer1"], ["--max-nodes", "9"]):
        assert main(["draw", "run", *option]) == 2
        assert capsys.readouterr().err.startswith(f"tinygrad-edu: {option[0]} has no meaning for the network of a run")
