# %% [markdown]
# # Backpropagation, one step at a time
#
# A page for the browser that runs a network forward, line by line, and then backward, op by op. Every step shows the
# rule at work, with its numbers, and the equation of the book that it is. Click a weight, change it, and see what
# happens to the loss. Writes `network.html`, `neurons.html` and `blocks.html`; open them, and press the right arrow.

# %%
import argparse

import tinygrad_edu as tg

parser = argparse.ArgumentParser(description="Pages that step through forward and backward.")
parser.add_argument("--quick", action="store_true", help="nothing to shorten here: it takes a second")
parser.parse_known_args()

# %% [markdown]
# A network of three hidden neurons on one sample. In the steps backward the four equations light up where they apply.

# %%
model = tg.nn.MLP([2, 3, 1], activation="tanh", output_activation=None, rng=0)
x = tg.Tensor([[0.5, -1.0]], name="x")
y = tg.Tensor([[0.25]], name="y")
loss = tg.functional.mse_loss(model(x), y)
print("wrote", tg.explore(loss, "network.html").path)

# %% [markdown]
# One neuron per layer, and a weight that both neurons share: its gradient is the sum of two parts, which arrive in two
# different steps.

# %%
w = tg.Tensor(0.8, requires_grad=True, name="w")
b = tg.Tensor(-0.2, requires_grad=True, name="b")
a0 = tg.Tensor(1.5, name="a0")
a1 = tg.tanh(w * a0 + b)
a2 = tg.tanh(w * a1 + b)
C = (a2 - 1.0) ** 2
print("wrote", tg.explore(C, "neurons.html").path)

# %% [markdown]
# A network of 12 blocks has 125 cards, more than one takes in: its layers are closed at first. A closed module is one
# step. Open it by the mark at its corner, or by the key O at its step, and its ops are steps.


# %%
class Block(tg.nn.Module):
    """x + W₂ tanh(W₁ x): the gradient also goes around the two layers, so it arrives however many blocks there are."""

    def __init__(self, size, rng):
        self.first = tg.nn.Linear(size, size, activation="tanh", rng=rng)
        self.second = tg.nn.Linear(size, size, rng=rng)

    def forward(self, x):
        return x + self.second(self.first(x))


rng = tg.random.generator(0)
blocks = tg.nn.Sequential(*(Block(3, rng) for _ in range(12)))
many = tg.functional.mse_loss(blocks(tg.Tensor([[0.5, -1.0, 0.25]], name="x")), [[0.0, 0.5, 1.0]])
print("wrote", tg.explore(many, "blocks.html").path)

# %% [markdown]
# Check by hand, and against the last step of `neurons.html`: w reaches C by the second neuron directly, and by the
# first neuron and then the second.

# %%
error = 2 * (a2.item() - 1.0)  # ∂C/∂a2
slope1, slope2 = 1 - a1.item() ** 2, 1 - a2.item() ** 2  # of tanh
direct = error * slope2 * a1.item()
through_the_first = error * slope2 * w.item() * slope1 * a0.item()
C.backward()
both = direct + through_the_first
print(f"directly {direct:.4f}, by the first neuron {through_the_first:.4f}, together {both:.4f}")
print(f"∂C/∂w by backward = {w.grad.item():.4f}")
