"""Calls that must be refused, of all families: none passes in silence, each says what is wrong and where.

A call is a line of Python. It is refused with an error of the project that is also the ValueError, TypeError or
IndexError which NumPy and PyTorch users expect.
"""

import copy
import math
import re
import textwrap

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Tensor
from tinygrad_edu.errors import TinygradError

REFUSED = {
    "making tensors": """
        Tensor("abc")
        Tensor([[1.0, 2.0], [3.0]])
        Tensor([None, 1.0])
        Tensor(object())
        Tensor({"a": 1})
        Tensor([1.0, "2"])
        Tensor(np.array([1, 2]), requires_grad=True)
        Tensor(np.array([True]), requires_grad=True)
        Tensor([1.0], dtype="no such dtype")
        Tensor([1.0], dtype=str)
        Tensor([w * 2, 1.0])
        tg.from_numpy([1.0])
        tg.from_numpy(np.array(["a"]))
        tg.from_numpy(np.arange(3), requires_grad=True)
        tg.zeros(-1)
        tg.zeros("3")
        tg.ones((2, 1.5))
        tg.full((2, 2), w)
        tg.eye(-1)
        tg.arange(0, 5, 0)
        tg.linspace(0, 1, -1)
        tg.set_default_dtype(int)
        tg.set_default_dtype("int32")
        tg.random.normal(rng, -1)
        tg.random.normal("seed", 2)
        tg.random.normal(None, 2)
        tg.random.uniform(1.5, 2)
    """,
    "backward": """
        A.backward()
        (A * w).backward()
        (A * w).sum().backward(np.ones(2))
        (A * w).sum().backward("1")
        (A * w).backward(np.ones((3, 2)))
        (A * w).backward([[1.0] * 3])
        const.backward()
        (const * 2).backward()
        w.detach().sum().backward()
        w.astype(int).sum().backward()
        (w > 0).sum().backward()
        tg.gradients((w * w).sum(), const)
        tg.gradients((w * w).sum(), [w, 3.0])
        tg.gradients(w * w, w)
        tg.gradients((w * w).sum(), w, cotangent=np.ones(3))
        tg.gradients(const.sum(), w)
        w.register_hook(lambda g: g[:1]) and (w * w).sum().backward()
        const.register_hook(print)
        w.register_hook(3)
        setattr(const, "grad", w)
        setattr(w, "grad", np.ones(2))
        setattr(w * 2, "requires_grad", False)
        setattr(Tensor([1, 2]), "requires_grad", True)
        copy.deepcopy(w * 2)
    """,
    "writes": """
        w.__iadd__(1)
        w.__setitem__(0, 1.0)
        (w * 2)[1:].__setitem__(0, 5.0)
        Tensor([1, 2, 3]).__setitem__(0, w[0])
        Tensor([1, 2, 3]).__iadd__(0.5)
        Tensor([1.0, 2.0]).__iadd__(np.ones((2, 2)))
        Tensor([1.0, 2.0]).__setitem__(5, 1.0)
        Tensor([1.0, 2.0]).__setitem__("a", 1.0)
        Tensor([1.0, 2.0]).__setitem__(slice(0, 2), [1.0, 2.0, 3.0])
        (w * 2).__setitem__(7, 1.0)
        (w * 2).__setitem__(slice(None), np.ones(2))
        setattr(w, "data", np.ones(2))
        setattr(w * 2, "data", np.ones(3))
        np.add(w, 1, out=np.zeros(3))
        np.add(w, 1, out=w)
        np.add(w, 1, out=Tensor(np.zeros(2)))
        np.add(w, 1, where=[True, False, True])
        np.multiply(w, 2, out="here")
        np.exp(w, out=Tensor([0, 0, 0]))
        w.fill(1.0)
        w.sort()
    """,
    "plain numbers": """
        np.asarray(w)
        w.numpy()
        float(A)
        w.item()
        int(A)
        bool(A)
        A and 1
        [1, 2, 3][w[0]]
        [1, 2, 3][Tensor(1.5)]
        len(w.sum())
        list(w.sum())
        np.array([w, w])
        math.exp(A)
        range(Tensor([1, 2]))
        hash(A) if A == A else 0
    """,
    "broadcasting": """
        A + np.ones(2)
        A - np.ones((3, 2))
        A * np.ones((4, 1, 2))
        A / Tensor(np.ones((3, 1)))
        A ** np.ones(4)
        np.maximum(A, np.ones(5))
        A > np.ones(4)
        A == np.ones((3, 3))
        tg.where(A > 0, A, np.ones(4))
        tg.where(A > 0, A)
        tg.arctan2(A, np.ones(2))
        tg.logaddexp(A, np.ones(2))
        np.hypot(A, np.ones(2))
        A % np.ones(2)
        tg.clip(A, np.zeros(2), 1)
        tg.broadcast_to(A, (3, 2))
        tg.broadcast_to(A, (2,))
        tg.broadcast_arrays(A, np.ones(2))
        tg.broadcast_shapes((2, 3), (4,))
        Tensor(np.ones((2, 3)), requires_grad=True) + Tensor(np.ones((3, 2)))
    """,
    "dtypes": """
        A + "a"
        A + None
        A + [1, 2, None]
        A * object()
        -Tensor([True])
        ~A
        A & 1
        A << 1
        np.bitwise_or(A, 1)
        Tensor([True]) - Tensor([False])
        np.invert(w)
        np.gcd(A, 2)
        np.left_shift(A, 1)
        A.astype("no such dtype")
        np.add(A, 1, dtype="int64")
        np.exp(A, dtype=int)
        np.add(A, 1, order="X")
        np.add(A, 1, signature="ii->i")
        tg.add(A, 1, signature="dd->d", dtype=float)
        np.floor_divide(A, 1j)
        tg.maximum(A, "a")
        abs(Tensor(np.array(["a"])))
        np.add(A, 1, casting="no such rule")
        np.add(A, 1, out=np.zeros((2, 3), int))
        np.add(w, 1, dtype=bool)
    """,
    "products": """
        A @ A
        A @ np.ones(2)
        w @ np.ones(4)
        A @ 3
        3 @ A
        A @ Tensor(2.0)
        np.dot(A, A)
        np.dot(A, np.ones(2))
        np.inner(A, np.ones(2))
        np.vdot(A, np.ones(2))
        tg.tensordot(A, A, axes=5)
        tg.tensordot(A, A, axes=([0], [1]))
        tg.tensordot(A, A, axes=([0, 1], [1]))
        tg.einsum("ij,jk", A, A)
        tg.einsum("ij", w)
        tg.einsum("ij->ijk", A)
        tg.einsum("i$->i", A)
        tg.einsum(A)
        tg.einsum("ij->ii", A)
        tg.kron(A, "a")
        tg.cross(np.ones(4), np.ones(4))
        tg.outer(A, "a")
        tg.vecdot(A, np.ones(2))
        tg.matmul(A, out=3)
        tg.linalg.multi_dot([A])
        tg.linalg.multi_dot([A, A])
        np.matmul(np.ones((2, 2, 3)), A[None])
        np.ones((4, 2)) @ w
    """,
    "linear algebra": """
        tg.linalg.inv(A)
        tg.linalg.inv(w)
        tg.linalg.inv(np.zeros((2, 2)))
        tg.linalg.inv(np.ones((2, 2)))
        tg.linalg.solve(np.ones((2, 2)), np.ones(2))
        tg.linalg.solve(np.eye(2), np.ones(3))
        tg.linalg.solve(A, np.ones(2))
        tg.linalg.det(A)
        tg.linalg.slogdet(A)
        tg.linalg.cholesky(-np.eye(2))
        tg.linalg.cholesky(A)
        tg.linalg.eigh(A)
        tg.linalg.eigh(np.eye(2), UPLO="X")
        tg.linalg.qr(A, mode="no such mode")
        tg.linalg.qr(w)
        tg.linalg.svd(w)
        tg.linalg.svd(Tensor(np.eye(2), requires_grad=True))[0].sum().backward()
        tg.linalg.eigh(Tensor(np.eye(2), requires_grad=True))[1].sum().backward()
        tg.linalg.pinv(w)
        tg.linalg.matrix_power(np.eye(2), 1.5)
        tg.linalg.matrix_power(A, 2)
        tg.linalg.matrix_power(np.zeros((2, 2)), -1)
        tg.linalg.lstsq(A, np.ones(5))
        tg.linalg.lstsq(w, w)
        tg.linalg.norm(A, ord="no such norm")
        tg.linalg.norm(w, ord="fro")
        tg.linalg.norm(A, axis=5)
        tg.linalg.norm(A, axis=(0, 0))
        tg.linalg.norm(np.ones((2, 2, 2)), ord=2)
        tg.linalg.cond(w)
        tg.linalg.matrix_norm(w)
        tg.linalg.tensorinv(np.ones((2, 3)), ind=0)
        tg.linalg.tensorsolve(A, w)
        tg.trace(w)
        tg.trace(A, axis1=0, axis2=0)
        tg.diagonal(w)
        tg.diag(np.ones((2, 2, 2)))
        tg.tril(Tensor(1.0))
        tg.vander(A)
        tg.linalg.matrix_transpose(w)
    """,
    "axes": """
        A.sum(axis=2)
        A.sum(axis=-3)
        A.sum(axis=(0, 0))
        A.sum(axis=(0, 2))
        A.sum(axis="0")
        A.sum(axis=0.5)
        A.mean(axis=2)
        A.mean(axis=(0, 5))
        tg.average(A, axis=(0, 5))
        tg.sum(A, keepdims="yes")
        tg.linspace(w, w, 3, axis=None)
        tg.trim_zeros(A, axis=(1, 1))
        A.var(axis=2)
        A.std(axis=(1, 1))
        A.prod(axis=3)
        A.max(axis=2)
        A.min(axis=-3)
        A.argmax(axis=2)
        A.cumsum(axis=2)
        A.cumprod(axis=5)
        tg.logsumexp(A, axis=2)
        tg.softmax(A, axis=2)
        tg.log_softmax(A, axis=-3)
        tg.median(A, axis=2)
        tg.percentile(A, 50, axis=2)
        tg.sort(A, axis=2)
        tg.argsort(A, axis=2)
        tg.partition(A, 1, axis=2)
        tg.flip(A, axis=2)
        tg.roll(A, 1, axis=2)
        tg.concatenate([A, A], axis=2)
        tg.stack([A, A], axis=3)
        tg.split(A, 2, axis=2)
        tg.repeat(A, 2, axis=2)
        tg.expand_dims(A, 4)
        tg.expand_dims(A, (0, 0))
        tg.squeeze(A, axis=0)
        tg.squeeze(A, axis=5)
        tg.swapaxes(A, 0, 2)
        tg.moveaxis(A, 0, 2)
        tg.moveaxis(A, (0, 1), (0,))
        tg.rollaxis(A, 3)
        A.transpose(0)
        A.transpose(0, 0)
        A.transpose(0, 2)
        tg.permute_dims(A, (0,))
        tg.take(A, 0, axis=2)
        tg.take_along_axis(A, np.zeros((2, 3), int), axis=2)
        tg.diff(A, axis=2)
        tg.gradient(A, axis=2)
        tg.gradient(A, axis=(1, 1))
        tg.trapezoid(A, axis=2)
        tg.average(A, axis=2)
        tg.nansum(A, axis=2)
        tg.rot90(A, axes=(0, 0))
        tg.rot90(A, axes=(0, 2))
        tg.cross(np.ones((2, 3)), np.ones((2, 3)), axis=2)
        tg.unstack(A, axis=2)
        tg.apply_along_axis(tg.sum, 2, A)
    """,
    "reductions": """
        Tensor(np.zeros((0, 3))).max()
        Tensor(np.zeros((0, 3))).max(axis=0)
        Tensor(np.zeros(0)).min()
        Tensor(np.zeros(0)).argmax()
        A.sum(where=np.ones(4, bool))
        A.sum(where=np.ones((2, 3)))
        A.max(where=A > 0)
        A.sum(initial=np.ones(2))
        A.sum(dtype="no such dtype")
        A.var(ddof="a")
        tg.var(A, ddof=1, correction=1)
        tg.average(A, weights=np.ones(2))
        tg.average(A, weights=np.ones(2), axis=1)
        tg.percentile(A, 101)
        tg.quantile(A, 1.5)
        tg.quantile(A, 0.5, method="no such method")
        tg.quantile(Tensor(np.zeros(0)), 0.5)
        np.add.reduce(A, axis=4)
        np.add.accumulate(A, axis=3)
        np.multiply.outer(A, "a")
        tg.cov(np.ones((2, 2, 2)))
        tg.cov(A, ddof=1.5)
        tg.cov(A, fweights=np.ones(2))
        tg.bincount(np.array([-1]))
        tg.bincount(np.array([0, 1]), weights=np.ones(3))
        tg.histogram(A, bins="no such rule")
        np.add.reduceat(A, [0, 4])
        np.subtract.reduce(A, axis=None)
        np.multiply.at(A, [7], 2.0)
        np.divide.at(Tensor([1, 2, 3]), [0], 2.0)
        np.matmul(A, A.T, axes=[0, 1])
        np.add.at(A * w, [7], 2.0)
        np.hypot.reduce(A, axis=(0, 0))
        np.fmax.reduce(A, where=A > 0)
    """,
    "shapes": """
        A.reshape(4, 2)
        A.reshape(-1, 4)
        A.reshape(-1, -1)
        A.reshape(2, 3, order="K")
        A.reshape("2")
        A.reshape(2.0, 3.0)
        A.ravel(order="no")
        A.flatten("no")
        tg.concatenate([])
        tg.concatenate([A, np.ones((3, 2))])
        tg.concatenate([A, w])
        tg.concatenate(A.sum())
        tg.concatenate(iter([A]))
        tg.stack([])
        tg.stack([A, w])
        tg.concatenate([A, A], casting="no such rule")
        tg.vstack([A, np.ones((1, 4))])
        tg.hstack([A, np.ones((3, 1))])
        tg.dstack([A, np.ones((3, 1))])
        tg.column_stack([A, np.ones(4)])
        tg.block([[A, (A,)]])
        tg.block([[A], A])
        tg.split(A, 4, axis=1)
        tg.split(A, 0)
        tg.array_split(A, -1)
        tg.hsplit(A.sum(), 2)
        tg.vsplit(w, 3)
        tg.dsplit(A, 1)
        tg.tile(A, -1)
        tg.repeat(A, -1)
        tg.repeat(w, [1, 2])
        tg.pad(A, -1)
        tg.pad(A, 1.5)
        tg.pad(A, 1, mode="no such mode")
        tg.pad(A, 1, mode="empty", constant_values=1)
        tg.pad(A, 1, mode="edge", constant_values=1)
        tg.pad(A, [(1, 1), (2, 2), (3, 3)])
        tg.pad(A, 1, constant_values=w)
        tg.resize(A, (-1, 2))
        tg.meshgrid(w, w, indexing="no")
        tg.atleast_2d("a")
        tg.append(A, w, axis=0)
        tg.insert(w, 9, 1.0)
        tg.delete(w, 9)
        tg.trim_zeros(w, trim="x")
        tg.roll(A, "a")
        tg.roll(A, (1, 2), axis=0.5)
        np.lib.stride_tricks.sliding_window_view(w, 5)
        np.lib.stride_tricks.sliding_window_view(w, -1)
        tg.rot90(w)
    """,
    "indices": """
        w[3]
        w[-4]
        A[2]
        A[0, 3]
        A[0, 0, 0]
        A["a"]
        A[1.0]
        A[w]
        A[[0, 5]]
        A[np.array([0.5])]
        A[np.ones(3, bool)]
        A[np.ones((2, 2), bool)]
        A[[0, 1], [0, 1, 2]]
        A[..., ...]
        A[0.5:1]
        A[::0]
        tg.take(w, 5)
        tg.take(w, [0.5])
        tg.take(w, 5, mode="no such mode")
        tg.take_along_axis(A, np.zeros(2, int), axis=1)
        tg.take_along_axis(A, np.zeros((2, 1)), axis=1)
        tg.take_along_axis(A, np.full((2, 1), 7), axis=1)
        tg.choose(np.array([0, 5]), [w[:2], w[:2]])
        tg.select([A > 0], [A, A])
        tg.select([], [])
        tg.select([A], [A])
        tg.compress(np.ones((2, 3)), A)
        tg.compress([True] * 9, w)
        tg.extract(np.ones(7), w)
        tg.piecewise(w, [w > 0], [1, 2, 3])
        tg.put_along_axis(Tensor(np.ones((2, 3))), np.zeros(2, int), 1.0, axis=1)
        tg.put(Tensor(np.ones(3)), 9, 1.0)
        tg.place(Tensor(np.ones(3)), [True] * 3, [])
        tg.putmask(Tensor(np.ones(3)), [True] * 5, 1.0)
        tg.copyto(Tensor(np.ones(3, int)), w.detach())
        tg.searchsorted(A, 1.0)
        tg.partition(w, 7)
        tg.sort(A, kind="no such kind")
        tg.lexsort(Tensor(1.0))
        tg.unravel_index(np.array([9]), (2, 3))
        tg.ravel_multi_index((np.array([5]), np.array([0])), (2, 3))
        tg.ix_(A)
        tg.nonzero(Tensor(1.0))
    """,
    "sequences of numbers": """
        tg.diff(w, n=-1)
        tg.diff(Tensor(1.0))
        tg.gradient(w, edge_order=3)
        tg.gradient(w[:1])
        tg.gradient(w, [0.0, 1.0])
        tg.convolve(A, w)
        tg.convolve(w, Tensor(np.zeros(0)))
        tg.convolve(w, w, mode="no such mode")
        tg.correlate(A, w)
        tg.interp(w, [0.0, 1.0], [1.0])
        tg.interp(w, [], [])
        tg.interp(w, [0.0, 1.0], [1.0, 2.0], period=0)
        tg.polyval(A, w) + np.ones(9)
        tg.polyder(A)
        tg.polyint(w, m=-1)
        tg.unwrap(w, axis=3)
        tg.polygamma(-1, w)
        tg.polygamma(0.5, w)
    """,
    "NumPy functions": """
        np.fft.fft(w)
        np.linalg.eigvals(w)
        np.roots(w)
        np.apply_over_axes(np.sum, A, [5])
        np.vectorize(lambda x: x)(w)
        np.mean(A, out=3)
        np.concatenate([A, A], dtype=int, casting="no")
        np.isclose(A, np.ones(4))
        tg.exp(A, A)
        tg.exp(A, no_such=1)
        tg.add(A)
    """,
    "transforms": """
        tg.grad(lambda x: x * 2)(w)
        tg.grad(lambda x: 3.0)(w)
        tg.grad(lambda x: x.sum(), argnums=1)(w)
        tg.grad(lambda x: x.sum(), argnums="y")(w)
        tg.grad(lambda x: x.sum())(np.array([1, 2]))
        tg.grad(lambda x: x.sum(), has_aux=True)(w)
        tg.grad(lambda x: x.sum())(None)
        tg.grad(lambda x: x.sum())("a")
        tg.grad(3)(w)
        tg.value_and_grad(lambda x: x)(w)
        tg.jvp(lambda x: x * 2, (w,), (np.ones(2),))
        tg.jvp(lambda x: x * 2, (w,), (np.ones(3), 1))
        tg.vjp(lambda x: x * 2, w)[1](np.ones(2))
        tg.jacobian(lambda x: None)(w)
        tg.jacobian(lambda x: x, mode="no such mode")(w)
        tg.hessian(lambda x: x * 2)(w)
        tg.hvp(lambda x: x * 2, (w,), (np.ones(3),))
        tg.hvp(lambda x: (x * x).sum(), (w,), (np.ones(2),))
        tg.vmap(lambda x: x)(np.ones(3), np.ones(2))
        tg.vmap(lambda x: x, in_axes=(0, 0))(np.ones(3))
        tg.vmap(lambda x: x.sum(axis=1))(np.ones((2, 3)))
        tg.vmap(lambda x: float(x.sum()))(np.ones((2, 3)))
        tg.vmap(lambda x: x if x.sum() > 0 else -x)(np.ones((2, 3)))
        tg.per_sample_grad(lambda p, b: b * p, w, np.ones(3))
        tg.checkpoint(lambda x: 3)(w)
        tg.custom_op(name="bad", forward=np.exp, vjps=(lambda g, out, x: g[:1],), formula="")(w).sum().backward()
        tg.custom_op(name="bad", forward=np.exp, vjps=(lambda g, out, x: g,), formula="", kind="no such kind")
        tg.custom_op(name="exp", forward=np.exp, vjps=(lambda g, out, x: g,), formula="")
        tg.custom_op(name="bad", forward=lambda x: "a", vjps=(lambda g, out, x: g,), formula="")(w)
    """,
    "what used to pass, or ended in Python's bare words": """
        (w * 2).__setitem__(0, 1j)
        Tensor([1.0, 2.0]).__setitem__(slice(None), 1j)
        tg.gradients(3.0, w)
        tg.grad(lambda x: x.sum(), argnums=1.5)(w)
        tg.grad(lambda x: x.sum(), argnums=-2)(w)
        tg.jacobian(lambda x: x, argnums=1)(w)
        tg.vjp(lambda x: {"a": x}, w)[1]({"b": np.ones(3)})
        tg.vjp(lambda x: {"a": x}, w)[1](np.ones(3))
        tg.vmap(3)(w)
        tg.checkpoint(3)
        tg.custom_op("bad", np.exp, vjps=3)
        tg.custom_op(3, np.exp, vjps=lambda g, out, x: g)
        tg.custom_op("bad", np.exp, vjps=lambda x: x)
        tg.custom_op("bad", np.exp, vjps=(lambda g, out, x: g, lambda g, out, x: g))
        tg.custom_op("bad", np.exp, vjps=lambda g, out, x: None)(w).sum().backward()
        tg.custom_op("bad", np.exp, vjps=lambda g, out, x: "a")(w).sum().backward()
        np.broadcast_to(Tensor([1.0]), (3,)).__setitem__(0, 5.0)
        tg.vmap(lambda x: Tensor(x))(np.ones(3))
        tg.vmap(lambda x: tg.zeros(2).__iadd__(x))(np.ones((3, 2)))
        tg.vmap(lambda x: (x * w[0]).backward())(np.ones(3))
    """,
    "networks": """
        tg.nn.Linear(3, 2)(np.ones((4, 5)))
        tg.nn.Linear(0, 2)
        tg.nn.Linear(3.5, 2)
        tg.nn.Linear(3, 2, activation="no such activation")
        tg.nn.Linear(3, 2, activation=3)
        tg.nn.Linear(3, 2, init="no such init")
        tg.nn.MLP([3])
        tg.nn.MLP([3, -1])
        tg.nn.MLP(3)
        tg.nn.MLP([3, 2])(np.ones((1, 2)))
        tg.nn.Sequential(tg.relu, 3)
        tg.nn.Linear(3, 2).load_state_dict({})
        tg.nn.Linear(3, 2).load_state_dict({"weight": np.ones((3, 3)), "bias": np.ones(2)})
        tg.nn.Linear(3, 2).load_state_dict(3)
        setattr(tg.nn.Linear(3, 2), "weight", w * 2)
        setattr(tg.nn.Linear(3, 2), "weight", 3)
        tg.functional.mse_loss(np.ones((3, 1)), np.ones(3))
        tg.functional.mse_loss(w, w, reduction="no such reduction")
        tg.functional.cross_entropy(A, np.array([0, 1, 2]))
        tg.functional.cross_entropy(A, np.array([0, 3]))
        tg.functional.cross_entropy(A, np.array([0, -1]))
        tg.functional.cross_entropy(A, np.array([0.0, 1.0]))
        tg.functional.cross_entropy(w, 0.5)
        tg.functional.softmax(A, axis=4)
        tg.optim.SGD([], lr=0.1)
        tg.optim.SGD(w, lr=0.1)
        tg.optim.SGD([w * 2], lr=0.1)
        tg.optim.SGD([const], lr=0.1)
        tg.optim.SGD([w, w], lr=0.1)
        tg.optim.SGD([w], lr=-1)
        tg.optim.SGD([w], lr="fast")
        tg.optim.SGD([w], lr=0.1, momentum=float("nan"))
        tg.optim.SGD([w], lr=0.1, nesterov=True)
        tg.optim.Adam([w], betas=(0.9, 1.0))
        tg.optim.Adam([w], betas=0.9)
        tg.optim.Adam([w]).load_state_dict({"velocity.0": np.ones(3)})
        tg.train.fit(tg.nn.MLP([3, 2]), (np.ones((2, 3)), np.zeros(3, int)), None, epochs=1, lr=1.0)
        tg.train.fit(tg.nn.MLP([3, 2]), (np.ones((2, 3)), np.zeros(2, int)), None, epochs=1)
        tg.data.digits(held_out=2)
        tg.data.digits(size=-1)
        tg.data.batches(np.ones((3, 2)), np.ones(2), batch_size=1)
        tg.data.batches(np.ones((3, 2)), np.ones(3), batch_size=0)
        tg.data.one_hot(np.array([0.5]))
        tg.data.one_hot(np.array([11]))
    """,
    "looking": """
        tg.draw(const)
        tg.draw(3)
        tg.draw((w * 2).sum(), direction="up")
        tg.draw((w * 2).sum(), depth=0)
        tg.draw((w * 2).sum(), names=["w"])
        tg.gradcheck(lambda x: x * 2, [np.array([1, 2])])
        tg.gradcheck(lambda x: 3.0, [np.ones(2)])
        tg.gradcheck(lambda x: x, [])
        tg.listen(3)
    """,
}
LINES = [line for text in REFUSED.values() for line in textwrap.dedent(text).strip().splitlines()]
NOT_OF_A_LINE = {"tg.data", "tg.draw("}  # data sets and pictures name files and settings: they know no lines

