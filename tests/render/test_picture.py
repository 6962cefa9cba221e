"""Pictures save and show themselves; without Graphviz they say exactly what to do."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tinygrad_edu as tg
from tests.graphs import draw_with_names, leaf, mlp_with_mse, needs_dot, scalars
from tinygrad_edu.errors import FileError, FileNotFound, GraphvizNotFound
from tinygrad_edu.render import graphviz as through_graphviz
from tinygrad_edu.render.draw import draw
from tinygrad_edu.render.graphviz import GraphvizError
from tinygrad_edu.render.picture import DrawingError

ROOT = Path(tg.__file__).parent


@pytest.fixture
def picture():
    return draw_with_names(*mlp_with_mse())


@pytest.fixture
def no_graphviz(monkeypatch):
    """A machine without the program `dot` and without pygraphviz."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(through_graphviz.importlib.util, "find_spec", lambda name: None)


@pytest.fixture
def script(tmp_path, monkeypatch):
    """Put a program `dot` of the test's own on PATH."""

    def write(body):
        program = tmp_path / "bin" / "dot"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    return write


# --- without Graphviz --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".dot", ".gv", ".DOT"])
def test_dot_needs_nothing(picture, suffix, tmp_path, no_graphviz):
    path = picture.save(tmp_path / f"loss{suffix}")
    assert path == tmp_path / f"loss{suffix}"
    assert path.read_text(encoding="utf8") == picture.to_dot()
    assert os.listdir(tmp_path) == [path.name]


def test_text_needs_nothing(picture, tmp_path, no_graphviz, capsys):
    assert picture.save(str(tmp_path / "loss.txt")).read_text(encoding="utf8") == f"{picture}\n"
    print(picture)
    assert capsys.readouterr().out == f"{picture}\n"
    assert repr(picture) == str(picture)
    assert str(picture).startswith("loss = mse_loss(fakemodule(x), y)\n14 nodes")


def test_without_graphviz_the_error_says_what_works_and_the_dot_is_kept(picture, tmp_path, monkeypatch, no_graphviz):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GraphvizNotFound) as caught:
        picture.save("loss.png")
    assert (
        str(caught.value)
        == """\
can't make loss.png: the Graphviz program `dot` isn't on PATH, and pygraphviz isn't installed.
(The Python package `graphviz` only talks to that program; it doesn't contain it.)
  kept:            loss.dot   (the same picture as text; https://viz-js.com or any Graphviz draws it)
  works right now: g.save("loss.svg") or g.save("loss.html"), drawn in Python
  to get PNG/PDF:  pip install pygraphviz     or   apt install graphviz | brew install graphviz |
                   winget install Graphviz.Graphviz | conda install graphviz
  code:            graphviz-not-found"""
    )
    assert (caught.value.__cause__, caught.value.__suppress_context__) == (None, True)
    assert Path("loss.dot").read_text(encoding="utf8") == picture.to_dot()
    assert os.listdir(tmp_path) == ["loss.dot"]


@pytest.mark.parametrize(("suffix", "engine"), [(".svg", "dot"), (".pdf", None)])
def test_what_graphviz_renders_needs_it(picture, suffix, engine, tmp_path, no_graphviz):
    with pytest.raises(GraphvizNotFound):
        picture.save(tmp_path / f"loss{suffix}", engine)


def test_svg_needs_nothing_and_neither_do_notebooks(picture, tmp_path, no_graphviz):
    content = picture.save(tmp_path / "loss.svg").read_text(encoding="utf8")
    assert content.startswith("<svg ")
    assert picture._repr_mimebundle_(include=None, exclude=None) == {
        "image/svg+xml": content, "text/plain": str(picture),
    }  # fmt: skip
    assert os.listdir(tmp_path) == ["loss.svg"]


def test_importing_and_drawing_import_no_graphviz_package():
    code = (
        "import sys, tinygrad_edu as tg; x = tg.Tensor(2.0, requires_grad=True); tg.draw(x * x).to_dot();"
        "print({'graphviz', 'pygraphviz', 'matplotlib'} & set(sys.modules))"
    )
    assert run(code) == "set()\n"


# --- with it -------------------------------------------------------------------------------------------------------


@needs_dot
@pytest.mark.parametrize(("suffix", "start"), [(".svg", b"<?xml"), (".png", b"\x89PNG"), (".pdf", b"%PDF")])
def test_graphviz_renders_by_suffix(picture, suffix, start, tmp_path):
    path = picture.save(tmp_path / f"loss{suffix}", engine="dot")
    assert path.read_bytes().startswith(start)
    assert os.listdir(tmp_path) == [path.name]


@needs_dot
def test_png_has_144_dots_per_inch(picture, tmp_path):
    content = picture.save(tmp_path / "loss.png").read_bytes()
    width = int.from_bytes(content[16:20], "big")
    plain = subprocess.run(["dot", "-Tplain"], input=picture.to_dot().encode(), capture_output=True, check=True).stdout
    assert width == pytest.approx((float(plain.split()[2]) + 0.3) * 144, abs=3)


