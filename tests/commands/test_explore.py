"""`tinygrad-edu explore` and `explain`: the user's function, or an example; what they print and where the page is."""

import subprocess
import sys
from pathlib import Path

import pytest

import tinygrad_edu
from tinygrad_edu.cli import main

MODEL = """\
import numpy as np
import tinygrad_edu as tg


def cost(w=2.0, x=np.array([1.0, 3.0])):
    y = w * x
    return ((y - 1.0) ** 2).sum()


def two(x=2.0):
    return {"double": x * 2, "square": x * x}


def wide(x=np.ones(3)):
    return x * 2
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "_target_model", raising=False)
    (tmp_path / "model.py").write_text(MODEL)
    yield tmp_path
    sys.modules.pop("_target_model", None)


def output(capsys, *arguments, status=0):
    assert main(list(arguments)) == status
    printed = capsys.readouterr()
    return printed.err if status else printed.out


# --- explore -------------------------------------------------------------------------------------------------------


def test_explore_alone_makes_a_page_and_says_where_it_is(folder, capsys, open_page):
    path = folder / "explore.html"
    assert output(capsys, "explore") == (
        f"loss = mse_loss(mlp(x), y)   (17 steps)\nwrote     explore.html\nopen      {path.as_uri()}\n"
    )
    page = open_page(path)
    page.keyboard.press("End")
    assert page.inner_text("#count") == "step 17 / 17"
    assert page.locator(".eq.on").count() == 1


def test_explore_takes_the_user_s_function_with_its_names_and_lines(folder, capsys, open_page):
    text = output(capsys, "explore", "model.py:cost", "-o", "cost.html", "--direction", "LR")
    assert text.startswith("cost = sum((w · x − 1)²)   (9 steps)\n")
    page = open_page(folder / "cost.html")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#say") == "Forward: y = w · x is computed."
    assert "model.py:6" in page.inner_text("#why")
    assert "y = w * x" in page.inner_text("#why")


def test_of_several_results_one_is_chosen(folder, capsys):
    assert "--result \"['double']\"" in output(capsys, "explore", "model.py:two", status=2)
    assert output(capsys, "explore", "model.py:two", "--result", "['square']").startswith("two = x · x ")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["model.py:wide"], "a gradient is explained for one number"),
        (["model.py:nothing"], "nothing is not in model.py"),
        (["none.py:f"], "can't read none.py"),
        (["-o", "no/folder/page.html"], "there is no folder"),
        (["model.py:cost", "--max-nodes", "2"], "too many cards"),
        (["-o", "page.svg"], "a page can't be written as page.svg"),
    ],
)
def test_explore_refuses_with_a_message_and_no_traceback(folder, capsys, arguments, text):
    message = output(capsys, "explore", *arguments, status=2)
    assert message.startswith("tinygrad-edu: ")
    assert text in message
    assert "Traceback" not in message


# --- explain -------------------------------------------------------------------------------------------------------


def test_explain_alone_tells_an_example(folder, capsys):
    text = output(capsys, "explain")
    assert text.startswith("∂loss/∂layer1.weight = ")
    assert "t3 = tanh(t2)             ∂loss/∂t2 = g ⊙ (1 − t3²)" in text
    assert text.count(": one path") == 4


def test_explain_one_number_of_one_tensor(folder, capsys):
    text = output(capsys, "explain", "--wrt", "layer1.weight", "--index", "1,2")
    assert "= x[0, 1] · (1 − t3[0, 2]²) · layer2.weight[2, 0] · (2 · t6)" in text


def test_explain_the_user_s_function_in_words_and_in_latex(folder, capsys):
    text = output(capsys, "explain", "model.py:cost", "--wrt", "w", "--paths", "1")
    assert text.startswith("∂cost/∂w = 32: one path")
    assert "y = w · x        ∂cost/∂w = sum(g ⊙ x, axis=0)       = 32" in text
    latex = output(capsys, "explain", "model.py:cost", "--wrt", "w", "--latex")
    assert latex.startswith("\\begin{aligned}\n\\frac{\\partial \\mathrm{cost}}")


def test_explain_the_order(folder, capsys):
    assert output(capsys, "explain", "model.py:cost", "--order").startswith("Backward goes through the cards against")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--index", "1"], "--index needs --wrt"),
        (["--order", "--latex"], "--latex has no meaning for --order"),
        (["--order", "--wrt", "x"], "--wrt has no meaning for --order"),
        (["--wrt", "nobody"], "no card is called 'nobody'"),
        (["--wrt", "layer1.weight", "--index", "0"], "such as --index 1,2\n"),
        (["model.py:wide"], "a gradient is explained for one number"),
    ],
)
def test_explain_refuses_with_a_message_and_no_traceback(folder, capsys, arguments, text):
    message = output(capsys, "explain", *arguments, status=2)
    assert text in message
    assert "Traceback" not in message


def test_an_error_names_no_line_where_none_is_the_user_s(folder):
    command = [sys.executable, "-m", "tinygrad_edu", "explain", "--wrt", "nobody"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=Path(tinygrad_edu.__file__).parents[1])
    assert run.returncode == 2
    assert run.stderr.startswith("tinygrad-edu: no card is called 'nobody'\n  known: x, layer1.weight, ")
    assert "where:" not in run.stderr


def test_an_index_must_be_whole_numbers(folder, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["explain", "--wrt", "x", "--index", "a"])
    assert stopped.value.code == 2
    assert "must be whole numbers with commas" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["explore", "explain"])
def test_the_help_shows_an_example(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    assert f"examples:\n  tinygrad-edu {command}\n" in capsys.readouterr().out