# What Python itself refuses, by the signature: a TypeError that names the argument.
SIGNATURES = """
    (w * w).sum().backward(retain_gaph=False)
    np.add(A, 1, no_such=1)
    np.add(A)
    np.add(A, 1, 2, 3)
    np.exp()
    np.sum(A, no_such=1)
    np.where(A > 0, A, A, A)
    np.clip(A, 1, None, None, 5)
    tg.sum(A, dim=0)
    A.sum(dim=0)
    A.mean(0, None, None, True, 5)
    A.max(axis=0, no_such=1)
    Tensor([1.0], requires_gradient=True)
    tg.nn.Linear(3)
    tg.optim.SGD([w])
"""


def names():
    """The variables of the calls, made anew for each."""
    return {
        "tg": tg,
        "np": np,
        "Tensor": Tensor,
        "math": math,
        "copy": copy,
        "rng": np.random.default_rng(0),
        "A": Tensor(np.arange(6.0).reshape(2, 3), name="A"),
        "w": Tensor([1.0, 2.0, 3.0], requires_grad=True, name="w"),
        "const": Tensor([1.0, 2.0, 3.0], name="const"),
    }


@pytest.mark.parametrize("line", LINES)
def test_is_refused_with_what_where_and_code(line):
    with pytest.raises((ValueError, TypeError, IndexError)) as caught:
        eval(compile(line, "program.py", "eval"), names())
    assert isinstance(caught.value, TinygradError)
    what, *rows = str(caught.value).splitlines()
    assert re.search(r"[a-z]{2}", what)
    assert not re.search(r"0x[0-9a-f]{4}|<function|object at|NoneType: None", str(caught.value))
    assert rows[-1].split() == ["code:", caught.value.code]
    if not any(line.startswith(start) for start in NOT_OF_A_LINE):
        assert "program.py:1" in str(caught.value)


