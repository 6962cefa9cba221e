"""What a module can never do is refused when it is made, where the mistake is, and not when it is called."""

import inspect

import numpy as np
import pytest

from tests.nn.test_files import BUILT
from tinygrad_edu import nn
from tinygrad_edu.errors import DataError, DtypeError, ShapeError, TinygradError
from tinygrad_edu.nn import files, losses

WRONG = [0, -1, 1.5, "x", (1, 2, 3, 4, 5), [], float("nan"), object()]
OF_SETTINGS = {"not-a-number", "not-a-whole-number", "numbers-per-axis", "unknown-choice", "wrong-arguments"}
LOSSES = [c for c in vars(losses).values() if isinstance(c, type) and c.__module__ == losses.__name__]


def result_or_refusal(call, *data):
    try:
        with np.errstate(all="ignore"):
            return call(*data)
    except TinygradError as error:
        return error


@pytest.mark.parametrize("name", files.LAYERS)
def test_a_wrong_setting_is_refused_at_once_or_not_at_all(name):
    make, data = BUILT[name]
    settings, layer = make().settings(), files.LAYERS[name]
    usual = {key: settings[key] for key in inspect.signature(layer).parameters if key in settings}
    for key in usual.keys() - {"dtype"}:
        for value in WRONG:
            made = result_or_refusal(lambda key=key, value=value: layer(**{**usual, key: value}))
            if isinstance(made, TinygradError):
                assert "test_settings.py:" in str(made), (key, value)
                continue
            result = result_or_refusal(made, *(data if isinstance(data, tuple) else (data,)))
            assert getattr(result, "code", None) not in OF_SETTINGS, (key, value, str(result))


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_refuses_a_reduction_that_there_is_not_when_it_is_made(loss):
    loss()
    with pytest.raises(DataError, match="no reduction is called 'average'"):
        loss(reduction="average")


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: nn.GroupNorm(3, 10), ShapeError, "GroupNorm: 10 channels can't be split into 3 groups"),
        (lambda: nn.LayerNorm(()), DataError, "normalized_shape is empty"),
        (lambda: nn.CrossEntropyLoss(label_smoothing=2), DataError, "label_smoothing must be from 0 to 1, not 2"),
        (lambda: nn.HuberLoss(delta=-1), DataError, "delta must be"),
        (lambda: nn.CELU(0), DataError, "celu: alpha must be above 0, not 0"),
        (lambda: nn.Hardtanh(1, 0), DataError, "min_val 1 must be less than max_val 0"),
        (lambda: nn.RReLU(0.5, 0.25), DataError, "lower 0.5 must not be above upper 0.25"),
        (lambda: nn.Unfold(0), DataError, "kernel_size must be at least 1, not 0"),
        (lambda: nn.Embedding(3, 2, padding_idx=1.5), DtypeError, "padding_idx must be a whole number, not 1.5"),
        (lambda: nn.Linear(2, 2, init=[]), DataError, r"no initialiser is called \[\]"),
        (lambda: nn.Flatten(None), DtypeError, "start_axis must be a whole number, not None"),
        (lambda: nn.Unflatten(1, "ab"), DtypeError, "sizes must be a whole number, not 'ab'"),
    ],
)
def test_the_refusal_names_the_setting_and_the_line(make, error, text):
    with pytest.raises(error, match=text) as caught:
        make()
    assert "test_settings.py:" in str(caught.value)


def test_a_function_of_the_users_is_not_called_when_a_module_is_made():
    calls = []
    nn.TripletMarginWithDistanceLoss(distance_function=lambda a, b: calls.append(1))
    assert not calls


def test_settings_that_only_some_data_fit_are_taken():
    assert nn.Upsample(scale_factor=0.01)(np.ones((1, 1, 200))).shape == (1, 1, 2)
    assert nn.Fold(5, 2)(np.ones((4, 16))).shape == (1, 5, 5)
    assert nn.Softmax(axis=6)(np.ones((1,) * 7)).shape == (1,) * 7
    assert nn.LPPool2d(2, 9)(np.ones((1, 9, 9))).item() == 9
