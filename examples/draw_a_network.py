# %% [markdown]
# # The graph of a small network's loss
#
# Every card is one line of code, with its value and its gradient. Change a number, run it again, and see what moves.
# Writes `mlp.svg`, `mlp.html` and `mlp.txt` into the folder `pictures`.

# %%
import argparse
from pathlib import Path

import tinygrad_edu as tg

parser = argparse.ArgumentParser(description="Draw the graph of a small network's loss.")
parser.add_argument("--quick", action="store_true", help="nothing to shorten here: it takes a second")
parser.parse_known_args()
folder = Path("pictures")
folder.mkdir(exist_ok=True)

# %%
model = tg.nn.MLP([2, 3, 1], activation="tanh", output_activation=None, rng=0)
x = tg.Tensor([[0.5, -1.0]], name="x")
y = tg.Tensor([[0.25]], name="y")
loss = tg.functional.mse_loss(model(x), y)
picture = tg.draw(loss)
print(picture)

# %%
for name in ("mlp.svg", "mlp.html", "mlp.txt"):
    print("wrote", picture.save(folder / name))

# %% [markdown]
# Check by hand: the loss is the square of what stands before it, and its gradient is twice that number.

# %%
error = (model(x) - y).item()
print(f"error {error:.4f}, squared {error**2:.4f} = loss {loss.item():.4f}")
loss.backward()
assert model.layer2.bias is not None
print(f"∂loss/∂(last bias) = 2 · error = {2 * error:.4f} = {model.layer2.bias.grad.item():.4f}")
