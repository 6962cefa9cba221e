"""Functions that a module calls before and after its forward, and with the gradients of its inputs and outputs.

`Module.register_forward_hook` and its like keep them here. A module without hooks knows nothing of this file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tinygrad_edu.errors import GradientError, describe
from tinygrad_edu.handle import Registration, must_be_callable
from tinygrad_edu.node import Node, here, state
from tinygrad_edu.ops.elementwise import positive
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.transforms import leaves_of, map_tree

if TYPE_CHECKING:
    from tinygrad_edu.nn.module import Module

Hook = Callable[..., Any]


class Hooks:
    """The hooks of one module, by when they are called; in the order in which they were registered."""

    def __init__(self) -> None:
        self.before: list[Hook] = []
        self.after: list[Hook] = []
        self.backward: list[Hook] = []

    def add(self, hooks: list[Hook], hook: Hook, arguments: str) -> Registration:
        """Keep `hook` among `hooks`; the result's remove() takes this registration of it away again."""
        must_be_callable(hook, f"a hook is a function of {arguments}", "module.register_forward_hook(print)")
        hooks.append(hook)

        def remove() -> None:
            place = next(place for place, other in enumerate(hooks) if other is hook)
            del hooks[place]

        return Registration(remove)

    def call(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What the module's forward gives, between its hooks."""
        for hook in tuple(self.before):
            changed = hook(module, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
        passage = _Passage(module, tuple(self.backward)) if self.backward and state().recording else None
        if passage is not None:
            args, kwargs = passage.inputs(args, kwargs)
        output = module.forward(*args, **kwargs)
        for hook in tuple(self.after):
            changed = hook(module, args, output)
            output = output if changed is None else changed
        return output if passage is None else passage.outputs(output)


class _Passage:
    """One call of a module whose backward hooks are to see the gradients that pass through it.

    Inputs and outputs are recorded once more as they are, so that what the module itself does with them, and what
    others do with the same tensors, doesn't count.
    """

    def __init__(self, module: Module, hooks: tuple[Hook, ...]) -> None:
        self.module, self.hooks = module, hooks
        self.entries: dict[int, Node] = {}  # the tracked inputs by their place among all
        self.reached: list[int] = []  # those on which the outputs depend; backward comes to the first of them last
        self.gradients_in: list[Tensor | None] = []
        self.gradients_out: list[Tensor | None] = []

    def inputs(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments, the tracked tensors among them recorded anew."""
        return map_tree(self._entry, args), map_tree(self._entry, kwargs)

    def _entry(self, value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        place = len(self.gradients_in)
        self.gradients_in.append(None)
        if not value.requires_grad:
            return value
        recorded: Tensor = positive(value)
        self.entries[place] = recorded._node  # type: ignore[assignment]
        recorded.register_hook(lambda g: self._arrived_at_input(place, g))
        return recorded

    def outputs(self, output: Any) -> Any:
        """What the module gave, the tracked tensors in it recorded anew."""
        tracked = [leaf for leaf in leaves_of(output) if isinstance(leaf, Tensor) and leaf.requires_grad]
        self.reached = self._reached_from([leaf._node for leaf in tracked if leaf._node is not None])
        if len(tracked) > 1 and not self.reached:
            raise GradientError(
                describe(
                    f"{type(self.module).__name__}: a backward hook can't wait for {len(tracked)} outputs",
                    where=here(),
                    why="none of the inputs needs a gradient, so nothing says when all outputs have theirs",
                    fix="output.register_hook(…) for each of them",
                    code="module-hook",
                )
            )
        return map_tree(self._exit, output)

    def _exit(self, value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        place = len(self.gradients_out)
        self.gradients_out.append(None)
        if not value.requires_grad:
            return value
        recorded: Tensor = positive(value)
        recorded.register_hook(lambda g: self._arrived_at_output(place, g))
        return recorded

    def _reached_from(self, roots: list[Node]) -> list[int]:
        if not self.entries:
            return []
        oldest, pending, seen = min(entry.index for entry in self.entries.values()), list(roots), set(roots)
        while pending:
            for parent in pending.pop().inputs:
                if parent.requires_grad and parent.index >= oldest and parent not in seen:
                    seen.add(parent)
                    pending.append(parent)
        return [place for place, entry in self.entries.items() if entry in seen]

    def _arrived_at_output(self, place: int, g: Tensor) -> None:
        self.gradients_out[place] = g
        if not self.reached:
            self._tell()

    def _arrived_at_input(self, place: int, g: Tensor) -> Any:
        self.gradients_in[place] = g
        return self._tell() if place == self.reached[0] else None

    def _tell(self) -> Any:
        """Call the hooks with all gradients; gives what is to take the place of the input's, None for no change."""
        inside, outside = tuple(self.gradients_in), tuple(self.gradients_out)
        self.gradients_in, self.gradients_out = [None] * len(inside), [None] * len(outside)
        replaced = None
        for hook in self.hooks:
            changed = hook(self.module, inside, outside)
            if changed is None:
                continue
            if len(self.reached) != 1:
                raise GradientError(
                    describe(
                        f"{type(self.module).__name__}: a backward hook can change the gradient of one input, "
                        f"and {len(self.reached)} need one",
                        where=here(),
                        fix="return None; x.register_hook(…) changes the gradient of any tensor",
                        code="module-hook",
                    )
                )
            inside = changed if isinstance(changed, tuple) else (changed,)
            replaced = inside[self.reached[0]] if len(inside) > self.reached[0] else inside[0]
        return replaced
