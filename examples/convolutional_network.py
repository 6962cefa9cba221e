# %% [markdown]
# # A convolutional network that reads digits
#
# Kernels of 3×3 that slide over the image, maxima of 2×2, twice; then two layers of neurons. On the digits that come
# with the package it takes seconds; `--mnist DIR` trains on the four files of MNIST in that folder.
# Writes `convolutional.npz`.

# %%
import argparse
import time

import numpy as np

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.functional import cross_entropy

parser = argparse.ArgumentParser(description="Train a convolutional network.")
parser.add_argument("--quick", action="store_true", help="one epoch of 320 images")
parser.add_argument("--mnist", metavar="DIR", help="train on the MNIST files in this folder")
args, _ = parser.parse_known_args()
epochs = 1 if args.quick else 12 if args.mnist is None else 4
train, test = tg.data.digits() if args.mnist is None else tg.data.mnist(args.mnist)
if args.quick:
    train = tg.data.Dataset(train.images[:320], train.labels[:320])
rng = np.random.default_rng(0)
settings = {"activation": "relu", "rng": rng, "dtype": np.float32}

# %%
model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1, **settings),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1, **settings),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Dropout(0.25, rng=rng),
    nn.Linear(32 * 7 * 7, 64, **settings),
    nn.Linear(64, 10, rng=rng, dtype=np.float32),
)
print(model)


def images_of(rows):
    """Rows of 784 numbers as images of one channel."""
    return rows.reshape(-1, 1, 28, 28)


def accuracy(dataset):
    """How many of a hundred images the network reads right."""
    model.eval()
    with tg.no_grad():
        parts = [model(images_of(x)).numpy().argmax(axis=1) == y for x, y in tg.data.batches(*dataset, batch_size=500)]
    model.train()
    return 100 * np.concatenate(parts).mean()


# %%
optimizer = tg.optim.Adam(model.parameters(), lr=1e-3)
start = time.perf_counter()
for epoch in range(1, epochs + 1):
    for x, y in tg.data.batches(*train, batch_size=64, rng=rng):
        optimizer.zero_grad()
        loss = cross_entropy(model(images_of(x)), y)
        loss.backward()
        optimizer.step()
    seconds = time.perf_counter() - start
    print(f"epoch {epoch}: loss {loss.item():.3f}, {accuracy(test):.2f} % of the unseen digits, {seconds:.0f} s")

# %% [markdown]
# Every sample pulls at the weights in its own direction: `per_sample_grad` gives them all in one pass. Those that pull
# hardest are the ones that the network finds hardest.

# %%
model.eval()
count = 40 if args.quick else 200
x, y = images_of(test.images[:count]), test.labels[:count]
slopes = tg.per_sample_grad(lambda model, x, y: cross_entropy(model(x[None])[0], y), model, (x, y))
pull = np.sqrt(sum((g.numpy() ** 2).reshape(len(x), -1).sum(axis=1) for g in slopes.values()))
read = model(x).detach().numpy().argmax(axis=1)
for i in np.argsort(pull)[::-1][:5]:
    print(f"image {i}: a {y[i]}, read as {read[i]}; the length of its gradient is {pull[i]:.2f}")

# %%
model.save("convolutional.npz")
print("wrote convolutional.npz")
