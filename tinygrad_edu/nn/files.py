"""Models in files: `.npz` of NumPy arrays, without pickle, so that opening a file never runs a program.

A file holds one array for each parameter, under its path, and where the model is made of layers known here, the
architecture as JSON text. Any NumPy reads it: `np.load("m.npz")["layer1.weight"]`. Must not know training.
"""

from __future__ import annotations

import inspect
import os
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tinygrad_edu.errors import DataError, FileError, FileNotFound, TinygradError, describe
from tinygrad_edu.files import write_atomically
from tinygrad_edu.nn import (
    adaptive,
    attention,
    containers,
    convolution,
    functions,
    layers,
    normalisation,
    pooling,
    recurrent,
    shapes,
    transformer,
)
from tinygrad_edu.nn.layers import MLP, Sequential
from tinygrad_edu.nn.module import Module
from tinygrad_edu.nn.parts import ACTIVATIONS, Function

if TYPE_CHECKING:
    from collections.abc import Mapping

# `json`, `io` and `zipfile` are imported where they are used: `import tinygrad_edu` is fast.

# Every layer that can say how it was made, by its name.
LAYERS: Final[dict[str, type[Module]]] = {
    name: layer
    for module in (
        adaptive, attention, containers, convolution, functions, layers, normalisation, pooling, recurrent, shapes,
        transformer,
    )
    for name, layer in vars(module).items()
    if isinstance(layer, type) and layer.__module__ == module.__name__ and hasattr(layer, "settings")
    if not name.startswith("_") and layer is not functions.FunctionModule
}  # fmt: skip

ARCHITECTURE: Final = "__architecture__"  # the entry with the JSON text

Path = str | os.PathLike[str]


def save(model: Module, path: Path) -> None:
    """Write the parameters of the model, and its architecture where `load` can rebuild it, to `path`.

    The old file stays until the new one is whole. Equal models give equal bytes. Raises FileError where the file
    can't be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(MLP([2, 3, 1]), f"{folder}/m.npz")
    ...     load(f"{folder}/m.npz")
    MLP(2 → 3 → 1)
      layer1  Linear(2 → 3) + sigmoid  9
      layer2  Linear(3 → 1) + sigmoid  4
    13 parameters
    """
    import json

    arrays = model.state_dict()
    architecture = describe_model(model)
    if architecture is not None:
        arrays = {ARCHITECTURE: np.array(json.dumps(architecture)), **arrays}
    write_atomically(path, _packed(arrays))


def load(path: Path) -> Module:
    """The model that was saved in `path`: an MLP, a Sequential or a Linear, with its parameters.

    Raises FileNotFound or FileError where the file can't be read, DataError where it is no whole model file, or was
    saved from a module of another class (then build the module, and give it `load_state(path)`).

    >>> import tempfile
    >>> from tinygrad_edu.nn import MLP
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     MLP([2, 3, 1], rng=0).save(f"{folder}/m.npz")
    ...     [name for name, _ in load(f"{folder}/m.npz").named_parameters()]
    ['layer1.weight', 'layer1.bias', 'layer2.weight', 'layer2.bias']
    """
    import json

    arrays = _unpacked(path)
    if ARCHITECTURE not in arrays:
        raise DataError(
            describe(
                f"{os.path.basename(path)} holds parameters, but not how to build the model",
                where=os.fspath(path),
                found=_names(arrays),
                why="it was saved from a module of a class of its own, or not by tinygrad_edu",
                fix="build the model; model.load_state_dict(tg.nn.load_state(path))",
                code="no-whole-model",
            )
        )
    try:
        model = build_model(json.loads(str(arrays.pop(ARCHITECTURE))))
        model.load_state_dict(arrays)
    except (TinygradError, ValueError, KeyError, TypeError, MemoryError, RecursionError) as error:
        raise DataError(
            describe(
                f"{os.path.basename(path)} doesn't hold a whole model",
                where=os.fspath(path),
                found=_names(arrays),
                why=error,
                fix="save the model again",
                code="no-whole-model",
            )
        ) from None
    return model


