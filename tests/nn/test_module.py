"""Modules find their parameters, name them, load all or nothing, and leave no garbage."""

import copy
import gc
import threading
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.errors import DataError, DtypeError, GradientError, ShapeError, TinygradWarning
from tinygrad_edu.nn import MLP, Linear, Module, Sequential
from tinygrad_edu.node import node_site, state


class Net(Module):
    """Two layers and a parameter of its own, without `super().__init__()`."""

    def __init__(self):
        self.scale = tg.Tensor([1.0, 2.0], requires_grad=True)
        self.body = MLP([3, 4, 2], rng=1)
        self.note = "not a parameter"
        self.constant = tg.Tensor([1.0])
        self.numbers = [1, 2.0, tg.Tensor([3.0])]

    def forward(self, x):
        return self.body(x) * self.scale


NET = ["scale", "body.layer1.weight", "body.layer1.bias", "body.layer2.weight", "body.layer2.bias"]


def test_parameters_are_found_by_path_in_order_and_lists_are_not_searched():
    net = Net()
    assert [path for path, _ in net.named_parameters()] == NET
    assert [p.shape for p in net.parameters()] == [(2,), (3, 4), (4,), (4, 2), (2,)]
    assert [path for path, _ in net.named_modules()] == ["", "body", "body.layer1", "body.layer2"]
    assert net.modules() == [net, net.body, net.body.layer1, net.body.layer2]
    assert net.children() == [net.body]


@pytest.mark.parametrize(
    ("held", "told"),
    [
        (lambda: [Linear(2, 2), Linear(2, 1)], "Linear, Linear"),
        (lambda: (Linear(2, 2),), "ModuleList"),
        (lambda: {"a": Linear(2, 2)}, "ModuleDict"),
        (lambda: [[MLP([2, 1])]], "MLP"),
        (lambda: [tg.Tensor([1.0], requires_grad=True, name="w")], "an attribute for each"),
    ],
)
def test_layers_in_a_plain_list_were_silently_not_trained(held, told):
    net = Net()
    net.head = Sequential(Linear(2, 2))
    net.head.loose = held()
    with pytest.warns(TinygradWarning, match=r"head\.loose is a plain (list|tuple|dict)") as caught:
        assert len(net.parameters()) == len(NET) + 2
    assert told in str(caught[0].message)
    assert caught[0].filename == __file__
    net.parameters()  # said once


def test_a_list_of_what_is_found_anyway_is_no_mistake():
    net = Net()
    net.order = [net.body, net.scale, net.body.layer1]
    assert [path for path, _ in net.named_parameters()] == NET


def test_what_replaces_a_parameter_or_module_takes_its_place_in_the_order():
    net = Net()
    net.scale = tg.Tensor([3.0, 4.0], requires_grad=True)
    net.body.layer1 = Linear(3, 4)
    assert [path for path, _ in net.named_parameters()] == NET
    assert net.parameters()[0] is net.scale
    net.body.layer1 = None
    net.body.layer1 = Linear(3, 4)
    assert [path for path, _ in net.named_parameters()] == [NET[0], *NET[3:], *NET[1:3]]


def test_a_parameter_without_a_name_gets_the_attributes_name():
    net = Net()
    named = tg.Tensor(1.0, requires_grad=True, name="temperature")
    net.t = named
    assert (net.scale.name, net.body.layer1.weight.name, named.name) == ("scale", "weight", "temperature")


def test_shared_parameters_and_modules_are_listed_once():
    net = Net()
    net.again = net.scale
    net.body_again = net.body
    assert [path for path, _ in net.named_parameters()] == NET
    net.me = net
    assert len(net.modules()) == 4


def test_replacing_and_deleting_attributes_is_noticed():
    net = Net()
    net.scale = tg.Tensor([5.0, 5.0], requires_grad=True)
    assert net.parameters()[0] is net.scale
    net.body = Linear(3, 2)
    assert [path for path, _ in net.named_parameters()] == ["scale", "body.weight", "body.bias"]
    net.scale = None
    del net.body
    assert net.parameters() == []
    assert not hasattr(net, "body")
    net.scale = Linear(1, 1)
    net.scale = tg.Tensor([1.0], requires_grad=True)
    assert [path for path, _ in net.named_parameters()] == ["scale"]
    assert net.children() == []


def test_a_computed_tensor_is_no_parameter_and_cannot_replace_one():
    net = Net()
    net.last = net.scale * 2
    assert [path for path, _ in net.named_parameters()] == NET
    with pytest.raises(
        DtypeError,
        match=r"scale is a parameter; only a leaf that requires grad can take its place(.|\n)*module\.scale\.data",
    ):
        net.scale = net.scale * 2
    assert net.parameters()[0] is net.scale
    assert net.scale.is_leaf


