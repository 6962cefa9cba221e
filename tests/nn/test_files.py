"""Saved models come back bit by bit; a file that is not whole is named and never half-loaded or half-written."""

import json
import os
import stat
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.nn.test_functions import ACTIVATIONS, OTHER
from tinygrad_edu import nn
from tinygrad_edu.errors import DataError, FileError, FileNotFound, ShapeError
from tinygrad_edu.nn import MLP, Linear, Module, Sequential, files, load, load_state

MODELS = {
    "mlp": lambda: MLP([4, 3, 2], rng=1, dtype=np.float32),
    "mlp with two activations": lambda: MLP([4, 3, 2], activation="relu", output_activation=None, rng=2),
    "linear": lambda: Linear(4, 2, bias=False, activation="tanh", rng=3),
    "sequential": lambda: Sequential(Linear(4, 3), tg.relu, Sequential(Linear(3, 2), tg.softmax)),
}

# Every layer that a file can rebuild, with settings that are not its usual ones, and an input.
VOLUMES = np.random.default_rng(1).normal(size=(2, 4, 3, 3, 3))
IMAGES, WORDS = np.random.default_rng(0).normal(size=(2, 4, 6, 6)), np.array([[1, 2], [0, 4]])
BUILT = {
    "Linear": (lambda: nn.Linear(6, 2, False, "gelu", rng=1), IMAGES),
    "Conv1d": (
        lambda: nn.Conv1d(4, 2, 3, padding="same", activation="relu", rng=1, padding_mode="circular"),
        IMAGES[..., 0],
    ),
    "Conv2d": (lambda: nn.Conv2d(4, 2, (3, 2), (2, 1), 1, 2, 2, False, rng=1, dtype=np.float32), IMAGES),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(4, 2, 3, 2, 1, 1, 2, rng=1), IMAGES[..., 0]),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(4, 2, 3, 2, (1, 0), (1, 0), activation="tanh", rng=1), IMAGES),
    "MaxPool1d": (lambda: nn.MaxPool1d(3, 2, 1, 2, ceil_mode=True), IMAGES[..., 0]),
    "MaxPool2d": (lambda: nn.MaxPool2d((2, 3), 1), IMAGES),
    "AvgPool1d": (lambda: nn.AvgPool1d(3, 2, 1, True, False), IMAGES[..., 0]),
    "AvgPool2d": (lambda: nn.AvgPool2d((2, 3), padding=1), IMAGES),
    "AdaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d((None, 4)), IMAGES),
    "Flatten": (lambda: nn.Flatten(2), IMAGES),
    "Unflatten": (lambda: nn.Unflatten(-1, (2, 3)), IMAGES),
    "Dropout": (lambda: nn.Dropout(0.25).eval(), IMAGES),
    "Dropout2d": (lambda: nn.Dropout2d(0.25).eval(), IMAGES),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(4, 0.1, None, False), IMAGES[..., 0]),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(4, dtype=np.float32), IMAGES),
    "LayerNorm": (lambda: nn.LayerNorm((6, 6), 0.1, bias=False), IMAGES),
    "RMSNorm": (lambda: nn.RMSNorm(6, 0.1, elementwise_affine=False), IMAGES),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4, affine=False), IMAGES),
    "Embedding": (lambda: nn.Embedding(5, 3, 1, rng=1), WORDS),
    "MultiheadAttention": (lambda: nn.MultiheadAttention(6, 2, bias=False, rng=1), IMAGES),
    "Conv3d": (lambda: nn.Conv3d(4, 2, 2, groups=2, rng=1), VOLUMES),
    "ConvTranspose3d": (lambda: nn.ConvTranspose3d(4, 2, 2, 2, output_padding=1, rng=1), VOLUMES),
    "BatchNorm3d": (lambda: nn.BatchNorm3d(4, momentum=None), VOLUMES),
    "InstanceNorm1d": (lambda: nn.InstanceNorm1d(4, affine=True), IMAGES[..., 0]),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(4, 0.1, track_running_stats=True), IMAGES),
    "InstanceNorm3d": (lambda: nn.InstanceNorm3d(4), VOLUMES),
    "LocalResponseNorm": (lambda: nn.LocalResponseNorm(3, beta=0.5), IMAGES),
    "EmbeddingBag": (lambda: nn.EmbeddingBag(5, 3, "max", 1, rng=1), WORDS),
    "Dropout1d": (lambda: nn.Dropout1d(0.25).eval(), IMAGES[..., 0]),
    "Dropout3d": (lambda: nn.Dropout3d(0.25).eval(), VOLUMES),
    "AlphaDropout": (lambda: nn.AlphaDropout(0.25).eval(), IMAGES),
    "RReLU": (lambda: nn.RReLU(0.25, 0.5).eval(), IMAGES),
    "Bilinear": (lambda: nn.Bilinear(6, 6, 2, False, rng=1), (IMAGES, IMAGES)),
    "CosineSimilarity": (lambda: nn.CosineSimilarity(-1), (IMAGES, IMAGES)),
    "PairwiseDistance": (lambda: nn.PairwiseDistance(1), (IMAGES, IMAGES)),
    **{
        f"MaxUnpool{axes}d": (
            lambda axes=axes: getattr(nn, f"MaxUnpool{axes}d")(2, 1),
            (VOLUMES[(0, 0, 0)[: 4 - axes]][None], np.zeros((1, *VOLUMES.shape[5 - axes - 1 :]), int)),
        )
        for axes in (1, 2, 3)
    },
    "TransformerEncoderLayer": (
        lambda: nn.TransformerEncoderLayer(6, 2, 4, 0.5, "gelu", 0.1, True, False, rng=1).eval(),
        IMAGES[:, 0],
    ),
    "TransformerDecoderLayer": (
        lambda: nn.TransformerDecoderLayer(6, 3, 4, 0.5, "gelu", 0.1, True, False, rng=1).eval(),
        (IMAGES[:, 0], IMAGES[:, 1]),
    ),
    "Transformer": (
        lambda: nn.Transformer(6, 2, 2, 1, 4, 0.5, "gelu", 0.1, True, False, rng=1).eval(),
        (IMAGES[:, 0], IMAGES[:, 1]),
    ),
    "RNNCell": (lambda: nn.RNNCell(6, 3, False, "relu", rng=1), IMAGES),
    "LSTMCell": (lambda: nn.LSTMCell(6, 3, rng=1, dtype=np.float32), IMAGES),
    "GRUCell": (lambda: nn.GRUCell(6, 3, rng=1), IMAGES),
    "RNN": (lambda: nn.RNN(6, 3, 2, "relu", bidirectional=True, dropout=0.5, rng=1).eval(), IMAGES[:, 0]),
    "LSTM": (lambda: nn.LSTM(6, 3, 2, bias=False, batch_first=False, rng=1), IMAGES[:, 0]),
    "GRU": (lambda: nn.GRU(6, 3, rng=1), IMAGES[:, 0]),
    "Identity": (nn.Identity, IMAGES),
    "MaxPool3d": (lambda: nn.MaxPool3d((2, 3, 1), 1), IMAGES),
    "AvgPool3d": (lambda: nn.AvgPool3d(2, 1, 1), IMAGES),
    "LPPool1d": (lambda: nn.LPPool1d(2, 3), IMAGES[..., 0]),
    "LPPool2d": (lambda: nn.LPPool2d(2.0, (3, 2), 2, True), IMAGES),
    "LPPool3d": (lambda: nn.LPPool3d(4, 2), IMAGES),
    "AdaptiveAvgPool1d": (lambda: nn.AdaptiveAvgPool1d(4), IMAGES[..., 0]),
    "AdaptiveAvgPool3d": (lambda: nn.AdaptiveAvgPool3d((2, None, 4)), IMAGES),
    "AdaptiveMaxPool1d": (lambda: nn.AdaptiveMaxPool1d(4), IMAGES[..., 0]),
    "AdaptiveMaxPool2d": (lambda: nn.AdaptiveMaxPool2d((None, 4)), IMAGES),
    "AdaptiveMaxPool3d": (lambda: nn.AdaptiveMaxPool3d(2), IMAGES),
    "Unfold": (lambda: nn.Unfold((3, 2), 1, 1, 2), IMAGES),
    "Fold": (lambda: nn.Fold((5, 4), (2, 1), padding=0, stride=(3, 1)), IMAGES[..., :2].reshape(2, 6, 8)),
    "PixelShuffle": (lambda: nn.PixelShuffle(2), IMAGES),
    "PixelUnshuffle": (lambda: nn.PixelUnshuffle(3), IMAGES),
    "ChannelShuffle": (lambda: nn.ChannelShuffle(2), IMAGES),
    "Upsample": (lambda: nn.Upsample(scale_factor=(2, 0.5), mode="bilinear", align_corners=True), IMAGES),
    "ZeroPad1d": (lambda: nn.ZeroPad1d((1, -2)), IMAGES),
    "ZeroPad2d": (lambda: nn.ZeroPad2d(2), IMAGES),
    **{
        f"{kind}Pad{axes}d": (lambda name=f"{kind}Pad{axes}d", axes=axes: getattr(nn, name)((1, 2) * axes), IMAGES)
        for kind in ("Reflection", "Replication", "Circular")
        for axes in (1, 2)
    },
    "ZeroPad3d": (lambda: nn.ZeroPad3d((1, 2, 0, 1, 0, -1)), VOLUMES),
    **{
        f"{kind}Pad3d": (lambda name=f"{kind}Pad3d": getattr(nn, name)((1, 2, 0, 1, 2, 0)), VOLUMES)
        for kind in ("Reflection", "Replication", "Circular")
    },
    **{
        f"ConstantPad{axes}d": (
            lambda name=f"ConstantPad{axes}d", axes=axes: getattr(nn, name)((1, -2) * axes, 0.5),
            VOLUMES,
        )
        for axes in (1, 2, 3)
    },
    "PReLU": (lambda: nn.PReLU(4, 0.5, np.float32), IMAGES),
    **{name: (lambda name=name: getattr(nn, name)(*OTHER.get(name, ())), IMAGES) for name in ACTIVATIONS},
}


