"""Modules that hold modules, for a `forward` that calls them in its own way; and the module that does nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, overload

from tinygrad_edu.errors import DtypeError, IndexingError, MissingKeyError, describe
from tinygrad_edu.nn.module import Module
from tinygrad_edu.node import here
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Identity(Module):
    """Gives what it is given, as a tensor: for a place in a network where a layer may stand or not.

    >>> Identity()([3.0])
    Tensor([3.])
    """

    def settings(self) -> dict[str, Any]:
        """What the constructor was given: nothing."""
        return {}

    def forward(self, x: Tensor | ArrayLike) -> Tensor:
        """x itself."""
        return as_tensor(x)


class _Holder(Module):
    """Holds modules but doesn't call them: they bear its name and their own, `layers.0`, in errors and pictures."""

    @property
    def _name(self) -> str:
        return str(self.__dict__.get("_called", ""))

    @_name.setter
    def _name(self, name: str) -> None:
        self.__dict__["_called"] = name
        for key, module in self._children.items():
            self._rename(key, module)

    def _rename(self, key: str, module: Module) -> None:
        object.__setattr__(module, "_name", f"{self._name}.{key}" if self._name else key)

    def _hold(self, key: str, module: Module) -> None:
        setattr(self, key, module)
        self._rename(key, module)


class ModuleList(_Holder):
    """A list of modules whose parameters are found, as those in a plain list are not.

    Used as a list; the modules are named by their places, so that a parameter is `layers.0.weight`. It can't be
    called: `Sequential` is the list that calls one after the other.

    >>> from tinygrad_edu.nn import Linear
    >>> class Net(Module):
    ...     def __init__(self):
    ...         self.layers = ModuleList(Linear(3, 3, rng=seed) for seed in range(2))
    ...     def forward(self, x):
    ...         for layer in self.layers:
    ...             x = x + layer(x)
    ...         return x
    >>> [path for path, _ in Net().named_parameters()]
    ['layers.0.weight', 'layers.0.bias', 'layers.1.weight', 'layers.1.bias']
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self.extend(modules)

    def _put(self, modules: list[Module]) -> None:
        """Have these modules and no others."""
        for module in modules:
            _must_be_a_module(module, "ModuleList")
        for name in list(self._children):
            delattr(self, name)
        for place, module in enumerate(modules):
            self._hold(str(place), module)

    def append(self, module: Module) -> ModuleList:
        """Put a module behind the others."""
        return self.extend([module])

    def extend(self, modules: Iterable[Module]) -> ModuleList:
        """Put modules behind the others."""
        self._put([*self, *modules])
        return self

    def insert(self, index: int, module: Module) -> None:
        """Put a module before the one at `index`."""
        modules = list(self)
        modules.insert(index, module)
        self._put(modules)

    def __len__(self) -> int:
        return len(self._children)

    def __iter__(self) -> Iterator[Module]:
        return iter(self.children())

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> ModuleList: ...
    def __getitem__(self, index: int | slice) -> Module | ModuleList:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return self._children[str(self._place(index))]

    def __setitem__(self, index: int, module: Module) -> None:
        _must_be_a_module(module, "ModuleList")
        self._hold(str(self._place(index)), module)

    def __delitem__(self, index: int | slice) -> None:
        if not isinstance(index, slice):
            index = self._place(index)
        modules = list(self)
        del modules[index]
        self._put(modules)

    def _place(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            what = f"index {index} is outside of a ModuleList of {len(self)}"
            raise IndexingError(describe(what, where=here(), code="no-such-module"))
        return index % len(self)


class ModuleDict(_Holder):
    """A dictionary of modules whose parameters are found; the keys are names, and parts of the parameters' paths.

    Used as a dictionary. Raises DtypeError for a key that can't be a part of a path.

    >>> import numpy as np
    >>> from tinygrad_edu.nn import Linear
    >>> heads = ModuleDict({"actor": Linear(4, 2), "critic": Linear(4, 1)})
    >>> [path for path, _ in heads.named_parameters()]
    ['actor.weight', 'actor.bias', 'critic.weight', 'critic.bias']
    >>> heads["critic"](np.ones(4)).shape
    (1,)
    """

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] = ()) -> None:
        self.update(modules)

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Put in all of these, in place of those of the same keys."""
        for key, module in modules.items() if isinstance(modules, Mapping) else modules:
            self[key] = module

    def __setitem__(self, key: str, module: Module) -> None:
        _must_be_a_module(module, "ModuleDict")
        if not isinstance(key, str) or not key or "." in key or (hasattr(self, key) and key not in self):
            raise DtypeError(
                describe(
                    f"{key!r} can't be a key of a ModuleDict",
                    where=here(),
                    why="the key becomes an attribute, and a part of the names of the parameters",
                    fix="a word without dots that is no method of Module",
                    code="module-key",
                )
            )
        self._hold(key, module)

    def __getitem__(self, key: str) -> Module:
        self._must_hold(key)
        return self._children[key]

    def __delitem__(self, key: str) -> None:
        self._must_hold(key)
        delattr(self, key)

    def _must_hold(self, key: str) -> None:
        if key not in self._children:
            what = f"no module is called {key!r}"
            raise MissingKeyError(describe(what, where=here(), found=", ".join(self), code="no-such-module"))

    def __len__(self) -> int:
        return len(self._children)

    def __iter__(self) -> Iterator[str]:
        return iter(self._children)

    def __contains__(self, key: object) -> bool:
        return key in self._children

    def keys(self) -> list[str]:
        """The keys, in order."""
        return list(self._children)

    def values(self) -> list[Module]:
        """The modules, in order."""
        return self.children()

    def items(self) -> list[tuple[str, Module]]:
        """Keys and modules, in order."""
        return list(self._children.items())


def _must_be_a_module(module: object, holder: str) -> None:
    if not isinstance(module, Module):
        raise DtypeError(
            describe(
                f"a {holder} holds modules, not {type(module).__name__}",
                where=here(),
                fix="nn.ReLU() for the function relu; a plain list for what has no parameters",
                code="not-a-module",
            )
        )
