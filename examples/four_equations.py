# %% [markdown]
# # The four equations of backpropagation
#
# Everything backward does in a network of layers is four equations:
#
# BP1  δᴸ = ∇ₐC ⊙ σ′(zᴸ)                 the error of the last layer
# BP2  δˡ = ((wˡ⁺¹)ᵀ δˡ⁺¹) ⊙ σ′(zˡ)      the error one layer further back
# BP3  ∂C/∂bˡ = δˡ                       what a bias gets
# BP4  ∂C/∂wˡ = δˡ (aˡ⁻¹)ᵀ               what a weight gets: the activation before it times the error behind it
#
# Each is computed by its formula, in plain NumPy, and by the engine. Writes `four_equations.html` and `.txt`.

# %%
import argparse

import numpy as np

import tinygrad_edu as tg

parser = argparse.ArgumentParser(description="Compute the four equations by their formulas and by the engine.")
parser.add_argument("--quick", action="store_true", help="fewer digits for the large network")
options, _ = parser.parse_known_args()

# %% [markdown]
# A small network and one sample: every number can be followed.

# %%
small = tg.nn.MLP([2, 3, 2], rng=0)
report = tg.four_equations(small, [0.5, -1.0], [1.0, 0.0])
print(report)
for name in ("four_equations.html", "four_equations.txt"):
    print("wrote", report.save(name))

# %% [markdown]
# The network of the notes, 784-16-16-10, on real digits: δ has a column for each digit, and gradients are averages.

# %%
images, labels = tg.data.digits(size=28, seed=0)[0]
count = 8 if options.quick else 200
network = tg.nn.MLP([784, 16, 16, 10], rng=0)
large = tg.four_equations(network, np.asarray(images[:count], float), np.eye(10)[labels[:count]])
print(large)

# %% [markdown]
# Check by hand, with the small network: BP4 says that ∂C/∂w of the last layer's first weight is the error of the first
# output times the activation of the first hidden neuron.

# %%
a1 = small.layer1(np.array([[0.5, -1.0]])).detach().numpy()[0]
delta = report["δ2"].by_formula[:, 0]
print(f"δ²[0] · a¹[0] = {delta[0]:.6f} · {a1[0]:.6f} = {delta[0] * a1[0]:.6f}")
print(f"∂C/∂w²[0, 0] by the engine         = {report['w2'].by_engine[0, 0]:.6f}")
