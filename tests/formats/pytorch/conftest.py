"""What the tests of conversion share."""

import pytest


@pytest.fixture
def reference():
    """PyTorch's networks to compare with."""
    pytest.importorskip("torch")
    from support import torch_reference

    return torch_reference
