"""Norm layers are their functions; running statistics are kept, saved and loaded, but not trained."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import functional as F
from tinygrad_edu.errors import DataError, ShapeError
from tinygrad_edu.nn import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    GroupNorm,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
    LayerNorm,
    LocalResponseNorm,
    RMSNorm,
    Sequential,
)

RNG = np.random.default_rng(0)


def draw_parameters(layer):
    for parameter in layer.parameters():
        parameter.data = RNG.normal(size=parameter.shape)
    return layer


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(BatchNorm1d, (5, 3)), (BatchNorm1d, (5, 3, 2)), (BatchNorm2d, (5, 3, 2, 2)), (BatchNorm3d, (5, 3, 2, 1, 2))],
)
@pytest.mark.parametrize("affine", [True, False])
def test_batch_norm_uses_the_batch_in_training_and_what_it_kept_in_evaluation(layer, shape, affine):
    made = draw_parameters(layer(3, eps=0.01, affine=affine))
    mean, var = np.zeros(3), np.ones(3)
    for _ in range(3):
        x = RNG.normal(size=shape) * 2 + 1
        expected = F.batch_norm(x, mean, var, made.weight, made.bias, True, 0.1, 0.01)
        np.testing.assert_array_equal(made(x).detach().numpy(), expected.detach().numpy())
    np.testing.assert_array_equal(made.running_mean.numpy(), mean)
    np.testing.assert_array_equal(made.running_var.numpy(), var)
    assert made.num_batches_tracked.item() == 3
    found = made.eval()(x)
    expected = F.batch_norm(x, mean, var, made.weight, made.bias, False, 0.1, 0.01)
    np.testing.assert_array_equal(found.detach().numpy(), expected.detach().numpy())
    np.testing.assert_array_equal(made.running_mean.numpy(), mean)
    assert len(made.parameters()) == 2 * affine


def test_without_momentum_the_running_statistics_are_the_mean_over_all_batches():
    layer, batches = BatchNorm1d(2, momentum=None), [RNG.normal(size=(5, 2)) for _ in range(4)]
    for batch in batches:
        layer(batch)
    np.testing.assert_allclose(layer.running_mean.numpy(), np.mean([b.mean(axis=0) for b in batches], axis=0))
    np.testing.assert_allclose(layer.running_var.numpy(), np.mean([b.var(axis=0, ddof=1) for b in batches], axis=0))


def test_without_running_statistics_evaluation_uses_the_batch_too():
    layer = BatchNorm1d(2, track_running_stats=False).eval()
    x = RNG.normal(size=(5, 2))
    np.testing.assert_allclose(layer(x).detach().numpy(), F.batch_norm(x, training=True).numpy())
    assert layer.buffers() == []


def test_a_graph_made_in_evaluation_keeps_its_statistics_when_training_goes_on():
    layer = BatchNorm1d(1)
    layer(np.array([[1.0], [5.0]]))
    x = tg.Tensor([[2.0], [3.0]], requires_grad=True)
    y = layer.eval()(x)
    slope = 1 / np.sqrt(layer.running_var.numpy() + 1e-5)
    layer.train()(np.array([[100.0], [500.0]]))
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.tile(slope, (2, 1)))


def test_running_statistics_are_in_the_state_but_no_parameters():
    model = Sequential(BatchNorm1d(2, dtype=np.float32))
    model(RNG.normal(size=(5, 2)).astype(np.float32))
    state = model.state_dict()
    names = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    assert list(state) == [f"layer1.{name}" for name in names]
    assert {state[f"layer1.{name}"].dtype for name in names[:-1]} == {np.dtype(np.float32)}
    other = Sequential(BatchNorm1d(2, dtype=np.float32))
    other.load_state_dict(state)
    x = RNG.normal(size=(5, 2)).astype(np.float32)
    np.testing.assert_array_equal(other.eval()(x).detach().numpy(), model.eval()(x).detach().numpy())
    assert len(model.parameters()) == 2
    del state["layer1.running_var"]
    with pytest.raises(DataError, match=r"missing: +layer1\.running_var"):
        other.load_state_dict(state)


@pytest.mark.parametrize(
    ("layer", "function", "shape"),
    [
        (LayerNorm((2, 3), 0.01), lambda x, m: F.layer_norm(x, (2, 3), m.weight, m.bias, 0.01), (4, 2, 3)),
        (LayerNorm(3, bias=False), lambda x, m: F.layer_norm(x, 3, m.weight), (4, 2, 3)),
        (LayerNorm(3, elementwise_affine=False), lambda x, m: F.layer_norm(x, 3), (3,)),
        (RMSNorm(3, 0.01), lambda x, m: F.rms_norm(x, 3, m.weight, 0.01), (4, 3)),
        (RMSNorm((2, 3), elementwise_affine=False), lambda x, m: F.rms_norm(x, (2, 3)), (4, 2, 3)),
        (GroupNorm(2, 4, 0.01), lambda x, m: F.group_norm(x, 2, m.weight, m.bias, 0.01), (3, 4, 2)),
        (GroupNorm(2, 4, affine=False), lambda x, m: F.group_norm(x, 2), (3, 4, 2, 2)),
        (InstanceNorm1d(4, 0.01), lambda x, m: F.instance_norm(x, eps=0.01), (3, 4, 5)),
        (InstanceNorm2d(4, affine=True), lambda x, m: F.instance_norm(x, None, None, m.weight, m.bias), (3, 4, 2, 2)),
        (InstanceNorm3d(4), lambda x, m: F.instance_norm(x), (3, 4, 2, 2, 1)),
        (LocalResponseNorm(3, 0.5), lambda x, m: F.local_response_norm(x, 3, 0.5), (3, 4, 2)),
    ],
)
def test_a_layer_is_its_function(layer, function, shape):
    draw_parameters(layer)
    x = RNG.normal(size=shape)
    np.testing.assert_array_equal(layer(x).detach().numpy(), function(x, layer).detach().numpy())
    if layer.parameters():
        layer(x).sum().backward()
        assert all(p.grad is not None for p in layer.parameters())


@pytest.mark.parametrize(
    ("layer", "sides"), [(InstanceNorm1d, (6,)), (InstanceNorm2d, (2, 3)), (InstanceNorm3d, (2, 3, 1))]
)
def test_an_instance_norm_keeps_running_statistics_only_if_told(layer, sides):
    x = RNG.normal(size=(4, 2, *sides)) * 3 + 1
    told = layer(2, affine=True, track_running_stats=True)
    mean, var = np.zeros(2), np.ones(2)
    for _ in range(3):
        expected = F.instance_norm(x, mean, var, told.weight, told.bias)
        np.testing.assert_array_equal(told(x).detach().numpy(), expected.detach().numpy())
    np.testing.assert_array_equal(told.running_mean.numpy(), mean)
    np.testing.assert_array_equal(told.running_var.numpy(), var)
    expected = F.instance_norm(x, mean, var, told.weight, told.bias, use_input_stats=False)
    np.testing.assert_array_equal(told.eval()(x).detach().numpy(), expected.detach().numpy())
    plain = layer(2)
    assert plain.parameters() == plain.buffers() == []
    np.testing.assert_array_equal(plain.eval()(x).numpy(), F.instance_norm(x).numpy())
    np.testing.assert_allclose(plain(x).numpy().mean(axis=tuple(range(2, x.ndim))), 0, atol=1e-12)


def test_labels():
    assert [m._label() for m in (BatchNorm2d(8), LayerNorm((2, 3)), RMSNorm(4), GroupNorm(2, 4))] == [
        "BatchNorm2d(8)", "LayerNorm(2×3)", "RMSNorm(4)", "GroupNorm(2 groups of 4)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (BatchNorm2d(3), (5, 3), "(n, 3, height, width)"),
        (BatchNorm2d(3), (5, 4, 2, 2), "(n, 3, height, width)"),
        (BatchNorm1d(3), (5, 4), "(n, 3) or (n, 3, length)"),
        (LayerNorm((2, 3)), (5, 3), "(…, 2, 3)"),
        (RMSNorm(3), (5, 4), "(…, 3)"),
        (GroupNorm(1, 3), (5, 4), "(n, 3, …)"),
        (BatchNorm3d(3), (5, 3, 2, 2), "(n, 3, depth, height, width)"),
        (InstanceNorm1d(3), (5, 3), "(n, 3, length)"),
        (InstanceNorm2d(3), (5, 4, 2, 2), "(n, 3, height, width)"),
    ],
)
def test_an_input_that_does_not_fit_names_the_layer(layer, shape, expected):
    with pytest.raises(ShapeError) as caught:
        Sequential(layer)(np.zeros(shape))
    assert str(caught.value).startswith(f"layer1 expects {expected}, got {shape}")
    assert "test_normalisation.py:" in str(caught.value)
