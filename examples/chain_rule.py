# %% [markdown]
# # The chain rule, path by path
#
# A gradient is a sum over paths: from a number to the loss, along every way by which the one influences the other. Each
# path is the product of the local derivatives on it. Backward adds them all up without ever listing them.
# Writes `chain_rule.txt`.

# %%
import argparse
from pathlib import Path

import tinygrad_edu as tg

parser = argparse.ArgumentParser(description="Take gradients apart, path by path.")
parser.add_argument("--quick", action="store_true", help="nothing to shorten here: it takes a second")
parser.parse_known_args()
told = []


def tell(title, text):
    """Print it, and keep it for the file."""
    told.append(f"{title}\n{'-' * len(title)}\n{text}\n")
    print(told[-1])


# %% [markdown]
# One neuron per layer, as in 3Blue1Brown's chapter 4: C depends on w₂ through z₂ and a₂, and on nothing else.

# %%
x = tg.Tensor(0.48, name="x")
w1, b1 = tg.Tensor(1.2, requires_grad=True, name="w1"), tg.Tensor(-0.3, requires_grad=True, name="b1")
w2, b2 = tg.Tensor(-0.8, requires_grad=True, name="w2"), tg.Tensor(0.5, requires_grad=True, name="b2")
z1 = w1 * x + b1
a1 = tg.sigmoid(z1)
z2 = w2 * a1 + b2
a2 = tg.sigmoid(z2)
C = (a2 - 1.0) ** 2
tell("How C depends on w2", tg.explain(C, w2, names=locals()))
tell("How C depends on w1, one layer further back", tg.explain(C, w1, names=locals()))

# %% [markdown]
# Where a value is used twice there are two paths, and they add up. Here they cancel: that is right, and no bug.

# %%
v = tg.Tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True, name="v")
tell("v less its mean, added up", tg.explain((v - v.mean()).sum(), v))

# %% [markdown]
# In a network a single weight reaches the cost over many paths: through every output neuron.

# %%
model = tg.nn.MLP([4, 3, 3, 2], rng=1)
loss = tg.functional.mse_loss(model([[0.2, 0.9, 0.4, 0.6]]), [[1.0, 0.0]])
tell("One weight of the first layer", tg.explain(loss, model.layer1.weight, index=(1, 2), paths=3))

# %% [markdown]
# Backward needs an order. What a recursion gives that passes gradients on too early:

# %%
y = w1 * w1
tell("y · y + y, with y = w1 · w1", tg.explain.order(y * y + y, names={"y": y}))
Path("chain_rule.txt").write_text("\n".join(told), encoding="utf8")
print("wrote chain_rule.txt")

# %% [markdown]
# Check by hand: nudge w₂ by 0.001, and divide what happens to C by it.

# %%
nudge = 0.001
after = (tg.sigmoid((w2 + nudge) * a1 + b2) - 1.0) ** 2
print(f"(C after − C before) / {nudge} = {(after.item() - C.item()) / nudge:.5f}")
print(f"∂C/∂w2 by the product above  = {tg.explain(C, w2).gradient.item():.5f}")
