"""What this machine's CPU has."""

import pytest

from esrgan_tf.training.distribution import make_strategy, resolve_precision

has_bfloat16 = pytest.mark.skipif(
    resolve_precision("auto", make_strategy("cpu")) != "mixed_bfloat16", reason="no bfloat16 in this processor"
)
