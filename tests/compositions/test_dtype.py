"""NumPy's questions about dtypes, asked about Tensors, and casts."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import DtypeError, GradientError


def test_questions_get_numpys_answers():
    x, y = tg.Tensor(np.ones(4, np.float32), requires_grad=True), tg.Tensor(np.arange(4))
    assert np.result_type(x, 2.5, y[:0].astype(np.int16)) == np.float32
    assert np.can_cast(x, np.float64)
    assert not np.can_cast(x, np.int64, "same_kind")
    assert np.min_scalar_type(x) == np.float32
    assert np.common_type(x, y) is np.float64
    assert np.may_share_memory(x, x[1:])
    assert np.shares_memory(x[:3], x[2:])
    assert not np.shares_memory(x[:2], x[2:])


def test_casts_carry_gradients_to_floats_and_end_them_at_whole_numbers():
    x = tg.Tensor(np.ones(2), requires_grad=True)
    tg.astype(x, np.float32).sum().backward()
    assert x.grad.tolist() == [1, 1]
    assert x.grad.dtype == np.float64
    whole = tg.astype(x, np.int64)
    assert whole.dtype == np.int64
    with pytest.raises(GradientError, match=r"astype\(int64\)"):
        (whole * 1.0).sum().backward()
    assert tg.astype(x, np.float64, copy=False) is x
    with pytest.raises(DtypeError, match="no device 'gpu'"):
        tg.astype(x, np.float64, device="gpu")