class Own(Module):
    def __init__(self):
        self.inner = Linear(2, 2, init="normal")

    def forward(self, x):
        return self.inner(x)


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "m.npz"
    MODELS["mlp"]().save(path)
    return path


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_comes_back_as_it_was(kind, tmp_path):
    model = MODELS[kind]()
    path = tmp_path / "model.npz"
    model.save(path)
    again = load(path)
    assert type(again) is type(model)
    assert repr(again) == repr(model)
    for (name, a), (other, b) in zip(model.named_parameters(), again.named_parameters(), strict=True):
        assert (name, a.dtype, a.data.tolist()) == (other, b.dtype, b.data.tolist())
        assert b.requires_grad
    x = np.random.default_rng(0).normal(size=(5, 4))
    np.testing.assert_array_equal(model(x).detach().numpy(), again(x).detach().numpy())
    assert os.listdir(tmp_path) == ["model.npz"]


def tensors_in(result):
    """The tensors of a layer's result: recurrent layers give tuples of them."""
    return [t for part in result for t in tensors_in(part)] if isinstance(result, tuple) else [result]


@pytest.mark.parametrize("name", files.LAYERS)
def test_every_layer_comes_back_with_its_settings_parameters_and_buffers(name, tmp_path):
    make, x = BUILT[name]
    layer, data = make(), x if isinstance(x, tuple) else (x,)
    layer(*data)  # moves running statistics
    model = Sequential(layer) if len(data) == 1 else layer
    model.save(tmp_path / "m.npz")
    again = load(tmp_path / "m.npz")
    assert type(again) is type(model)
    assert repr(again) == repr(model)
    assert (again.layer1 if len(data) == 1 else again).settings() == layer.settings()
    state = again.state_dict()
    for path, array in model.state_dict().items():
        assert (state[path].dtype, state[path].tolist()) == (array.dtype, array.tolist())
    for found, expected in zip(tensors_in(again.eval()(*data)), tensors_in(model.eval()(*data)), strict=True):
        np.testing.assert_array_equal(found.detach().numpy(), expected.detach().numpy())


