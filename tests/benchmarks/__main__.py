"""Prints what the engine costs beside hand-written NumPy, in the same process: `python -m tests.benchmarks`.

With `--readme README.md` the table between the markers there is replaced by what was just measured.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# One thread, as a learner's small network uses: set before NumPy loads its BLAS.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import tinygrad_edu as tg
from tests.benchmarks import einsum, networks, peers, steps
from tests.benchmarks.timing import compare, median, ratio

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"

Row = tuple[str, str, str]


def step_rows() -> list[Row]:
    """One SGD step of 784-16-16-10 in float32, engine against hand-written NumPy; control: NumPy twice."""
    rows = []
    for size, goal in ((32, 2.0), (256, 1.4)):
        times = compare(
            {"hand": steps.by_hand(size), "engine": steps.by_engine(size), "control": steps.by_hand(size)}, rounds=41
        )
        what = f"SGD step 784-16-16-10, float32, batch {size}: engine / hand-written NumPy"
        measured = f"{ratio(times, 'engine', 'hand'):.2f}×"
        absolute = f"{median(times['engine']) * 1e6:.0f} µs / {median(times['hand']) * 1e6:.0f} µs"
        control = f"control {ratio(times, 'control', 'hand'):.2f}×"
        rows.append((what, f"{measured} ({absolute}; {control})", f"≤ {goal}×"))
    return rows


def op_rows() -> list[Row]:
    """What recording adds to one op, and forward plus backward of one op, on 4×4 arrays."""
    a = np.random.default_rng(0).random((4, 4)) + 0.5
    x, w = tg.Tensor(a, requires_grad=True), tg.Tensor(a, requires_grad=True)
    times = compare(
        {
            "np1": lambda: np.exp(a),
            "tg1": lambda: tg.exp(x),
            "np2": lambda: np.multiply(a, a),
            "tg2": lambda: x * w,
        }
    )
    one = median(times["tg1"]) - median(times["np1"])
    two = median(times["tg2"]) - median(times["np2"])

    def chain() -> None:
        y = x
        for _ in range(200):
            y = y * w
        y.sum().backward()

    both = median(compare({"chain": chain})["chain"]) / 200
    return [
        ("recording one op, beyond bare NumPy: exp(x), x * y", f"{one * 1e6:.2f} µs, {two * 1e6:.2f} µs", "≤ 1.5 µs"),
        ("forward and backward of one op on 4×4", f"{both * 1e6:.1f} µs", "≤ 5 µs"),
    ]


def import_row() -> Row:
    """What `import tinygrad_edu` adds to `import numpy`, in fresh interpreters."""

    def seconds(module: str) -> float:
        code = f"import time, numpy; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
        # Byte code is kept, as after an installation; the first run writes it where it is missing.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        command = [sys.executable, "-c", code]
        runs = [subprocess.run(command, capture_output=True, text=True, env=environment).stdout for _ in range(8)]
        return median([float(run) for run in runs[1:]])

    return ("import tinygrad_edu, beyond import numpy", f"{seconds('tinygrad_edu') * 1e3:.0f} ms", "≤ 100 ms")


def training_rows(mnist: Path | None) -> list[Row]:
    """What the main job reaches, and in how long, each run in a process of its own on one thread."""

    def trained(*options: str) -> tuple[float, float]:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "tinygrad_edu", "train", "--quiet", "--output", folder, *options]
            start = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            return float(done.stdout.split()[-2]), time.perf_counter() - start

    runs = [trained("--seed", str(seed)) for seed in range(3)]
    digits = ", ".join(f"{accuracy:.2f} %" for accuracy, _ in runs)
    seconds = median([seconds for _, seconds in runs])
    rows = [
        (
            "`tinygrad-edu train`, bundled digits, seeds 0 to 2: unseen digits",
            f"{digits} in {seconds:.1f} s each",
            "≥ 95 %, < 20 s",
        )
    ]
    if mnist is not None:
        accuracy, seconds = trained("--data", "mnist", "--data-dir", str(mnist))
        rows.append(
            (
                "`tinygrad-edu train --data mnist`, 12 epochs: 10,000 test digits",
                f"{accuracy:.2f} % in {seconds:.0f} s",
                "≥ 94 %",
            )
        )
    return rows


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table, with the machine they were measured on."""
    lines = ["| what | measured | goal |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    machine = f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}, one thread; medians."
    return "\n".join([*lines, "", f"Measured by `python -m tests.benchmarks`: {machine}"])


def main() -> int:
    """Measure, print, and write into the README if asked. Gives 2 where the README has no place for the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--readme", type=Path, help="replace the measured table in this file")
    parser.add_argument("--mnist", type=Path, metavar="DIR", help="train on the MNIST files in this folder, too")
    args = parser.parse_args()
    text = table(
        [
            *step_rows(),
            *peers.rows(),
            *op_rows(),
            *einsum.rows(),
            *networks.rows(),
            import_row(),
            *training_rows(args.mnist),
        ]
    )
    print(text)
    if args.readme is not None:
        readme = args.readme.read_text(encoding="utf8")
        if BEGIN not in readme or END not in readme:
            print(f"{args.readme} has no markers {BEGIN} … {END}", file=sys.stderr)
            return 2
        before, rest = readme.split(BEGIN, 1)
        after = rest.split(END, 1)[1]
        args.readme.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
