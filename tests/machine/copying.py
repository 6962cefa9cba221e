"""Rules that detach, copy, pickle, look at and forget tensors."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis.stateful import rule

from tests.machine.base import Machine, flags, picks
from tests.machine.slots import Slot
from tests.reference import numbers


class Copying(Machine):
    @rule(which=picks)
    def detached(self, which):
        x = self.pick(which)
        if x.cells is not None:
            self.keep(Slot(x.tensor.detach(), memory=numbers(x.cells)))
        else:
            self.keep(Slot(x.tensor.detach(), memory=x.memory, owner=x.owner))

    @rule(which=picks, deep=flags)
    def copied(self, which, deep):
        x = self.pick(which)
        if x.tracked:
            return
        self.keep(Slot((copy.deepcopy if deep else copy.copy)(x.tensor), memory=np.array(x.memory)))

    @rule(which=picks)
    def pickled(self, which):
        x = self.pick(which)
        if x.tracked:
            return
        self.keep(Slot(pickle.loads(pickle.dumps(x.tensor)), memory=np.array(x.memory)))

    @rule(which=picks)
    def forgotten(self, which):
        if len(self.slots) > 2:
            self.slots.pop(which % len(self.slots))

    @rule(which=picks)
    def looked_at(self, which):
        """None of this may change anything."""
        x = self.pick(which)
        repr(x.tensor)
        x.tensor.name = "seen"
        assert x.tensor.name == "seen"
        if not x.tracked:
            with pytest.raises(ValueError, match="read-only"):
                x.tensor.numpy()[...] = 5.0

    @rule(which=picks)
    def no_longer_requires_grad(self, which):
        x = self.pick(which)
        if not (x.is_leaf and x.tracked):
            return
        x.tensor.requires_grad = False
        x.tags = None
        del self.gradients[x.owner]
