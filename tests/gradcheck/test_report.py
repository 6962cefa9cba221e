"""The report as text, as data and as HTML."""

import html
import json
import re

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import GradcheckError
from tinygrad_edu.gradcheck import gradcheck
from tinygrad_edu.op import Op

THIRD = Op("third", np.square, vjps=(lambda g, out, x: g * 2 * x * np.array([1.0, 1.0, 3.0]),), listed=False)


def failing(raise_on_failure=False):
    return gradcheck(lambda x: THIRD(x).sum(), [np.array([1.0, 2.0, 3.0])], raise_on_failure=raise_on_failure)


def test_report_prints_as_a_table_and_the_error_has_the_same_text():
    report = failing()
    with pytest.raises(GradcheckError) as caught:
        failing(raise_on_failure=True)
    assert str(caught.value) == str(report)
    assert caught.value.code == "gradcheck-wrong"
    head, columns, row, *remarks = str(report).splitlines()
    assert head == "gradcheck: 3 derivatives compared, 1 wrong"
    assert re.split(r"\s{2,}", columns.strip()) == [
        "input", "shape", "checked", "worst", "analytic", "numeric", "error/tolerance", "verdict",
    ]  # fmt: skip
    cells = re.split(r"\s{2,}", row.strip())
    assert cells[:6] == ["x", "(3,)", "3", "[2]", "18", "6"]
    assert cells[-1] == "wrong (1 of 3)"
    assert remarks[:2] == [
        "  wrong: x[2]",
        "    the gradient says 18, the function itself 6 ± " + remarks[1].partition("± ")[2],
    ]


def test_columns_stand_under_their_headings():
    _, columns, row, *_ = str(failing()).splitlines()
    for heading, cell in (("shape", "(3,)"), ("worst", "[2]"), ("verdict", "wrong (1 of 3)")):
        assert columns.index(heading) == row.index(cell)


def test_report_is_plain_data_too():
    report = gradcheck(lambda x: tg.exp(x).sum(), [np.ones((2, 1))], order=2)
    data = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert data["right"] is True
    assert data["verdict"] == "right"
    assert [row["order"] for row in data["rows"]] == [1, 2, 2]
    assert data["rows"][0]["shape"] == [2, 1]
    assert data["rows"][0]["counts"]["right"] == 2
    assert data["rows"][0]["method"] == "complex step"
    assert data["taylor"] == pytest.approx([2.0, 2.0], abs=0.1)


def test_numbers_that_json_does_not_know_become_words():
    report = gradcheck(tg.sqrt, [0.0], raise_on_failure=False)
    data = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert (data["rows"][0]["analytic"], data["verdict"]) == ("inf", "not differentiable here")


@pytest.mark.parametrize("report", [failing, lambda: gradcheck(lambda x: tg.relu(x).sum(), [np.zeros(2)])])
def test_notebooks_show_the_same_words(report):
    report = report()
    shown = report._repr_html_()
    words = html.unescape(re.sub(r"<[^>]+>", " ", shown)).split()
    assert [word for word in str(report).split() if word not in words] == []
    assert shown.count("<table") == shown.count("</table>") == 1


def test_a_function_that_can_not_be_compared_has_a_report_and_an_html_without_rows():
    report = gradcheck(lambda x: x * np.random.default_rng().normal(), [1.0], raise_on_failure=False)
    assert (report.verdict, report.rows, bool(report)) == ("depends on randomness", (), False)
    assert "<table" not in report._repr_html_()
    assert json.loads(json.dumps(report.to_dict()))["headline"] == report.headline