@needs_dot
def test_a_digraph_renders_the_same_picture(picture):
    digraph = picture.to_graphviz()
    assert digraph.pipe("svg") == through_graphviz.render(picture.to_dot(), "svg")
    digraph.node("more")
    assert "more" in digraph.source


def test_a_digraph_holds_the_same_statements(picture):
    statements = [line.strip() for line in picture.to_dot().splitlines()]
    assert [line.strip() for line in picture.to_graphviz().source.splitlines()] == [
        statements[0].replace('"', ""), *statements[1:]
    ]  # fmt: skip


def test_a_failing_dot_is_quoted_and_writes_nothing(picture, script, tmp_path):
    script("echo 'Error: no layout' >&2; exit 1")
    with pytest.raises(GraphvizError) as caught:
        picture.save(tmp_path / "loss.svg", engine="dot")
    assert (
        str(caught.value) == "dot couldn't draw this picture as SVG\n  why:  Error: no layout\n  code: graphviz-failed"
    )
    assert not (tmp_path / "loss.svg").exists()


def test_a_dot_that_hangs_is_ended(picture, script, tmp_path, monkeypatch):
    monkeypatch.setattr(through_graphviz, "SECONDS", 0.1)
    script("exec /bin/sleep 5")
    with pytest.raises(
        GraphvizError, match=r"dot needs more than 0.1 s for this picture\n  fix:  depth=1 closes modules"
    ):
        picture.save(tmp_path / "loss.svg", engine="dot")


def test_dot_is_looked_for_when_a_picture_is_made(picture, script, tmp_path, monkeypatch):
    script('echo "made by $1 $2"')
    assert picture.save(tmp_path / "loss.png").read_text() == "made by -Tpng -Gdpi=144\n"


# --- files ---------------------------------------------------------------------------------------------------------


def test_unknown_suffixes_list_the_known_ones(picture, tmp_path):
    with pytest.raises(DrawingError) as caught:
        picture.save("loss.jpg")
    assert str(caught.value) == (
        "can't tell from its suffix what loss.jpg should be\n"
        "  known: .svg .html .dot .gv .mmd .json .txt .png .pdf\n"
        '  fix:   picture.save("loss.svg")\n'
        "  code:  wrong-file-type"
    )
    with pytest.raises(ValueError, match="suffix"):
        picture.save(tmp_path / "loss")


def test_a_folder_that_is_not_there(picture, tmp_path):
    with pytest.raises(FileNotFound, match="there is no folder"):
        picture.save(tmp_path / "nowhere" / "loss.dot")


def test_a_folder_that_is_a_file_and_a_file_that_is_a_folder(picture, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="can't write"):
        picture.save(tmp_path / "file" / "loss.dot")
    (tmp_path / "folder.dot").mkdir()
    with pytest.raises(FileError, match="can't write"):
        picture.save(tmp_path / "folder.dot")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.dot"]


def test_an_old_file_is_replaced_whole(picture, tmp_path):
    (tmp_path / "loss.dot").write_text("old" * 100_000)
    assert picture.save(tmp_path / "loss.dot").read_text(encoding="utf8") == picture.to_dot()


# --- the same everywhere ---------------------------------------------------------------------------------------------


def run(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        cwd=ROOT.parent,
        env={**os.environ, "PYTHONIOENCODING": "utf8", **environment},
    )
    return done.stdout.decode()


def test_bytes_do_not_depend_on_hashing():
    code = (
        "from tests.graphs import mlp_with_mse, blocks; import tinygrad_edu as tg\n"
        "for loss, names in (mlp_with_mse(), (blocks(3), None), (blocks(20), None)):\n"
        "    picture = tg.draw(loss, names=names); print(picture); print(picture.to_dot()); print(picture.to_svg())"
    )
    assert len({run(code, PYTHONHASHSEED=seed) for seed in ("0", "1", "77")}) == 1


def test_equal_programs_give_equal_bytes():
    for graph in (mlp_with_mse, scalars):
        first, second = draw_with_names(*graph()), draw_with_names(*graph())
        assert (first.to_dot(), first.to_svg()) == (second.to_dot(), second.to_svg())


def test_a_picture_stays_what_it_was():
    x = leaf([1.0, 2.0], "x")
    picture = draw((x * x).sum())
    before = picture.to_dot()
    with tg.no_grad():
        x += 1
    assert picture.to_dot() == before


FORBIDDEN = {"tensor", "autodiff", "node", "nn", "optim", "transforms"}


@pytest.mark.parametrize("path", sorted((ROOT / "render").glob("*.py")), ids=lambda path: path.name)
def test_drawings_read_graphs_only(path):
    tree = ast.parse(path.read_text(encoding="utf8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {module for module in imported if module.split(".")[1:2] and module.split(".")[1] in FORBIDDEN}
