# %% [markdown]
# # Graphs that are too large to take in
#
# A residual network of 28 blocks records 283 operations. The picture closes modules until at most 120 cards are left,
# rolls alike modules into one card, and its title says what is hidden. `depth` opens them, `focus` shows the way of one
# tensor, `saved` the memory that the graph holds for backward.
# Writes `rolled.svg`, `opened.svg`, `focus.svg` and `memory.svg` into the folder `pictures`.

# %%
import argparse
from pathlib import Path

import tinygrad_edu as tg

parser = argparse.ArgumentParser(description="Pictures of a large graph.")
parser.add_argument("--quick", action="store_true", help="nothing to shorten here: it takes seconds")
parser.parse_known_args()
folder = Path("pictures")
folder.mkdir(exist_ok=True)


# %%
class Block(tg.nn.Module):
    """x + W₃ relu(W₂ relu(W₁ x)): what goes around the block is what makes deep networks train."""

    def __init__(self, size, rng):
        self.first = tg.nn.Linear(size, size, activation="relu", rng=rng)
        self.second = tg.nn.Linear(size, size, activation="relu", rng=rng)
        self.third = tg.nn.Linear(size, size, rng=rng)

    def forward(self, x):
        return x + 0.1 * self.third(self.second(self.first(x)))


class Network(tg.nn.Module):
    def __init__(self, blocks, size=4, seed=0):
        rng = tg.random.generator(seed)
        self.blocks = [Block(size, rng) for _ in range(blocks)]
        for number, block in enumerate(self.blocks):
            setattr(self, f"block{number}", block)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


x = tg.Tensor([[0.5, -1.0, 0.25, 0.75]], name="x")
y = tg.Tensor([[0.0, 0.0, 0.0, 1.0]], name="y")


def loss_of(blocks):
    return tg.functional.mse_loss(Network(blocks)(x), y)


# %%
rolled = tg.draw(loss_of(28))
print(rolled)
print("wrote", rolled.save(folder / "rolled.svg"))

# %% [markdown]
# Two blocks, with the modules inside of each block closed; then the way of one weight; then the memory.

# %%
loss = loss_of(2)
print("wrote", tg.draw(loss, depth=3).save(folder / "opened.svg"))
print("wrote", tg.draw(loss, focus="block1.first.weight").save(folder / "focus.svg"))
memory = tg.draw(loss, depth=2, saved=True)
print("wrote", memory.save(folder / "memory.svg"))
print(str(memory).splitlines()[1])
