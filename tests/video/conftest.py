"""What several files of video tests use."""

import pytest

from esrgan_tf.video import segments, upscaling


@pytest.fixture
def short_segments(monkeypatch):
    """Segments of four frames."""
    for module in (segments, upscaling):
        monkeypatch.setattr(module, "SEGMENT_FRAMES", 4)
