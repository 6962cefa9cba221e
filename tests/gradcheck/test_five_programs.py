"""The five broken programs of `examples/gradient_check.py`: each report names what a learner has to change."""

import json
import runpy
from pathlib import Path

import pytest

from tinygrad_edu.op import REGISTRY

EXAMPLE = Path(__file__).parents[2] / "examples" / "gradient_check.py"
LINES = EXAMPLE.read_text(encoding="utf8").splitlines()


def line_of(text):
    """`gradient_check.py:31`, where the example's only line with this text stands."""
    (number,) = [number for number, line in enumerate(LINES, 1) if text in line]
    return f"gradient_check.py:{number}"


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("five")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        runpy.run_path(str(EXAMPLE))
    del REGISTRY["swish"]
    return json.loads((folder / "gradient_check.json").read_text(encoding="utf8"))


def words(report):
    return " ".join(
        [report["headline"], report["explanation"], *(row["remark"] for row in report["rows"]), *report["notes"]]
    )


@pytest.mark.parametrize(
    ("program", "verdict", "said"),
    [
        ("a wrong op", "wrong", ["the rule of swish", line_of("hidden = swish"), "one-path-only", "product rule"]),
        ("a detached branch", "wrong", ["detached-branch", line_of("largest = h.detach()")]),
        ("float32 noise", "right", [f"digits are lost at {line_of('millikelvin.mean() ** 2')}", "cancel there"]),
        ("a kink", "kink", ["h[0, 1] and 7 more elements", line_of("h = tg.relu"), "any slope in [0, 1]", "uses 0"]),
        ("a random function", "depends on randomness", ["np.random", "default_rng(0)"]),
    ],
)  # fmt: skip
def test_report_names_what_has_to_be_changed(printed, program, verdict, said):
    report = printed[program]
    assert report["verdict"] == verdict
    assert [text for text in said if text not in words(report)] == []


def test_only_the_parameters_before_the_wrong_op_are_wrong(printed):
    verdicts = {row["input"]: row["verdict"] for row in printed["a wrong op"]["rows"]}
    assert verdicts == {
        "layer1.weight": "wrong",
        "layer1.bias": "wrong",
        "layer2.weight": "right",
        "layer2.bias": "right",
    }


def test_the_noisy_float32_gradient_is_right_in_float64(printed):
    (row,) = printed["float32 noise"]["rows"]
    assert row["verdict"] == "right"
    assert row["float32"] > 0.01
