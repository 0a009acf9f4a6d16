import numpy as np
import pytest

from arraylogit._cli import _files


@pytest.fixture
def probs(tmp_path):
    path = tmp_path / "probs.npy"
    np.save(path, np.random.default_rng(0).uniform(size=(6, 7)))
    return path


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(_files, "BLOCK", 5)