@given(sizes=st.lists(st.integers(1, 4), min_size=2, max_size=4), rng=st.integers(0, 99))
def test_every_mlp_comes_back(tmp_path_factory, sizes, rng):
    path = tmp_path_factory.mktemp("model") / "m.npz"
    model = MLP(sizes, rng=rng)
    model.save(path)
    for name, array in load(path).state_dict().items():
        np.testing.assert_array_equal(array, model.state_dict()[name])


def test_equal_models_give_equal_bytes_and_plain_numpy_reads_them(saved, tmp_path):
    other = tmp_path / "other.npz"
    MODELS["mlp"]().save(other)
    assert other.read_bytes() == saved.read_bytes()
    with np.load(saved, allow_pickle=False) as file:
        assert file["layer1.weight"].shape == (4, 3)
        assert json.loads(str(file[files.ARCHITECTURE]))["class"] == "MLP"


def test_the_file_can_be_read_by_whom_the_umask_allows(tmp_path):
    before = os.umask(0o022)
    try:
        Linear(1, 1).save(tmp_path / "m.npz")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "m.npz").stat().st_mode) == 0o644


def test_a_module_of_a_class_of_its_own_is_read_as_a_state(tmp_path):
    path = tmp_path / "own.npz"
    model = Own()
    model.save(path)
    with pytest.raises(DataError, match=r"own\.npz holds parameters, but not how to build the model") as caught:
        load(path)
    assert "found: inner.weight, inner.bias" in str(caught.value)
    assert "model.load_state_dict(tg.nn.load_state(path))" in str(caught.value)
    other = Own()
    other.inner.weight.data = np.zeros((2, 2))
    other.load_state_dict(load_state(path))
    np.testing.assert_array_equal(other.inner.weight.data, model.inner.weight.data)


