"""ModuleList is a list and ModuleDict a dictionary, whose modules are found."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.errors import DtypeError, IndexingError
from tinygrad_edu.nn import Identity, Linear, Module, ModuleDict, ModuleList, ReLU, Sequential

STEPS = st.lists(st.tuples(st.sampled_from(["append", "insert", "set", "delete", "extend"]), st.integers(-4, 4)))


@given(STEPS)
def test_whatever_is_done_a_module_list_is_the_list_and_its_parameters_are_those_of_its_modules(steps):
    mine, plain = ModuleList(), []
    for place, (what, index) in enumerate(steps):
        layer = Linear(1, 1, bias=False, rng=place)
        inside = -len(plain) <= index < len(plain)
        if what == "append":
            mine.append(layer)
            plain.append(layer)
        elif what == "extend":
            mine.extend([layer, Identity()])
            plain.extend([layer, mine[-1]])
        elif what == "insert":
            mine.insert(index, layer)
            plain.insert(index, layer)
        elif inside and what == "set":
            mine[index] = plain[index] = layer
        elif inside:
            del mine[index], plain[index]
        else:
            with pytest.raises(IndexError, match="is outside of a ModuleList of"):
                mine[index]
        assert len(mine) == len(plain)
        assert all(a is b for a, b in zip(mine, plain, strict=True))
        expected = [(f"{i}.weight", m.weight) for i, m in enumerate(plain) if isinstance(m, Linear)]
        found = mine.named_parameters()
        assert [path for path, _ in found] == [path for path, _ in expected]
        assert all(a is b for (_, a), (_, b) in zip(found, expected, strict=True))
    assert list(mine[1:3]) == plain[1:3]
    assert type(mine[:]) is ModuleList


class Net(Module):
    def __init__(self, depth=3):
        rng = np.random.default_rng(0)
        self.layers = ModuleList(Linear(2, 2, rng=rng) for _ in range(depth))
        self.heads = ModuleDict({"up": Linear(2, 1, rng=rng), "down": Sequential(ReLU(), Linear(2, 1, rng=rng))})

    def forward(self, x, head):
        for layer in self.layers:
            x = x + layer(x)
        return self.heads[head](x)


def test_the_modules_in_them_are_trained_saved_named_and_shown():
    net = Net()
    paths = [path for path, _ in net.named_parameters()]
    assert paths[:2] + paths[-2:] == ["layers.0.weight", "layers.0.bias", "heads.down.layer2.weight",
                                      "heads.down.layer2.bias"]  # fmt: skip
    assert len(paths) == 10
    net(np.ones((4, 2)), "up").sum().backward()
    assert [p.grad is not None for p in net.parameters()] == [True] * 8 + [False] * 2
    assert not net.eval().layers[1].training
    other = Net()
    for p in other.parameters():
        p.data[...] = 0.0
    other.load_state_dict(net.state_dict())
    x = np.ones((4, 2))
    np.testing.assert_array_equal(other(x, "down").detach().numpy(), net(x, "down").detach().numpy())
    assert "  layers" in repr(net)
    assert "    0" in repr(net)
    with pytest.raises(ValueError, match=r"layers\.0 expects \(…, 2\)"):
        net(np.ones((4, 3)), "up")


def test_a_dictionary_of_modules_is_one():
    a, b = Identity(), ReLU()
    held = ModuleDict({"a": a})
    held["b"] = b
    assert held.keys() == list(held) == ["a", "b"]
    assert held.values() == [a, b]
    assert held.items() == [("a", a), ("b", b)]
    assert "a" in held
    assert "c" not in held
    held.update([("a", b)])
    assert held["a"] is held["b"] is b
    del held["a"]
    assert len(held) == 1
    for use in (lambda: held["a"], lambda: held.__delitem__("a")):
        with pytest.raises(KeyError, match="no module is called 'a'"):
            use()
    for key in ("", "a.b", "forward", "training", 3):
        with pytest.raises(DtypeError, match="can't be a key of a ModuleDict"):
            held[key] = a


def test_only_modules_may_be_held_and_a_list_of_them_cannot_be_called():
    for put in (lambda: ModuleList([tg.relu]), lambda: ModuleDict({"a": tg.relu}), lambda: ModuleList().append(3)):
        with pytest.raises(DtypeError, match="holds modules, not"):
            put()
    layers = ModuleList([ReLU()])
    with pytest.raises(DtypeError, match="a ModuleList holds modules"):
        layers[0] = None
    assert len(layers) == 1
    with pytest.raises(NotImplementedError, match=r"ModuleList has no forward"):
        layers(1.0)
    with pytest.raises(IndexingError):
        del layers[1]


def test_identity_gives_what_it_gets():
    x = tg.Tensor([1.0], requires_grad=True)
    assert Identity()(x) is x