def load_state(path: Path) -> dict[str, np.ndarray]:
    """The arrays in a saved model, for `load_state_dict` of a module that was built before.

    Raises FileNotFound, FileError or DataError as `load` does.

    >>> import tempfile
    >>> from tinygrad_edu.nn import Linear
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Linear(2, 3), f"{folder}/m.npz")
    ...     sorted(load_state(f"{folder}/m.npz"))
    ['bias', 'weight']
    """
    arrays = _unpacked(path)
    arrays.pop(ARCHITECTURE, None)
    return arrays


# --- architectures: plain dictionaries of the layers known here ---


def describe_model(model: Module) -> dict[str, Any] | None:
    """The architecture as JSON can hold it; None where `build_model` could not make it again."""
    if LAYERS.get(type(model).__name__) is type(model):
        settings = model.settings()  # type: ignore[attr-defined]
        if "activation" in settings:
            settings["activation"] = _name_of(settings["activation"])
            if settings["activation"] is None:
                return None
        return {"class": type(model).__name__, **settings}
    if type(model) in (Sequential, MLP):
        layers = [describe_model(x) if isinstance(x, Module) else _name_of(x) for x in model.layers]  # type: ignore[attr-defined]
        return None if None in layers else {"class": type(model).__name__, "layers": layers}
    return None


def build_model(architecture: Mapping[str, Any]) -> Module:
    """The model of that architecture, all weights zero. Raises DataError, KeyError or TypeError for nonsense."""
    kind = architecture["class"]
    if kind in LAYERS:
        takes = inspect.signature(LAYERS[kind]).parameters
        options = {name: architecture[name] for name in takes if name in architecture or name not in ("rng", "init")}
        if "init" in takes:
            options.setdefault("init", "zeros")
        return LAYERS[kind](**options)
    if kind not in ("Sequential", "MLP"):
        raise DataError(describe(f"no layer is called {kind!r}", code="no-whole-model"))
    layers = [_function(x) if isinstance(x, str) else build_model(x) for x in architecture["layers"]]
    if kind == "Sequential":
        return Sequential(*layers)
    model = MLP.__new__(MLP)  # an MLP is a Sequential that was told sizes; here its layers are there already
    Sequential.__init__(model, *layers)
    return model


def _name_of(function: Function | None) -> str | None:
    """The name of an activation; None for a function that isn't among those known by name."""
    return next((name for name, known in ACTIVATIONS.items() if known is function), None)


def _function(name: str) -> Function:
    function = ACTIVATIONS.get(name)
    if function is None:
        raise DataError(describe(f"no activation is called {name!r}", code="unknown-choice"))
    return function


# --- bytes ---


def _packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """An .npz file. Not by `np.savez`, which writes the time of day into it."""
    import io
    import zipfile

    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
    return content.getvalue()


def _unpacked(path: Path) -> dict[str, np.ndarray]:
    """The arrays in an .npz file, all read and none of them pickled."""
    import zipfile
    import zlib

    try:
        with open(path, "rb") as file:
            if not zipfile.is_zipfile(file):
                raise zipfile.BadZipFile("no zip archive, or its end is missing")
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
    except FileNotFoundError:
        raise FileNotFound(
            describe(
                f"no such file: {os.path.basename(path)}",
                where=os.fspath(path),
                fix="check the path",
                code="no-such-file",
            )
        ) from None
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, KeyError, NotImplementedError) as error:
        raise DataError(
            describe(
                f"{os.path.basename(path)} is no whole model file (.npz)",
                where=os.fspath(path),
                why=str(error).partition("\n")[0] or type(error).__name__,
                likely="a copy that was interrupted, or a file of another kind",
                fix="save the model again: model.save(path)",
                code="damaged-file",
            )
        ) from None
    except OSError as error:
        raise FileError(
            describe(
                f"can't read {os.path.basename(path)}",
                where=os.fspath(path),
                why=error.strerror or error,
                fix="a file that you may read",
                code="file-not-readable",
            )
        ) from None


def _names(arrays: Mapping[str, Any]) -> str:
    """The first few names, for an error."""
    names = list(arrays)
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") or "nothing"
