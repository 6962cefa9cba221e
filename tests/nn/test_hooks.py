"""Hooks of modules: called when they should be, with what they should get, and gone when they are removed."""

import copy

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Tensor
from tinygrad_edu.errors import DtypeError, GradientError
from tinygrad_edu.nn import MLP, Linear, Module, Sequential


def leaf(value, **options):
    return Tensor(value, requires_grad=True, **options)


class Product(Module):
    """x · y · weight, and the sum as well."""

    def __init__(self):
        self.weight = leaf(2.0)

    def forward(self, x, y=3.0):
        return x * y * self.weight, x + y


def test_forward_hooks_see_and_replace_arguments_and_output_in_order():
    layer, calls = Linear(2, 1, bias=False), []
    layer.weight.data[...] = 1.0
    layer.register_forward_pre_hook(lambda module, args: calls.append(("before", module is layer, args[0].shape)))
    layer.register_forward_pre_hook(lambda module, args: (args[0] * 10,))
    layer.register_forward_hook(lambda module, args, output: calls.append(("after", args[0].tolist(), output.tolist())))
    layer.register_forward_hook(lambda module, args, output: output + 1)
    assert layer(Tensor([1.0, 2.0])).tolist() == [31.0]
    assert calls == [("before", True, (2,)), ("after", [10.0, 20.0], [30.0])]


def test_removing_a_hook_takes_one_registration_away_and_a_second_time_nothing():
    layer, calls = Linear(1, 1), []

    def hook(module, args, output):
        calls.append(output)

    first, second = layer.register_forward_hook(hook), layer.register_forward_hook(hook)
    first.remove()
    first.remove()
    layer(np.ones(1))
    assert len(calls) == 1
    second()
    layer(np.ones(1))
    assert len(calls) == 1
    with layer.register_forward_hook(hook):
        layer(np.ones(1))
    layer(np.ones(1))
    assert len(calls) == 2


def test_backward_hook_gets_the_gradients_of_inputs_and_outputs_by_place():
    module, seen = Product(), []
    module.register_full_backward_hook(lambda m, inside, outside: seen.append((m, inside, outside)))
    x, y = leaf(5.0), leaf(7.0)
    product, total = module(x, y)
    (product * 3 + total).backward()
    ((found, inside, outside),) = seen
    assert found is module
    assert [g.item() for g in inside] == [3 * 7 * 2 + 1, 3 * 5 * 2 + 1]
    assert [g.item() for g in outside] == [3.0, 1.0]
    assert (x.grad.item(), y.grad.item(), module.weight.grad.item()) == (43.0, 31.0, 105.0)


def test_backward_hook_counts_only_what_passes_through_the_module():
    layer, seen = Linear(1, 1, bias=False), []
    layer.weight.data[...] = 2.0
    layer.register_full_backward_hook(lambda m, inside, outside: seen.append((inside[0].item(), outside[0].item())))
    x = leaf([3.0])
    (layer(x) * x).sum().backward()
    assert seen == [(6.0, 3.0)]  # the factor x is outside
    assert x.grad.item() == 12.0


def test_backward_hook_of_a_layer_of_data_gets_none_for_it():
    layer, seen = Linear(2, 1), []
    layer.register_full_backward_hook(lambda m, inside, outside: seen.append((inside, outside[0].tolist())))
    layer(np.ones(2)).sum().backward()
    layer(Tensor([1.0, 1.0])).sum().backward()
    assert seen == [((), [1.0]), ((None,), [1.0])]


def test_backward_hook_may_change_the_gradient_of_the_input():
    first, second = Linear(1, 1, bias=False), Linear(1, 1, bias=False)
    first.weight.data[...], second.weight.data[...] = 2.0, 3.0
    handle = second.register_full_backward_hook(lambda m, inside, outside: (inside[0] * 100,))
    model = Sequential(first, second)
    model(np.ones(1)).backward()
    assert (first.weight.grad.item(), second.weight.grad.item()) == (300.0, 2.0)
    handle.remove()
    first.zero_grad()
    model(np.ones(1)).backward()
    assert first.weight.grad.item() == 3.0


def test_an_input_that_the_output_does_not_depend_on_holds_nobody_up():
    class First(Module):
        def forward(self, x, y):
            return x * 2

    module, seen = First(), []
    module.register_full_backward_hook(lambda m, inside, outside: seen.append(inside))
    module(leaf(1.0), leaf(1.0)).backward()
    module(leaf(1.0), leaf(1.0)).backward()
    assert [[g if g is None else g.item() for g in inside] for inside in seen] == [[2.0, None]] * 2


def test_backward_hooks_are_called_in_every_backward_and_see_what_can_be_differentiated():
    module, seen = Linear(1, 1, bias=False), []
    module.weight.data[...] = 2.0
    module.register_full_backward_hook(lambda m, inside, outside: seen.append(inside[0]))
    x = leaf([3.0])
    out = (module(x) ** 2).sum()
    out.backward()
    out.backward(create_graph=True)
    assert [g.item() for g in seen] == [24.0, 24.0]
    seen[1].backward()
    assert x.grad.item() == 24.0 + 24.0 + 8.0


def test_what_a_backward_hook_cannot_do_is_refused():
    module = Product()
    module.register_full_backward_hook(lambda m, inside, outside: inside)
    product, _ = module(leaf(1.0), leaf(2.0))
    with pytest.raises(GradientError, match="can change the gradient of one input, and 2 need one"):
        product.backward()
    with pytest.raises(GradientError, match="can't wait for 2 outputs"):
        module(leaf(1.0).detach(), 2.0) and Both()(np.ones(1))
    with pytest.raises(DtypeError, match="a hook is a function of"):
        module.register_forward_hook("print")


class Both(Module):
    def __init__(self):
        self.weight = leaf(1.0)
        self.register_full_backward_hook(print)

    def forward(self, x):
        return x * self.weight, x + self.weight


def test_hooks_neither_run_nor_record_without_need():
    model = MLP([2, 3, 1])
    calls = []
    model.layer1.register_full_backward_hook(lambda *args: calls.append(args))
    with tg.no_grad():
        assert not model(np.ones(2)).requires_grad
    assert calls == []
    assert [name for name, _ in model.named_parameters()] == [
        "layer1.weight",
        "layer1.bias",
        "layer2.weight",
        "layer2.bias",
    ]


def test_a_copy_of_a_module_has_hooks_of_its_own():
    layer, calls = Linear(1, 1), []
    handle = layer.register_forward_hook(lambda module, args, output: calls.append(module))
    other = copy.deepcopy(layer)
    handle.remove()
    layer(np.ones(1))
    other(np.ones(1))
    assert calls == [other]


def test_hooks_collect_the_activations_of_a_network_and_the_size_of_their_gradients():
    model, activations, sizes = MLP([2, 3, 3, 1], rng=0), {}, {}
    handles = []
    for name, layer in model.named_modules():
        if isinstance(layer, Linear):
            handles.append(layer.register_forward_hook(lambda m, args, out, n=name: activations.update({n: out.shape})))
            handles.append(
                layer.register_full_backward_hook(
                    lambda m, inside, outside, n=name: sizes.update({n: abs(outside[0]).sum().item()})
                )
            )
    model(np.ones((4, 2))).sum().backward()
    assert activations == {"layer1": (4, 3), "layer2": (4, 3), "layer3": (4, 1)}
    assert list(sizes) == ["layer3", "layer2", "layer1"]
    assert sizes["layer3"] == 4.0 > sizes["layer2"] > sizes["layer1"] > 0
    for handle in handles:
        handle.remove()