def test_modules_of_one_class_share_nothing():
    first, second = Net(), Net()
    first.eval()
    first.extra = tg.Tensor(1.0, requires_grad=True)
    assert len(first.parameters()) == len(second.parameters()) + 1
    assert second.training
    assert Module().parameters() == []


def test_train_and_eval_reach_every_module_and_give_the_module_back():
    net = Net()
    assert net.eval() is net
    assert [m.training for m in net.modules()] == [False] * 4
    assert net.train() is net
    assert [m.training for m in net.modules()] == [True] * 4


def test_zero_grad_sets_none_and_leaves_frozen_parameters_alone():
    net = Net()
    net(np.ones((1, 3))).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.scale.requires_grad = False
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match=r"Module has no forward\(self, …\)"):
        Module()(1)


# --- calls ---


def test_ops_know_their_module_and_the_users_line():
    net = Net()
    y = net(tg.Tensor(np.ones((1, 3))))
    inner = y._node.inputs[0]
    assert (y._node.scope.path, y._node.scope.module) == ("", net)
    assert (inner.scope.path, inner.scope.kind, inner.scope.module) == ("body.layer2", "module", net.body.layer2)
    assert inner.scope.label() == "Linear(4 → 2) + sigmoid"
    assert node_site(inner).startswith("test_module.py:")


def test_the_scope_is_left_after_an_error():
    with pytest.raises(ShapeError):
        Net()(np.ones((1, 5)))
    assert state().scope is None


def test_calls_from_several_threads_keep_their_scopes_apart():
    net = Net()
    paths = []

    def work():
        for _ in range(50):
            node = net(np.ones((1, 3)))._node
            paths.append((node.scope.path, node.inputs[0].scope.path, state().scope))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(paths) == {("", "body.layer2", None)}
    assert len(paths) == 200


def test_modules_are_freed_without_the_garbage_collector():
    gc.collect()
    gc.disable()
    try:
        net = Net()
        loss = net(np.ones((2, 3))).sum()
        loss.backward()
        watched = [weakref.ref(x) for x in (net, net.body, net.scale, net.body.layer1.weight)]
        del net, loss
        assert [ref() for ref in watched] == [None] * 4
    finally:
        gc.enable()


def test_a_deep_copy_is_a_model_of_its_own():
    net = Net()
    twin = copy.deepcopy(net)
    assert [path for path, _ in twin.named_parameters()] == NET
    assert twin.parameters()[0] is twin.scale
    twin.scale.data = [7.0, 7.0]
    np.testing.assert_array_equal(net.scale.data, [1.0, 2.0])
    assert twin(np.ones((1, 3))).shape == (1, 2)


# --- state ---


@given(seed=st.integers(0, 2**32), other=st.integers(0, 2**32), dtype=st.sampled_from([np.float32, np.float64]))
def test_state_goes_round_whatever_the_weights(seed, other, dtype):
    model, target = (MLP([3, 4, 2], rng=rng, dtype=dtype) for rng in (seed, other))
    saved = model.state_dict()
    target.load_state_dict(saved)
    for path, array in target.state_dict().items():
        np.testing.assert_array_equal(array, saved[path])
        assert array.dtype == dtype
    x = np.ones((2, 3), dtype)
    np.testing.assert_array_equal(model(x).detach().numpy(), target(x).detach().numpy())


def test_state_holds_copies_in_both_directions():
    net = Net()
    saved = net.state_dict()
    saved["scale"][:] = 9
    np.testing.assert_array_equal(net.scale.data, [1.0, 2.0])
    net.load_state_dict(saved)
    saved["scale"][:] = 0
    np.testing.assert_array_equal(net.scale.data, [9.0, 9.0])


def test_tensors_and_other_floats_can_be_loaded_and_the_models_dtype_stays():
    model = Linear(2, 1, dtype=np.float32)
    model.load_state_dict({"weight": tg.Tensor([[1.5], [2.5]], requires_grad=True), "bias": np.array([1e300])})
    assert model.weight.data.tolist() == [[1.5], [2.5]]
    assert (model.weight.dtype, model.bias.data[0]) == (np.float32, np.inf)


