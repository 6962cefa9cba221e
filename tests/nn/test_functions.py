"""Activations and losses as modules are their functions, with the same settings, order and defaults."""

import inspect

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.witness import assert_derivatives
from tinygrad_edu import functional as F
from tinygrad_edu import nn
from tinygrad_edu.errors import DtypeError, ShapeError
from tinygrad_edu.nn.functions import FunctionModule

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(2, 4, 6))
INSIDE, LABELS, SIGNS = RNG.random((2, 4, 6)), RNG.integers(0, 6, 4), np.where(Y > 0, 1, -1)

ACTIVATIONS = {
    "CELU": F.celu, "ELU": F.elu, "GELU": F.gelu, "GLU": F.glu, "Hardshrink": F.hardshrink,
    "Hardsigmoid": F.hardsigmoid, "Hardswish": F.hardswish, "Hardtanh": F.hardtanh, "LeakyReLU": F.leaky_relu,
    "LogSigmoid": F.logsigmoid, "LogSoftmax": F.log_softmax, "Mish": F.mish, "ReLU": F.relu, "ReLU6": F.relu6,
    "SELU": F.selu, "Sigmoid": F.sigmoid, "SiLU": F.silu, "Softmax": F.softmax, "Softmin": F.softmin,
    "Softplus": F.softplus, "Softshrink": F.softshrink, "Softsign": F.softsign, "Tanh": F.tanh,
    "Tanhshrink": F.tanhshrink, "Threshold": F.threshold,
}  # fmt: skip
LOSSES = {
    "CTCLoss": (
        F.ctc_loss,
        (np.log(RNG.dirichlet(np.ones(3), (4, 2))), np.array([1, 2, 1]), np.array([4, 3]), np.array([2, 1])),
    ),
    "MultiLabelMarginLoss": (F.multilabel_margin_loss, (X, np.stack([LABELS, -LABELS * 0 - 1] * 3, axis=1))),
    "TripletMarginWithDistanceLoss": (F.triplet_margin_with_distance_loss, (X, Y, X - 2 * Y)),
    "BCELoss": (F.binary_cross_entropy, INSIDE),
    "BCEWithLogitsLoss": (F.binary_cross_entropy_with_logits, (X, INSIDE[0])),
    "CosineEmbeddingLoss": (F.cosine_embedding_loss, (X, Y, SIGNS[:, 0])),
    "CrossEntropyLoss": (F.cross_entropy, (X, LABELS)),
    "GaussianNLLLoss": (F.gaussian_nll_loss, (X, Y, INSIDE[0])),
    "HingeEmbeddingLoss": (F.hinge_embedding_loss, (X, SIGNS)),
    "HuberLoss": (F.huber_loss, (X, Y)),
    "KLDivLoss": (F.kl_div, (X, INSIDE[0])),
    "L1Loss": (F.l1_loss, (X, Y)),
    "MarginRankingLoss": (F.margin_ranking_loss, (X, Y, SIGNS)),
    "MSELoss": (F.mse_loss, (X, Y)),
    "MultiLabelSoftMarginLoss": (F.multilabel_soft_margin_loss, (X, INSIDE[0])),
    "MultiMarginLoss": (F.multi_margin_loss, (X, LABELS)),
    "NLLLoss": (F.nll_loss, (X, LABELS)),
    "PoissonNLLLoss": (F.poisson_nll_loss, (X, INSIDE[0])),
    "SmoothL1Loss": (F.smooth_l1_loss, (X, Y)),
    "SoftMarginLoss": (F.soft_margin_loss, (X, SIGNS)),
    "TripletMarginLoss": (F.triplet_margin_loss, (X, Y, X - 2 * Y)),
}
OTHER = {  # settings that are not the usual ones
    "CELU": (2.0,), "ELU": (0.5,), "GELU": ("tanh",), "GLU": (0,), "Hardshrink": (0.2,), "Hardtanh": (-0.5, 0.7),
    "LeakyReLU": (0.3,), "LogSoftmax": (0,), "Softmax": (0,), "Softmin": (0,), "Softplus": (2.0, 1.0),
    "Softshrink": (0.2,), "Threshold": (0.1, -3.0),
}  # fmt: skip


