"""How hypothesis searches, and a guard: no test may leave global state behind."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from tinygrad_edu import get_default_dtype, set_default_dtype
from tinygrad_edu.node import state
from tinygrad_edu.op import REGISTRY

sys.path.append(str(Path(__file__).parents[1]))  # `tests.reference`, also where pytest is not run by `python -m`

from tests.browser import chromium, open_page  # noqa: F401  fixtures

# The README's command gives the same answer each time; `HYPOTHESIS_PROFILE=search` looks elsewhere, "thorough" longer.
settings.register_profile("same", deadline=None, max_examples=25, derandomize=True)
settings.register_profile("search", settings.get_profile("same"), derandomize=False)
settings.register_profile("thorough", settings.get_profile("search"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


def global_state():
    now = state()
    return {
        "recording": now.recording,
        "record_all": now.record_all,
        "scope": now.scope,
        "watchers": now.watchers,
        "default dtype": get_default_dtype(),
        "numpy errstate": np.geterr(),
    }


@pytest.fixture(autouse=True)
def _custom_ops_go_with_their_test():
    before = dict(REGISTRY)
    yield
    REGISTRY.clear()
    REGISTRY.update(before)


@pytest.fixture(params=["in order", "at once"])
def both_sweeps(request, monkeypatch):
    """Runs a test twice: backward as on the first run of a line, which looks through the graph first, and as later."""
    monkeypatch.setattr("tinygrad_edu.autodiff.is_looked_at", lambda root: request.param == "at once")
    return request.param


@pytest.fixture(autouse=True)
def _no_state_leaks():
    before = global_state()
    yield
    after = global_state()
    now = state()
    now.recording, now.record_all, now.scope, now.watchers = True, False, None, ()
    set_default_dtype(before["default dtype"])
    np.seterr(**before["numpy errstate"])
    assert after == before, "this test left global state behind"
