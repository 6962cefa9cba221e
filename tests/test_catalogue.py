"""The error catalogue is whole, true, and the one that is packaged: every entry is run."""

import ast
import re
import textwrap
from pathlib import Path

import pytest

import tinygrad_edu
from tests.catalogue import CATALOGUE, MISTAKES, message
from tests.catalogue.__main__ import DOCS, PAGES
from tinygrad_edu import interop
from tinygrad_edu.gradcheck import report
from tinygrad_edu.op import REGISTRY
from tinygrad_edu.refusal import CODES

PACKAGE = Path(tinygrad_edu.__file__).parent


def codes_of_the_package():
    """All codes that errors can have: those written out, those of NumPy's refusals, those of gradcheck's verdicts."""
    trees = [ast.parse(file.read_text(encoding="utf8")) for file in PACKAGE.rglob("*.py")]
    keywords = [k for tree in trees for call in ast.walk(tree) if isinstance(call, ast.Call) for k in call.keywords]
    written = {k.value.value for k in keywords if k.arg == "code" and isinstance(k.value, ast.Constant)}
    bad = (report.INACCURATE, report.NOT_DIFFERENTIABLE, report.WRONG, report.RANDOM, report.MUTATES)
    return (
        {code for code in written if isinstance(code, str)} | CODES | {f"gradcheck-{v.replace(' ', '-')}" for v in bad}
    )


def test_every_code_has_an_entry_and_every_entry_a_code():
    known = codes_of_the_package()
    assert sorted(known - set(MISTAKES)) == [], "add a block to tests/catalogue/: see its first lines"
    assert sorted(set(MISTAKES) - known) == [], "no error has these codes any more"
    assert len(MISTAKES) == sum(len(part.mistakes) for part in CATALOGUE), "a code has two entries"


@pytest.mark.parametrize("code", MISTAKES)
def test_the_wrong_program_makes_the_mistake_and_the_right_one_does_not(code):
    entry = MISTAKES[code]
    found, text = message(entry.wrong, entry.before)
    assert found == code
    what, *rows = text.splitlines()
    assert len(what) > 15
    assert rows[-1].split() == ["code:", code]
    assert message(entry.right, entry.before) == ("", "")


# Errors that tell of a file, a picture or a table of numbers and not of a line: who draws and reads knows no programs.
ELSEWHERE = {
    "picture-too-large", "graphviz-not-found", "graphviz-failed", "no-such-file", "no-such-folder", "file-not-readable",
    "file-not-writable", "damaged-file", "no-whole-model", "mnist-incomplete", "download-failed",
    "bundled-data-missing", "which-function", "no-such-function", "no-arguments", "user-code-syntax",
    "user-code-failed", "nan-or-inf", "labels-not-whole-numbers", "wrong-file-type", "no-input", "no-target",
    "count-does-not-match",
}  # fmt: skip
IN_A_MODULE = """\
class Model(tg.nn.Module):
    def forward(self, _):
{program}
        return tg.ones(1)

Model()(tg.ones(1))
"""


TOLD = [
    code
    for code, entry in MISTAKES.items()
    if not (entry.wrong.startswith("$ ") or code in ELSEWHERE or code.startswith("gradcheck-"))
]


@pytest.mark.parametrize("code", TOLD)
def test_inside_a_module_the_mistake_has_the_same_code_and_the_line_is_the_learners(code):
    entry = MISTAKES[code]
    program = IN_A_MODULE.format(program=textwrap.indent(entry.wrong, " " * 8))
    found, text = message(program, entry.before)
    assert found == code
    last = len(program.splitlines()) - 3
    (where,) = re.findall(r"^ +where: +program\.py:(\d+)", text, flags=re.MULTILINE)
    assert 3 <= int(where) < last


def test_what_goes_wrong_stands_in_no_message_as_an_address_or_a_path_of_this_machine():
    for code, entry in MISTAKES.items():
        text = message(entry.wrong, entry.before)[1]
        assert "0x" not in text, code
        assert str(PACKAGE) not in text, code


@pytest.mark.parametrize("name", PAGES)
def test_the_page_that_is_packaged_is_the_generated_one(name):
    assert (DOCS / name).read_text(encoding="utf8") == PAGES[name](), "python -m tests.catalogue writes it anew"


def test_the_page_of_ops_has_every_row_and_every_numpy_function():
    text = PAGES["ops.md"]()
    assert [op.name for op in REGISTRY.values() if not op.custom and f"| `{op.name}` |" not in text] == []
    served = [f for f in interop.COMPOSITIONS if not f"{getattr(f, '__module__', 'numpy')}".startswith("scipy")]
    assert [f.__name__ for f in served if f".{f.__name__}`" not in text] == []
