"""Every seeded mistake is found where it is and named; without the mistake nothing is found."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.laboratory.held_out import HELD_OUT
from tinygrad_edu.gradcheck.localise import localise
from tinygrad_edu.laboratory import MISTAKES, RULES

SEEDS = (0, 1, 2)


def dtype_of(seed):
    return np.float32 if seed % 2 else np.float64


def localised(mistake, seed, mistaken=True):
    output, _ = mistake.program(seed, dtype_of(seed), mistaken).run()
    return localise(output, np.ones(output.shape), np.random.default_rng(seed))


def test_the_laboratory_is_large_and_its_names_are_unique():
    assert len(RULES) >= 40
    assert len(MISTAKES) == len({mistake.name.replace("-", "_") for mistake in MISTAKES.values()})


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mistake", RULES, ids=lambda mistake: mistake.name)
def test_a_wrong_rule_is_localised_and_named(mistake, seed):
    found = localised(mistake, seed)
    assert [(culprit.op, culprit.position) for culprit in found.culprits] == [(mistake.op_name, mistake.position)]
    (culprit,) = found.culprits
    assert culprit.module == "middle"
    assert culprit.site.startswith("mistake.py:")
    assert culprit.diagnosis.name in mistake.says
    assert culprit.diagnosis.confident
    assert f"{culprit.op}, argument {culprit.argument}" in found.explanation
    assert culprit.diagnosis.fix in found.explanation


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mistake", RULES, ids=lambda mistake: mistake.name)
def test_the_right_rule_raises_no_alarm(mistake, seed):
    found = localised(mistake, seed, mistaken=False)
    assert {finding.verdict for finding in found.findings} == {"right"}
    assert found.culprits == ()


@pytest.mark.parametrize("mistake", RULES, ids=lambda mistake: mistake.name)
def test_what_the_learner_sees_is_the_op_that_is_checked(mistake):
    names = {"np": np, "tg": tg, **tg.laboratory.mistake.VOCABULARY}
    for mistaken, source in ((True, mistake.source), (False, mistake.correction)):
        names.pop(mistake.op_name, None)
        exec(source, names)
        shown = names[mistake.op_name]
        made = mistake.op(mistaken)
        assert (shown.name, shown.kind, shown.arity) == (made.name, made.kind, made.arity)
        assert [rule is None for rule in shown.vjps] == [rule is None for rule in made.vjps]
        assert shown.vjps[mistake.position] is None or (
            shown.vjps[mistake.position].__code__.co_code == made.vjps[mistake.position].__code__.co_code
        )
    assert mistake.source != mistake.correction


@pytest.mark.parametrize("mistake", HELD_OUT, ids=lambda mistake: mistake.name)
def test_a_held_out_mistake_is_localised_and_never_named_wrongly_with_confidence(mistake):
    for seed in SEEDS:
        found = localised(mistake, seed)
        if not found.culprits and mistake.name in {"mean-of-other-axis", "sort-not-undone"}:
            continue  # with equal sides, or numbers in order, the rule happens to be right
        assert [(culprit.op, culprit.position) for culprit in found.culprits] == [(mistake.op_name, mistake.position)]
        diagnosis = found.culprits[0].diagnosis
        assert diagnosis is None or not diagnosis.confident or diagnosis.name in mistake.says
