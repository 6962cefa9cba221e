"""Rules that differentiate: every gradient is that of what was computed when it was computed, or is refused."""

from contextlib import nullcontext

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import rule

import tinygrad_edu as tg
from tests.machine.base import Machine, flags, picks, seeds
from tests.reference import gradient, is_smooth, second_derivative, slopes_of
from tinygrad_edu import Tensor
from tinygrad_edu.errors import GradientError


class Differentiating(Machine):
    def may_be_stale(self, x):
        return any(self.writes[leaf] != written for leaf, written in x.saved)

    def may_refuse(self, x, error):
        """A graph may be stale; and where one was freed, others that share a part of it are too."""
        return self.may_be_stale(x) or (self.freed and error.code == "freed-graph")

    @rule(which=picks, seed=seeds, create_graph=flags, retain_grads=flags)
    def backward(self, which, seed, create_graph, retain_grads):
        x = self.pick(which)
        if not x.tracked:
            return
        cotangent = np.random.default_rng(seed).uniform(-1, 1, x.tensor.shape)
        try:
            x.tensor.backward(cotangent.copy(), create_graph=create_graph, retain_grads=retain_grads)
        except GradientError as error:
            if not self.may_refuse(x, error):
                raise  # refused although nothing had been written
            return
        assert not x.freed, "a graph that was freed was used again"
        self.add_gradient(x, cotangent)

    def add_gradient(self, x, cotangent):
        self.add_gradient_of(x.values(), cotangent)

    def add_gradient_of(self, cells, cotangent):
        self.add_kept_gradients(cells, cotangent)
        for (leaf, index), slope in gradient(cells, cotangent).items():
            if leaf in self.gradients:
                if self.gradients[leaf] is None:
                    self.gradients[leaf] = np.zeros(self.leaves[leaf].memory.shape)
                self.gradients[leaf][index] += slope

    def add_kept_gradients(self, cells, cotangent):
        """To what was asked to keep its gradient, and is still the value that it was then."""
        asked = [slot for slot in self.slots if slot.alone]
        if asked:
            slopes = {id(value): slope for value, slope in slopes_of(cells, cotangent)}
            for slot in asked:
                ids = [id(value) for value in slot.cells.ravel()]
                if any(number in slopes for number in ids):
                    added = np.reshape([slopes.get(number, 0.0) for number in ids], slot.cells.shape)
                    slot.kept = added if slot.kept is None else slot.kept + added

    @rule(first=picks, second=picks, create_graph=flags)
    def gradients_by_a_computed_tensor(self, first, second, create_graph):
        x, y = self.pick(first), self.pick(second)
        if not x.tracked or not y.alone or x.is_leaf:
            return
        try:
            g = tg.gradients(x.tensor, y.tensor, cotangent=np.ones(x.tensor.shape), create_graph=create_graph)
        except GradientError as error:
            if not self.may_refuse(x, error):
                raise  # refused although nothing had been written
            return
        slopes = {id(value): slope for value, slope in slopes_of(x.values())}
        expected = np.reshape([slopes.get(id(value), 0.0) for value in y.cells.ravel()], y.cells.shape)
        np.testing.assert_allclose(0.0 if g is None else g.detach().numpy(), expected, rtol=1e-8, atol=1e-8)

    @rule(which=picks, how=st.sampled_from(["vjp", "linearize"]))
    def function_that_pulls_back_later(self, which, how):
        """Of tanh(t)·t, by the value of now, whatever is written until it is called."""
        x = self.pick(which)
        if not x.tensor.size:
            return
        value = x.tensor if how == "vjp" else x.tensor.detach()
        make = tg.vjp if how == "vjp" else tg.linearize
        now = x.numbers().copy()
        pull = make(lambda t: np.tanh(t) * t, value)[1]
        self.pulled_later.append((pull, np.tanh(now) + now * (1 - np.tanh(now) ** 2), x))

    @rule(which=picks)
    def pulled_back_now(self, which):
        if not self.pulled_later:
            return
        pull, expected, x = self.pulled_later[which % len(self.pulled_later)]
        try:
            result = pull(np.ones(expected.shape))
        except GradientError:
            assert x.is_leaf or x.owner is not None or x.memory is not None, "refused although nothing can be written"
            return
        found = result[0] if isinstance(result, tuple | list) else result
        np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-8, atol=1e-8)

    @rule(which=picks, victim=picks, leaf=picks, retain_grads=flags)
    def backward_with_a_hook_that_writes(self, which, victim, leaf, retain_grads):
        """Rules that come after the hook may need what it wrote over: then backward is refused."""
        x, other = self.pick(which), self.pick(victim)
        written = self.leaves[leaf % len(self.leaves)]
        if not (x.tracked and other.tracked and written.tracked) or other.tags is not None:
            return
        cotangent, cells, came = np.ones(x.tensor.shape), x.values(), []

        def write(g):
            came.append(True)
            written.tensor.data -= 0.125
            written.memory -= 0.125
            self.written(written)

        registration = other.tensor.register_hook(write)
        try:
            x.tensor.backward(cotangent, retain_grads=retain_grads)
        except GradientError as error:
            if not (came or self.may_refuse(x, error)):
                raise  # refused although nothing had been written
        else:
            self.add_gradient_of(cells, cotangent)
        finally:
            registration.remove()

    @rule(which=picks, victim=picks)
    def backward_that_is_interrupted(self, which, victim):
        """An error on the way leaves every gradient as it was; the next backward is as if nothing had happened."""
        x, other = self.pick(which), self.pick(victim)
        if not (x.tracked and other.tracked):
            return

        def stop(g):
            raise InterruptedError

        registration = other.tensor.register_hook(stop)
        try:
            x.tensor.backward(np.zeros(x.tensor.shape))
        except (InterruptedError, GradientError):
            pass
        else:
            self.add_gradient(x, np.zeros(x.tensor.shape))
        finally:
            registration.remove()

    @rule(which=picks)
    def backward_that_frees(self, which):
        x = self.pick(which)
        if not x.tracked or x.tags is not None:
            return
        cotangent = np.ones(x.tensor.shape)
        try:
            x.tensor.backward(cotangent, retain_graph=False)
        except GradientError as error:
            if not self.may_refuse(x, error):
                raise  # refused although nothing had been written
            return
        self.freed = x.freed = True
        self.add_gradient(x, cotangent)

    @rule(which=picks, seed=seeds)
    def second_derivatives(self, which, seed):
        x = self.pick(which)
        alive = list(self.gradients)
        if not x.tracked or not alive or self.freed or not is_smooth(x.values()):
            return
        tensors = [self.leaves[number].tensor for number in alive]
        rng = np.random.default_rng(seed)
        directions = [rng.uniform(-1, 1, tensor.shape) for tensor in tensors]
        try:
            first = tg.gradients(x.tensor, tensors, cotangent=np.ones(x.tensor.shape), create_graph=True)
            slope = sum(((g * d).sum() for g, d in zip(first, directions) if g is not None), Tensor(0.0))
            found = tg.gradients(slope, tensors) if slope.requires_grad else [None] * len(tensors)
        except GradientError:
            assert self.may_be_stale(x), "second derivatives were refused although nothing had been written"
            return
        along = {(number, i): d[i] for number, d in zip(alive, directions) for i in np.ndindex(d.shape)}
        expected = {number: np.zeros(d.shape) for number, d in zip(alive, directions)}
        for (leaf, index), value in second_derivative(x.values(), along).items():
            if leaf in expected:
                expected[leaf][index] += value
        for number, g in zip(alive, found):
            scale = max(1.0, np.abs(expected[number]).max(initial=0.0))
            np.testing.assert_allclose(0.0 if g is None else g.numpy(), expected[number], rtol=1e-4, atol=1e-4 * scale)

    @rule(which=picks)
    def gradients_by_all_leaves(self, which):
        self.check_gradients(self.pick(which))

    def check_gradients(self, x):
        alive = list(self.gradients)
        if not x.tracked or not alive:
            return
        try:
            tensors = [self.leaves[number].tensor for number in alive]
            found = tg.gradients(x.tensor, tensors, cotangent=np.ones(x.tensor.shape))
        except GradientError as error:
            if not self.may_refuse(x, error):
                raise  # refused although nothing had been written
            return
        expected = {number: np.zeros(self.leaves[number].memory.shape) for number in alive}
        for (leaf, index), slope in gradient(x.values()).items():
            if leaf in expected:
                expected[leaf][index] += slope
        for number, g in zip(alive, found):
            np.testing.assert_allclose(0.0 if g is None else g.numpy(), expected[number], rtol=1e-8, atol=1e-8)

    @rule(leaf=picks, how=st.sampled_from(["forget", "halve", "halve without recording"]))
    def gradient_is_cleared_or_scaled(self, leaf, how):
        known = [number for number, g in self.gradients.items() if g is not None]
        if not known:
            return
        number = known[leaf % len(known)]
        x = self.leaves[number].tensor
        if how == "forget":
            x.grad = None
            self.gradients[number] = None
        else:
            with nullcontext() if how == "halve" else tg.no_grad():
                x.grad *= 0.5
            self.gradients[number] *= 0.5

    def teardown(self):
        for slot in getattr(self, "slots", ()):
            self.check_gradients(slot)
