# %% [markdown]
# # What a network does with a digit, and what the cost wants of it
#
# Trains the network of 3Blue1Brown's series on the bundled digits, then draws its neurons: how a digit lights them,
# what each pushes up or down in the next layer, and, in `wants`, which way every neuron should go for the cost to fall.
# Writes `network.svg`, `network.html`, `wants.html` and `weights.svg` into the folder `pictures`. Open a page, press
# the digit keys, and point at neurons.

# %%
import argparse
from pathlib import Path

import numpy as np

import tinygrad_edu as tg

parser = argparse.ArgumentParser(description="Look into a network that reads digits.")
parser.add_argument("--quick", action="store_true", help="train for one epoch")
quick = parser.parse_known_args()[0].quick
folder = Path("pictures")
folder.mkdir(exist_ok=True)

# %%
train, test = tg.data.digits(seed=0)
rng = np.random.default_rng(0)
model = tg.nn.MLP([784, 16, 16, 10], rng=rng)
optimizer = tg.optim.SGD(model.parameters(), lr=1.0)
for _ in range(1 if quick else 40):
    for images, labels in tg.data.batches(*train, batch_size=10, rng=rng):
        optimizer.zero_grad()
        tg.functional.mse_loss(model(images), tg.data.one_hot(labels)).backward()
        optimizer.step()

# %% [markdown]
# One digit of each kind that the network has not learned from.

# %%
one_of_each = [int(np.flatnonzero(test.labels == digit)[0]) for digit in range(10)]
images, labels = test.images[one_of_each], test.labels[one_of_each]
picture = tg.draw_network(model, images, labels)
print(picture)
print("wrote", tg.draw_network(model, images[3], labels[3:4]).save(folder / "network.svg"))
print("wrote", picture.save(folder / "network.html"))
print("wrote", tg.draw_network(model, mode="weights").save(folder / "weights.svg"))

# %% [markdown]
# Which way every neuron should go: −∂C/∂activation. The arrow of a neuron is the sum of its lines to the right.

# %%
wants = tg.draw_network(model, images, labels, mode="wants")
print("wrote", wants.save(folder / "wants.html"))

# %% [markdown]
# Check by hand: the cost is Σ (a − y)², so what the outputs want is −2(a − y).

# %%
outputs, targets = model(images).detach().numpy(), np.eye(10)[labels]
from_network = wants.drawing.network.layers[-1].wants
print(f"largest difference from −2(a − y): {np.abs(from_network + 2 * (outputs - targets)).max():.1e}")
assert np.allclose(from_network, -2 * (outputs - targets))
