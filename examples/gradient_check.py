# %% [markdown]
# # Five broken programs, and what gradcheck says about each
#
# A wrong gradient raises no error: the loss goes down more slowly, or to the wrong place. `tg.gradcheck` compares every
# derivative with what the function itself does when its inputs move, and says what is wrong, where, and probably why.
# Read each report first, then repair the program: which line would you change? Writes `gradient_check.json`.

# %%
import argparse
import json
from pathlib import Path

import numpy as np

import tinygrad_edu as tg

parser = argparse.ArgumentParser(description="Five broken programs and their reports.")
parser.add_argument("--quick", action="store_true", help="nothing to shorten here: it takes a second")
parser.parse_known_args()
rng = np.random.default_rng(0)
x, labels = rng.normal(size=(8, 3)), rng.integers(0, 2, 8)
reports = {}


def check(title, *arguments, **options):
    """Run gradcheck without raising, print its report, keep it for the file."""
    report = tg.gradcheck(*arguments, raise_on_failure=False, **options)
    reports[title] = report.to_dict()
    print(f"{title}\n{'-' * len(title)}\n{report}\n")


# %% [markdown]
# **1. A wrong op in the middle of a network.** Swish is x·σ(x). Its rule below knows only one of the two places where x
# stands. The parameters before the op have wrong gradients, those after it right ones: that alone says where to look.

# %%
swish = tg.custom_op(
    "swish",
    lambda x: x / (1 + np.exp(-x)),
    vjps=(lambda g, out, x: g / (1 + np.exp(-x)),),
    kind="elementwise",
    formula="x · σ(x)",
)


class Net(tg.nn.Module):
    def __init__(self):
        self.layer1 = tg.nn.Linear(3, 4, rng=0)
        self.layer2 = tg.nn.Linear(4, 2, rng=1)

    def forward(self, x):
        hidden = swish(self.layer1(x))
        return self.layer2(hidden)


check("a wrong op", Net(), [x], loss=lambda out: tg.functional.cross_entropy(out, labels))


# %% [markdown]
# **2. A detached branch.** Dividing by the largest value depends on the weights too; `detach()` hides that.


# %%
def normalised(w):
    h = tg.tanh(x @ w)
    largest = h.detach().max()
    return (h / largest).sum()


check("a detached branch", normalised, [rng.normal(size=(3, 2))])

# %% [markdown]
# **3. float32 noise.** The variance as mean square minus squared mean: fine on paper. The gradient is right, but
# float32 has 7 digits, and the difference of two large numbers needs more. The last lines of the report say so.

# %%
celsius = (20 + rng.normal(size=(50, 1))).astype(np.float32)


def variance(scale):
    millikelvin = 1000 * (celsius * scale + 273.15)
    return (millikelvin**2).mean() - millikelvin.mean() ** 2


check("float32 noise", variance, [np.float32([0.01])])


# %% [markdown]
# **4. A kink.** All weights start at 0, so every relu stands exactly on its corner. No gradient is wrong there, and
# none is the only right one; but this network will not learn.


# %%
def from_zero(w):
    h = tg.relu(x @ w)
    return h.sum()


check("a kink", from_zero, [np.zeros((3, 2))])


# %% [markdown]
# **5. A function that is not one.** Two calls draw two masks, so no two values can be compared.


# %%
def noisy(w):
    mask = np.random.random(2) > 0.5
    return (tg.tanh(x @ w) * mask).sum()


check("a random function", noisy, [rng.normal(size=(3, 2))])

# %%
Path("gradient_check.json").write_text(json.dumps(reports, indent=1), encoding="utf8")
print("wrote gradient_check.json")
