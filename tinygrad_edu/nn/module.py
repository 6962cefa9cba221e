"""Modules: things with parameters that can be called. They know tensors; must not know optimisers or drawings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from tinygrad_edu.errors import DataError, DtypeError, NoForwardError, ShapeError, describe
from tinygrad_edu.handle import to_array
from tinygrad_edu.memory import label
from tinygrad_edu.node import Scope, caution, here, state
from tinygrad_edu.tensor import Tensor

if TYPE_CHECKING:
    import os

    from tinygrad_edu.handle import Registration
    from tinygrad_edu.nn.hooks import Hooks

_Self = TypeVar("_Self", bound="Module")


class Module:
    """A part of a network. Give it tensors and modules as attributes, and a `forward`.

    An attribute that is a leaf with `requires_grad=True` becomes a parameter, one that is a Module a child; both
    bear the attribute's name. Parameters and modules inside plain lists and dictionaries are not found, of which
    `parameters()` warns: `Sequential(*layers)` holds a list of layers; `ModuleList` and `ModuleDict` hold those that
    `forward` calls itself.

    >>> class Scale(Module):
    ...     def __init__(self):
    ...         self.factor = Tensor(2.0, requires_grad=True)
    ...     def forward(self, x):
    ...         return self.factor * x
    >>> scale = Scale()
    >>> scale(3.0)
    Tensor(6., requires_grad=True)
    >>> scale.named_parameters()
    [('factor', Tensor(2., requires_grad=True, name='factor'))]
    """

    # What every module has; an instance gets its own only when it differs, so subclasses need no super().__init__().
    training: bool = True
    _name: str = ""
    _parameters: Mapping[str, Tensor] = {}
    _children: Mapping[str, Module] = {}
    _buffers: Mapping[str, Tensor] = {}
    _hooks: Hooks | None = None
    _looked_into: Mapping[str, bool] = {}  # attributes that were warned of

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What `forward` gives; meanwhile errors and drawings know that they are in this module."""
        now = state()
        scope = now.scope = Scope(self._name, "module", self._label, self)
        try:  # not `with scope:`, which takes 0.2 µs more
            return self.forward(*args, **kwargs) if self._hooks is None else self._hooks.call(self, args, kwargs)
        finally:
            now.scope = scope.parent

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The computation; every module writes its own."""
        raise NoForwardError(
            describe(
                f"{type(self).__name__} has no forward(self, …)",
                where=here(),
                why="calling a module calls its forward, which says what it computes",
                fix="def forward(self, x): return self.layer(x)",
                code="no-forward",
            )
        )

    # --- hooks -----------------------------------------------------------------------------------------------

    def register_forward_pre_hook(self, hook: Callable[[Module, tuple[Any, ...]], Any]) -> Registration:
        """Call `hook(module, args)` before each forward; what it returns, if anything, takes the arguments' place.

        `.remove()` of the result takes the hook away again, as for all hooks.

        >>> from tinygrad_edu.nn import Linear
        >>> layer = Linear(1, 1, bias=False); layer.weight.data[...] = 2.0
        >>> handle = layer.register_forward_pre_hook(lambda module, args: args[0] + 1)
        >>> layer(Tensor([3.0]))
        Tensor([8.], requires_grad=True)
        """
        hooks = self._own_hooks()
        return hooks.add(hooks.before, hook, "the module and its arguments")

    def register_forward_hook(self, hook: Callable[[Module, tuple[Any, ...], Any], Any]) -> Registration:
        """Call `hook(module, args, output)` after each forward; what it returns, if anything, takes the output's place.

        >>> from tinygrad_edu.nn import Linear
        >>> layer = Linear(1, 1, bias=False); layer.weight.data[...] = 2.0
        >>> seen = []
        >>> handle = layer.register_forward_hook(lambda module, args, output: seen.append(output.item()))
        >>> _ = layer(Tensor([3.0])); handle.remove(); _ = layer(Tensor([4.0])); seen
        [6.0]
        """
        hooks = self._own_hooks()
        return hooks.add(hooks.after, hook, "the module, its arguments and its output")

    def register_full_backward_hook(self, hook: Callable[[Module, Any, Any], Any]) -> Registration:
        """Call `hook(module, grad_input, grad_output)` when backward has come through the module.

        Both are tuples of Tensors, in the order of the module's tensors, None where a tensor needs no gradient. What
        the hook returns, if anything, takes the place of the input's gradient, where one input needs one.

        >>> from tinygrad_edu.nn import Linear
        >>> layer = Linear(1, 1, bias=False); layer.weight.data[...] = 2.0
        >>> handle = layer.register_full_backward_hook(lambda module, inside, outside: print(inside, outside))
        >>> layer(Tensor([3.0], requires_grad=True)).backward()
        (Tensor([2.]),) (Tensor([1.]),)
        """
        hooks = self._own_hooks()
        return hooks.add(hooks.backward, hook, "the module and the gradients of its inputs and outputs")

    def _own_hooks(self) -> Hooks:
        if self._hooks is None:
            from tinygrad_edu.nn.hooks import Hooks

            object.__setattr__(self, "_hooks", Hooks())
        return self._hooks  # type: ignore[return-value]

    # --- attributes ------------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Tensor) and value.requires_grad and value.is_leaf:
            self._forget(name, but="_parameters")
            self._own("_parameters")[name] = value
            if value.name is None:
                value.name = name
        elif isinstance(value, Module):
            self._forget(name, but="_children")
            self._own("_children")[name] = value
            object.__setattr__(value, "_name", name)
        elif name in self._buffers and isinstance(value, Tensor):
            self._own("_buffers")[name] = _without_gradient(name, value)
        elif name in self._parameters and value is not None:
            raise DtypeError(
                describe(
                    f"{name} is a parameter; only a leaf that requires grad can take its place, or None",
                    where=here(),
                    found=label(value) if isinstance(value, Tensor) else type(value).__name__,
                    fix=f"module.{name}.data = value, or a new Tensor(value, requires_grad=True)",
                    code="not-a-parameter",
                )
            )
        else:
            self._forget(name)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        self._forget(name)

    def _own(self, registry: str) -> dict[str, Any]:
        """The instance's own registry of that name, made when the first entry comes."""
        own: dict[str, Any] = self.__dict__.setdefault(registry, {})
        return own

    def _forget(self, name: str, but: str = "") -> None:
        """Take the name out of the registries; in `but` the new value takes the place of the old one in the order."""
        for registry in ("_parameters", "_children", "_buffers"):
            if registry != but and name in getattr(self, registry):
                del self._own(registry)[name]

    # --- parameters and modules ------------------------------------------------------------------------------

    def named_modules(self) -> list[tuple[str, Module]]:
        """This module, under "", and all modules in it with their paths, such as `layer1`; shared ones once."""
        found: list[tuple[str, Module]] = []
        seen: set[int] = set()
        stack: list[tuple[str, Module]] = [("", self)]
        while stack:
            path, module = stack.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            found.append((path, module))
            children = [(_joined(path, name), child) for name, child in module._children.items()]
            stack.extend(reversed(children))
        return found

    def modules(self) -> list[Module]:
        """This module and all modules in it; shared ones once."""
        return [module for _, module in self.named_modules()]

    def children(self) -> list[Module]:
        """The modules that are attributes of this one."""
        return list(self._children.values())

    def named_parameters(self) -> list[tuple[str, Tensor]]:
        """All parameters with their paths, such as `layer1.weight`, in order of assignment; shared ones once.

        >>> from tinygrad_edu.nn import Linear
        >>> [(path, p.shape) for path, p in Linear(2, 3).named_parameters()]
        [('weight', (2, 3)), ('bias', (3,))]
        """
        found: list[tuple[str, Tensor]] = []
        modules = self.named_modules()
        seen: set[int] = set()
        for path, module in modules:
            for name, parameter in module._parameters.items():
                if id(parameter) not in seen:
                    seen.add(id(parameter))
                    found.append((_joined(path, name), parameter))
        _look_into_lists(modules, seen)
        return found

    def parameters(self) -> list[Tensor]:
        """All parameters, in order of assignment; shared ones once."""
        return [parameter for _, parameter in self.named_parameters()]

    def register_buffer(self, name: str, value: Tensor | np.ndarray) -> None:
        """Make `value` the attribute `name`: a tensor that is saved with the parameters but is not trained.

        Write to it in place, or give the attribute another tensor. Raises DtypeError for one that requires grad.

        >>> from tinygrad_edu.nn import BatchNorm1d
        >>> [path for path, _ in BatchNorm1d(2).named_buffers()]
        ['running_mean', 'running_var', 'num_batches_tracked']
        """
        tensor = _without_gradient(name, value if isinstance(value, Tensor) else Tensor(value))
        self._own("_buffers")[name] = tensor
        setattr(self, name, tensor)

    def named_buffers(self) -> list[tuple[str, Tensor]]:
        """All buffers with their paths, in order of registration."""
        return [
            (_joined(path, name), x) for path, module in self.named_modules() for name, x in module._buffers.items()
        ]

    def buffers(self) -> list[Tensor]:
        """All buffers, in order of registration."""
        return [buffer for _, buffer in self.named_buffers()]

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to None."""
        for parameter in self.parameters():
            if parameter.requires_grad:
                parameter.grad = None

    def train(self: _Self, mode: bool = True) -> _Self:
        """Set `training` to `mode` in this module and all modules in it: some compute differently in training."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: _Self) -> _Self:
        """The same as `train(False)`."""
        return self.train(False)

    # --- state -----------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of the arrays of all parameters and buffers, under their paths.

        >>> from tinygrad_edu.nn import Linear
        >>> Linear(2, 1, init="zeros").state_dict()
        {'weight': array([[0.],
               [0.]]), 'bias': array([0.])}
        """
        return {path: x.detach().numpy().copy() for path, x in (*self.named_parameters(), *self.named_buffers())}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put the arrays of `state` into the parameters and buffers of the same paths, in their dtypes.

        Everything is checked first, so after an error the model is as it was. Raises DataError for missing and
        unexpected names, ShapeError for a wrong shape, DtypeError for an array that holds no such numbers.
        """
        parameters = dict((*self.named_parameters(), *self.named_buffers()))
        _check_names(parameters, state)
        arrays = {path: _fitting(path, parameter, state[path]) for path, parameter in parameters.items()}
        for path, parameter in parameters.items():
            parameter.data = arrays[path]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the parameters to `path` as .npz; `tinygrad_edu.nn.load` reads it. See `tinygrad_edu.nn.files`."""
        from tinygrad_edu.nn.files import save

        save(self, path)

    # --- text ------------------------------------------------------------------------------------------------

    def _label(self) -> str:
        """What is written on this module's box in a drawing, and in its line of repr."""
        return type(self).__name__

    def __repr__(self) -> str:
        rows = [("", self._label(), "")]
        for path, module in self.named_modules():
            indent = "  " * (path.count(".") + bool(path))
            if module is not self:
                rows.append((indent + path.rpartition(".")[2], module._label(), _count(module.parameters())))
            if module is self or module._children:  # the parameters of single layers are in their label
                rows.extend((f"{indent}  {name}", str(p.shape), _count([p])) for name, p in module._parameters.items())
        parameters = self.parameters()
        frozen = [p for p in parameters if not p.requires_grad]
        note = f" ({_count(frozen)} frozen)" if frozen else ""
        return "\n".join([*_aligned(rows), f"{_count(parameters)} parameters{note}"])


