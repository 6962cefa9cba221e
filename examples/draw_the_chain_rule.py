# %% [markdown]
# # The chain rule on one picture
#
# Every arrow carries the local derivative, as the formula it comes from and as a number. The gradient of a card is the
# sum, over the arrows that leave it, of the gradient at the tip times the number on the arrow: `a` has two ways to `L`.
# Writes `chain_rule.svg` and `chain_rule.mmd` into the folder `pictures`; GitHub draws `.mmd` within Markdown.

# %%
import argparse
from pathlib import Path

import tinygrad_edu as tg

parser = argparse.ArgumentParser(description="The chain rule on one picture.")
parser.add_argument("--quick", action="store_true", help="nothing to shorten here: it takes a second")
parser.parse_known_args()
folder = Path("pictures")
folder.mkdir(exist_ok=True)


# %%
def L(a, b):
    return (a * b + a) ** 2


picture = tg.draw(L, 2.0, -3.0)
print(picture)
for name in ("chain_rule.svg", "chain_rule.mmd"):
    print("wrote", picture.save(folder / name))

# %% [markdown]
# Check by hand: ∂L/∂a = 2·(ab + a)·(b + 1) and ∂L/∂b = 2·(ab + a)·a.

# %%
a, b = 2.0, -3.0
by_hand = 2 * (a * b + a) * (b + 1), 2 * (a * b + a) * a
by_engine = [g.item() for g in tg.grad(L, argnums=(0, 1))(a, b)]
print(f"by hand {by_hand}, by the engine {tuple(by_engine)}")
assert list(by_hand) == by_engine
