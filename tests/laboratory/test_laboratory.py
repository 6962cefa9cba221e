"""Every seeded mistake is found where it is and named; without the mistake nothing is found."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.laboratory.held_out import HELD_OUT
from tinygrad_edu.gradcheck.localise import localise
from tinygrad_edu.laboratory import MISTAKES, PROGRAMS, RULES, examine, grade

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


@pytest.mark.parametrize("seed", SEEDS[1:])
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


def searched(mistake, seed, mistaken):
    return examine(mistake.program(seed, dtype_of(seed), mistaken), seed)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mistake", PROGRAMS, ids=lambda mistake: mistake.name)
def test_a_wrong_program_is_explained_with_its_line(mistake, seed):
    found = searched(mistake, seed, mistaken=True)
    assert found.culprits == ()
    assert {cause.name for cause in found.causes} == mistake.says
    assert {cause.site for cause in found.causes} <= set(mistake.sites)
    assert all(cause.confident for cause in found.causes)
    assert "every rule that was tried is right, so the fault lies outside them" in found.explanation
    assert found.causes[0].site in found.explanation


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mistake", PROGRAMS, ids=lambda mistake: mistake.name)
def test_the_right_program_raises_no_alarm(mistake, seed):
    found = searched(mistake, seed, mistaken=False)
    assert found
    assert found.causes == ()
    assert "constants and branches: none" in found.explanation


@pytest.mark.parametrize("mistake", [*RULES, *PROGRAMS], ids=lambda mistake: mistake.name)
def test_a_learner_s_answer_is_graded(mistake):
    if mistake in PROGRAMS:
        assert not grade(mistake, mistake.source)
        assert grade(mistake, mistake.correction)
    else:
        names = {**tg.laboratory.mistake.VOCABULARY}
        rules = mistake.correction.partition("vjps=(\n")[2].splitlines()
        answer = eval(rules[mistake.position].strip().rstrip(","), names)
        assert not grade(mistake)
        assert grade(mistake, answer)


@pytest.mark.parametrize("mistake", HELD_OUT, ids=lambda mistake: mistake.name)
def test_a_held_out_mistake_is_localised_and_never_named_wrongly_with_confidence(mistake):
    for seed in SEEDS:
        found = localised(mistake, seed)
        if not found.culprits and mistake.name in {"mean-of-other-axis", "sort-not-undone"}:
            continue  # with equal sides, or numbers in order, the rule happens to be right
        assert [(culprit.op, culprit.position) for culprit in found.culprits] == [(mistake.op_name, mistake.position)]
        diagnosis = found.culprits[0].diagnosis
        assert diagnosis is None or not diagnosis.confident or diagnosis.name in mistake.says


@pytest.mark.parametrize("mistake", [*RULES, *PROGRAMS], ids=lambda mistake: mistake.name)
def test_gradcheck_tells_a_learner_what_to_mend(mistake):
    program = mistake.program(0)
    report = tg.gradcheck(program.f, list(program.inputs), raise_on_failure=False)
    if mistake.name == "rounded-to-float32":
        assert report  # within the tolerance of a check by default
        return
    assert not report
    if report.verdict == "depends on randomness":
        return
    blamed = [culprit.diagnosis for culprit in report.localisation.culprits] + [*report.localisation.causes]
    assert [diagnosis.name in mistake.says for diagnosis in blamed] == [True]
    assert f"{blamed[0].name}: {blamed[0].sentence}" in str(report)
    assert f"fix: {blamed[0].fix}" in str(report)