WRONG = {
    "missing": (lambda s: s.pop("body.layer2.bias"), DataError, "missing: body.layer2.bias"),
    "unexpected": (lambda s: s.update(extra=np.ones(1)), DataError, "unexpected: extra"),
    "shape": (
        lambda s: s.update({"body.layer2.bias": np.ones(3)}),
        ShapeError,
        "body.layer2.bias: the state has shape (3,), the model (2,)",
    ),
    "integers": (
        lambda s: s.update({"body.layer2.bias": np.ones(2, int)}),
        DtypeError,
        "body.layer2.bias: the state has dtype int64, the model float64",
    ),
    "words": (
        lambda s: s.update({"body.layer2.bias": np.array(["a", "b"])}),
        DtypeError,
        "body.layer2.bias: the state has dtype <U1, the model float64",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_state_that_does_not_fit_changes_nothing(wrong):
    spoil, error, text = WRONG[wrong]
    net = Net()
    before = net.state_dict()
    state_dict = {path: array + 1 for path, array in before.items()}
    spoil(state_dict)
    with pytest.raises(error) as caught:
        net.load_state_dict(state_dict)
    assert " ".join(text.split()) in " ".join(str(caught.value).split())
    assert "where: test_module.py:" in " ".join(str(caught.value).split())
    for path, array in net.state_dict().items():
        np.testing.assert_array_equal(array, before[path])


def test_a_state_that_is_no_dictionary_is_refused():
    with pytest.raises(DtypeError, match="needs a dictionary of names and arrays, not str"):
        Net().load_state_dict("m.npz")


def test_loading_is_a_write_that_backward_notices():
    model = Linear(2, 1)
    loss = (model(np.ones((1, 2))) ** 2).sum()
    x = tg.Tensor(np.ones((1, 2)), requires_grad=True)
    through_weight = model(x).sum()
    model.load_state_dict(model.state_dict())
    with pytest.raises(GradientError, match=r"weight \(2, 1\) was written(.|\n)*test_module\.py"):
        through_weight.backward()
    loss.backward()  # needs no old weight


# --- text ---


def test_repr_lists_modules_own_parameters_and_the_total():
    assert repr(Net()).splitlines() == [
        "Net",
        "  scale     (2,)                      2",
        "  body      MLP(3 → 4 → 2)           26",
        "    layer1  Linear(3 → 4) + sigmoid  16",
        "    layer2  Linear(4 → 2) + sigmoid  10",
        "28 parameters",
    ]


def test_repr_counts_shared_parameters_once_and_tells_frozen_ones():
    model = Sequential(layer := Linear(2, 2), layer)
    layer.bias.requires_grad = False
    assert repr(model).splitlines()[-1] == "6 parameters (2 frozen)"


def test_the_notes_network_says_13002():
    model = MLP([784, 16, 16, 10])
    assert sum(p.size for p in model.parameters()) == 13_002
    assert repr(model).splitlines()[-1] == "13,002 parameters"


# --- buffers ---


class Counter(Module):
    def __init__(self):
        self.weight = tg.Tensor([1.0, 2.0], requires_grad=True)
        self.register_buffer("calls", np.array(0))

    def forward(self, x):
        self.calls[...] = self.calls.item() + 1
        return self.weight * x


def test_a_buffer_is_in_the_state_but_not_trained_and_may_be_written_or_replaced():
    model = Counter()
    model(1.0)
    model(1.0)
    assert [name for name, _ in model.named_parameters()] == ["weight"]
    assert [(name, x.item()) for name, x in model.named_buffers()] == [("calls", 2)]
    model.calls = tg.Tensor(np.array(7))
    assert model.buffers()[0] is model.calls
    assert {name: array.tolist() for name, array in model.state_dict().items()} == {"weight": [1, 2], "calls": 7}
    other = Counter()
    other.load_state_dict(model.state_dict())
    assert other.calls.item() == 7
    model.zero_grad()
    assert model(1.0).shape == (2,)


def test_a_buffer_of_a_class_is_not_shared_between_its_modules():
    first, second = Counter(), Counter()
    first(1.0)
    assert second.calls.item() == 0


def test_a_buffer_that_requires_grad_is_refused():
    with pytest.raises(DtypeError, match="mean: a buffer needs no gradient"):
        Counter().register_buffer("mean", tg.Tensor(1.0, requires_grad=True))
    model = Counter()
    with pytest.raises(DtypeError, match="calls: a buffer needs no gradient"):
        model.calls = model.weight.sum()


def test_an_attribute_deleted_or_given_another_role_is_no_buffer_any_more():
    model = Counter()
    del model.calls
    assert model.buffers() == []
    model = Counter()
    model.calls = tg.Tensor(1.0, requires_grad=True)
    assert model.buffers() == []
    assert [name for name, _ in model.named_parameters()] == ["weight", "calls"]
    model = Counter()
    model.calls = None
    assert model.buffers() == []