def test_every_module_of_a_function_is_tested_here_and_public():
    modules = [*vars(nn.functions).values(), *vars(nn.losses).values()]
    known = {m.__name__ for m in modules if isinstance(m, type) and issubclass(m, FunctionModule)}
    assert known - {"FunctionModule"} == ACTIVATIONS.keys() | LOSSES.keys() | {"CosineSimilarity", "PairwiseDistance"}
    assert known - {"FunctionModule"} <= set(nn.__all__)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_its_function_with_the_settings_it_was_given(name):
    made, function, settings = getattr(nn, name), ACTIVATIONS[name], OTHER.get(name, ())
    layer = made(*settings)
    np.testing.assert_array_equal(layer(X).numpy(), function(X, *settings).numpy())
    if name != "Threshold":
        np.testing.assert_array_equal(made()(X).numpy(), function(X).numpy())
    takes = list(inspect.signature(function).parameters.values())[1:]
    assert list(inspect.signature(made).parameters.values()) == takes
    assert made(**layer.settings()).settings() == layer.settings()
    assert layer.parameters() == []
    assert layer._label().startswith(name)
    assert all(str(value) in layer._label() for value in settings)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_loss_is_its_function_of_the_data_of_the_call(name, reduction):
    made, (function, data) = getattr(nn, name), LOSSES[name]
    expected = function(*data, reduction=reduction).numpy()
    np.testing.assert_array_equal(made(reduction=reduction)(*data).numpy(), expected)
    tensors = [tg.Tensor(a, requires_grad=True) if a.dtype.kind == "f" else a for a in data]
    made()(*tensors).backward()
    assert tensors[0].grad.shape == data[0].shape


def test_likeness_and_distance_are_their_functions():
    np.testing.assert_array_equal(nn.CosineSimilarity(0, 0.5)(X, Y).numpy(), F.cosine_similarity(X, Y, 0, 0.5).numpy())
    found = nn.PairwiseDistance(1.0, keepdims=True)(X, Y)
    np.testing.assert_array_equal(found.numpy(), F.pairwise_distance(X, Y, 1.0, keepdims=True).numpy())


def test_weights_of_classes_are_kept_as_they_were_given():
    weight = tg.Tensor(np.arange(1.0, 7.0))
    loss = nn.CrossEntropyLoss(weight, label_smoothing=0.1)
    expected = F.cross_entropy(X, LABELS, np.arange(1.0, 7.0), label_smoothing=0.1)
    assert loss(X, LABELS).item() == expected.item()
    assert loss.parameters() == []
    assert loss._label() == "CrossEntropyLoss(label_smoothing 0.1)"


def test_a_setting_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(DtypeError, match=r"^ReLU: got an unexpected keyword argument 'inplace'") as caught:
        nn.ReLU(inplace=True)
    assert caught.value.code == "unknown-argument"
    with pytest.raises(DtypeError, match=r"Threshold\(threshold, value\)"):
        nn.Threshold(1.0)
    with pytest.raises(DtypeError, match="too many positional arguments"):
        nn.ELU(1.0, 2.0)


def test_a_network_written_as_for_pytorch_trains():
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(6, 8, rng=rng), nn.ReLU(), nn.Linear(8, 6, rng=rng))
    loss, optimizer = nn.CrossEntropyLoss(), tg.optim.Adam(model.parameters(), lr=0.05)
    first = loss(model(X), LABELS).item()
    for _ in range(50):
        optimizer.zero_grad()
        now = loss(model(X), LABELS)
        now.backward()
        optimizer.step()
    assert now.item() < 0.05 * first


@pytest.mark.parametrize("count", [1, 6])
def test_prelu_learns_its_slopes(count):
    layer = nn.PReLU(count, 0.3)
    slopes = np.full(count, 0.3)
    expected = np.where(X > 0, X, slopes * X)
    np.testing.assert_array_equal(layer(X).detach().numpy(), expected)
    layer(X).sum().backward()
    below = np.minimum(X, 0)
    np.testing.assert_allclose(layer.weight.grad.numpy(), below.sum(axis=0) if count > 1 else [below.sum()])
    assert_derivatives(lambda x, w: F.prelu(x, w), X, slopes, plain=lambda x, w: np.where(x > 0, x, w * x))
    assert layer._label() == ("PReLU(6)" if count > 1 else "PReLU")
    with pytest.raises(ShapeError, match="the weight must be one number or one per channel"):
        nn.PReLU(5)(X)