def _look_into_lists(modules: list[tuple[str, Module]], parameters: set[int]) -> None:
    """Warn, once an attribute, of modules and leaves in plain lists and dictionaries, which would not be trained.

    `parameters` has the ids of those that were found.
    """
    known = parameters | {id(module) for _, module in modules}
    for path, module in modules:
        for name, value in list(vars(module).items()):
            if name.startswith("_") or not isinstance(value, list | tuple | dict) or name in module._looked_into:
                continue
            hidden = [part for part in _inside(value) if id(part) not in known]
            if hidden:
                module._own("_looked_into")[name] = True
                caution(_not_found(_joined(path, name), value, hidden))


def _inside(value: Any) -> Iterator[Module | Tensor]:
    """The modules, and the leaves that require grad, in lists and dictionaries."""
    for part in value.values() if isinstance(value, dict) else value:
        if isinstance(part, list | tuple | dict):
            yield from _inside(part)
        elif isinstance(part, Module) or (isinstance(part, Tensor) and part.requires_grad and part.is_leaf):
            yield part


def _not_found(path: str, value: Any, hidden: list[Module | Tensor]) -> str:
    """The text of the warning that parameters in a plain list are not found."""
    layers = isinstance(hidden[0], Module)
    holder = "nn.ModuleDict" if isinstance(value, dict) else "nn.ModuleList"
    return describe(
        f"{path} is a plain {type(value).__name__}: what it holds is not found, so not trained",
        where=here(),
        holds=", ".join(type(part).__name__ if isinstance(part, Module) else label(part) for part in hidden[:3]),
        fix=f"{holder}(…), or nn.Sequential(*layers)" if layers else "an attribute for each",
        code="parameters-in-a-list",
    )