def test_enough_calls_of_every_family_are_refused():
    assert len(LINES) > 450
    assert all(len(text.strip().splitlines()) > 8 for text in REFUSED.values())
    assert len(set(LINES)) == len(LINES)


@pytest.mark.parametrize("line", textwrap.dedent(SIGNATURES).strip().splitlines())
def test_a_signature_that_does_not_fit_is_a_type_error(line):
    with pytest.raises(TypeError, match=r"argument|takes from|no_such|missing"):
        eval(compile(line, "program.py", "eval"), names())


PASSES = """
    Tensor(np.float32(2.0), requires_grad=True)
    Tensor([True, 1, 2.5], requires_grad=True)
    Tensor(const, requires_grad=True)
    Tensor([])
    Tensor(np.zeros((0, 3)), requires_grad=True).sum().backward()
    Tensor([[[1.0]]], requires_grad=True).backward()
    (w[:1] * 2).backward()
    (w * w).backward([1.0, 2.0, 3.0])
    (w * w).backward(np.ones(3, np.float32))
    (w * w).backward(np.broadcast_to(1.0, 3))
    w.sum().backward(2.0)
    float(w.sum())
    int(w[:1])
    bool(w[0] > 0)
    [1, 2, 3][Tensor(1)]
    w.tolist()
    np.asarray(w.detach())
    np.asarray(w > 1)
    f"{w.sum():.2f}"
    const.__setitem__(0, 5)
    const.__setitem__(const > 1, w[1:])
    const.__iadd__(w)
    (w * 2).__setitem__([0, 0], [1.0, 2.0])
    (w * 2).__setitem__(slice(5, 9), 0.0)
    (w * 2).__iadd__(np.float64(1.0))
    (w * 2).__iadd__(np.arange(3))
    np.add(w, 1, out=w * 1)
    np.add(w, 1, out=const, where=[True, False, True])
    np.add(w, 1, dtype=np.float32)
    np.add.at(w * 1, [0, 0, 1], w)
    np.add.at(w * 1, w > 1, 5.0)
    w @ w
    A @ w
    A[:, None] + w
    A[..., 0]
    A[[0, 1], [2, 0]]
    A[Tensor([True, False])]
    A[np.array([], int)]
    A[1:0]
    A[()]
    w[np.int8(1)]
    w[True]
    np.sum(A, axis=(0, -1), keepdims=True)
    np.sum(A, axis=())
    np.max(A, axis=1, initial=9.0)
    np.prod(Tensor(np.zeros((0, 2))), axis=0)
    np.concatenate([w, const, [1.0, 2.0]])
    np.stack([w, w * 2], axis=-1)
    np.split(w, [1, 1, 9])
    np.reshape(w, (-1, 1))
    np.where(w > 1, w, 0)
    np.clip(w, None, 2)
    np.clip(w, 3, 1)
    np.linalg.det(np.zeros((0, 2, 2)) + w[0])
    np.linalg.norm(w, ord=np.inf)
    np.einsum("ii", np.outer(w, w))
    np.einsum("...i,i->...", A, w)
    w ** 0
    0.0 ** w
    w % 2
    w // 2
    abs(w)
    divmod(w, 2)
    round(float(w[0]))
    tg.grad(lambda x: x[0] * x[1])([2, 3])
    tg.grad(lambda x: x[:1])(np.ones(1))
    tg.grad(lambda x, y: x * y, argnums=(1, 0))(2, 3)
    tg.grad(lambda x: w.sum())(1.0)
    tg.jacobian(lambda x: x[:0])(w)
    tg.hessian(lambda x: 3.0 * x)(2)
    tg.vmap(lambda x, y: x * y, in_axes=(0, None))(A, 2.0)
    tg.vmap(lambda x: 1.0)(A)
    tg.vmap(lambda x: x)(np.zeros((0, 2)))
    tg.vmap(tg.vmap(tg.grad(lambda x: x * x)))(A)
    tg.checkpoint(lambda x, scale=1.0: x * scale)(w, scale=2.0)
    tg.stop_gradient({"a": [w, 3]})
    tg.functional.cross_entropy(A, [0, 2])
    tg.functional.softmax(A, axis=-1)
    tg.nn.Linear(3, 2)(A)
    tg.nn.Linear(3, 2)(w)
    tg.optim.SGD([w, Tensor(1.0, requires_grad=True)], lr=0.0)
    copy.copy(w * 2)
    copy.deepcopy(w)
    hash(w * 2)
    w in [w]
    setattr(w, "grad", [1, 2, 3])
    setattr(w, "data", [5, 6, 7])
    setattr(const, "requires_grad", True)
"""


@pytest.mark.parametrize("line", textwrap.dedent(PASSES).strip().splitlines())
def test_is_not_refused(line):
    eval(compile(line, "program.py", "eval"), names())