def test_an_activation_without_a_name_is_saved_as_a_state_only(tmp_path):
    path = tmp_path / "m.npz"
    for model in (Linear(1, 1, activation=lambda z: z), Sequential(Linear(1, 1), lambda z: z)):
        model.save(path)
        with pytest.raises(DataError, match="not how to build the model"):
            load(path)


# --- files that are not whole ---


def test_a_missing_file(tmp_path):
    for read in (load, load_state):
        with pytest.raises(FileNotFound, match=r"no such file: m\.npz"):
            read(tmp_path / "m.npz")


def test_a_folder_in_place_of_the_file(tmp_path):
    with pytest.raises(FileError, match=r"can't read(.|\n)*Is a directory"):
        load(tmp_path)


def test_a_truncated_file_at_any_length(saved):
    content = saved.read_bytes()
    for length in (0, 1, 10, len(content) // 2, len(content) - 1):
        saved.write_bytes(content[:length])
        with pytest.raises(DataError, match=r"m\.npz is no whole model file \(\.npz\)"):
            load(saved)


@pytest.mark.parametrize("place", range(0, 2000, 37))
def test_a_damaged_byte_is_found_or_harmless(saved, place):
    content = bytearray(saved.read_bytes())
    before = load(saved).state_dict()
    content[place % len(content)] ^= 0xFF
    saved.write_bytes(bytes(content))
    message, after = "", {}
    try:
        after = load(saved).state_dict()
    except DataError as error:
        message = str(error)
    assert (str(saved) in message) != bool(after)
    for name, array in after.items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("content", [b"PK but no zip", b"<html>", b"\x93NUMPY\x01\x00"])
def test_a_file_of_another_kind(tmp_path, content):
    path = tmp_path / "m.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"m\.npz is no whole model file"):
        load(path)


def test_pickled_arrays_are_never_opened(tmp_path):
    path = tmp_path / "m.npz"
    np.savez(path, evil=np.array([print], dtype=object))
    with pytest.raises(DataError, match=r"no whole model file(.|\n)*allow_pickle=False"):
        load(path)


@pytest.mark.parametrize(
    ("architecture", "why"),
    [
        ("{", "Expecting property name"),
        ('{"class": "Tower"}', "no layer is called 'Tower'"),
        ("[]", "list indices"),
        ('{"class": "Linear"}', "in_features"),
        ('{"class": "MLP", "layers": ["eval"]}', "no activation is called 'eval'"),
        ('{"class": "MLP", "layers": []}', "unexpected: layer1.weight"),
    ],
)
def test_an_architecture_that_makes_no_sense(saved, architecture, why):
    arrays = load_state(saved)
    np.savez(saved, **{files.ARCHITECTURE: np.array(architecture)}, **arrays)
    with pytest.raises(DataError, match=r"m\.npz doesn't hold a whole model") as caught:
        load(saved)
    assert why in str(caught.value)


def test_an_array_of_another_shape_is_named(saved):
    with np.load(saved) as file:
        arrays = dict(file)
    np.savez(saved, **{**arrays, "layer1.bias": np.zeros(7, np.float32)})
    with pytest.raises(DataError, match=r"layer1\.bias: the state has shape \(7,\), the model \(3,\)"):
        load(saved)
    with pytest.raises(ShapeError, match=r"layer1\.bias: the state has shape \(7,\), the model \(3,\)"):
        MODELS["mlp"]().load_state_dict(load_state(saved))


# --- writing ---


def test_a_file_is_only_replaced_by_a_whole_one(saved, monkeypatch):
    content = saved.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(FileError, match=r"can't write m\.npz(.|\n)*why: +No space left on device"):
        MLP([2, 2]).save(saved)
    assert saved.read_bytes() == content
    assert os.listdir(saved.parent) == ["m.npz"]


def test_an_interruption_while_writing_leaves_the_old_file(saved, monkeypatch):
    content = saved.read_bytes()

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        MLP([2, 2]).save(saved)
    assert saved.read_bytes() == content
    assert os.listdir(saved.parent) == ["m.npz"]


@pytest.mark.parametrize("place", ["nowhere/m.npz", "file/m.npz", ""])
def test_a_place_that_cannot_be_written(tmp_path, place):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FileError, match=r"can't write (.|\n)*fix: +(a folder that exists|make the folder first)"):
        Linear(1, 1).save(tmp_path / place)
    assert os.listdir(tmp_path) == ["file"]


def test_a_link_is_written_through(tmp_path):
    target, link = tmp_path / "target.npz", tmp_path / "link.npz"
    target.write_bytes(b"")
    link.symlink_to(target)
    Linear(1, 1).save(link)
    assert link.is_symlink()
    assert zipfile.is_zipfile(target)