def _without_gradient(name: str, value: Tensor) -> Tensor:
    if value.requires_grad:
        raise DtypeError(
            describe(
                f"{name}: a buffer needs no gradient",
                where=here(),
                fix="value.detach(); a parameter is a leaf, Tensor(value, requires_grad=True)",
                code="buffer-requires-grad",
            )
        )
    return value


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _count(parameters: list[Tensor]) -> str:
    return f"{sum(p.size for p in parameters):,}"


def _aligned(rows: list[tuple[str, str, str]]) -> list[str]:
    """The rows in columns, the last one flush right; the first row is the heading and stays as it is."""
    names, labels, counts = (max((len(row[i]) for row in rows[1:]), default=0) for i in range(3))
    lines = [f"{name:<{names}}  {label:<{labels}}  {count:>{counts}}" for name, label, count in rows[1:]]
    return [rows[0][1], *lines]


def _check_names(parameters: Mapping[str, Tensor], state: Any) -> None:
    if not isinstance(state, Mapping):
        raise DtypeError(
            describe(
                f"load_state_dict needs a dictionary of names and arrays, not {type(state).__name__}",
                where=here(),
                fix="model.load_state_dict(other.state_dict()); tg.nn.load(path) for a file",
                code="not-a-dictionary",
            )
        )
    missing = [path for path in parameters if path not in state]
    unexpected = [str(path) for path in state if path not in parameters]
    if missing or unexpected:
        facts = {"missing": ", ".join(missing), "unexpected": ", ".join(unexpected)}
        raise DataError(
            describe(
                "the state has other parameters than the model",
                where=here(),
                **{name: text for name, text in facts.items() if text},
                fix="build the model as it was when the state was saved",
                code="state-names",
            )
        )


def _fitting(path: str, parameter: Tensor, value: Any) -> np.ndarray:
    """`value` as an array that can be put into the parameter, or an error that names both."""
    array = np.asarray(value.detach().numpy() if isinstance(value, Tensor) else value)
    if isinstance(value, np.ma.MaskedArray):
        array = to_array(value)  # refuses what is masked
    if array.shape != parameter.shape:
        raise ShapeError(
            describe(
                f"{path}: the state has shape {array.shape}, the model {parameter.shape}",
                where=here(),
                fix="build the model with the sizes it had when the state was saved",
                code="state-shape",
            )
        )
    if array.dtype.kind != parameter.dtype.kind:
        raise DtypeError(
            describe(
                f"{path}: the state has dtype {array.dtype}, the model {parameter.dtype}",
                where=here(),
                fix=f"array.astype('{parameter.dtype}') if the numbers are meant",
                code="state-dtype",
            )
        )
    with np.errstate(all="ignore"):  # float64 beyond float32 is inf, as everywhere
        return array.astype(parameter.dtype)
