"""Recognising whose network a file of tensors holds, and its sizes."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from esrgan_tf.errors import InputError
from esrgan_tf.formats.pytorch.conversion import import_weights
from esrgan_tf.formats.pytorch.layouts import renamed
from esrgan_tf.formats.pytorch.recognition import recognise
from esrgan_tf.recipes.generators import EDSRConfig, RRDBConfig


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (
            {"layers.0.norm.weight": (3,), "head.weight": (9, 3)},
            "must be of a known layout.*such as head.weight, layers.0.norm",
        ),
        ({"body.0.rdb1.conv1.weight": (4, 6, 3, 3)}, "lacks the tensor conv_first.weight"),
        ({"RRDB_trunk.0.RDB1.conv1.weight": (4, 6, 3, 3), "conv_first.weight": (6,)}, "misshapen tensor conv_first"),
        ({"body.0.rdb1.conv1.weight": (4, 6, 3, 3), "conv_first.weight": (6, 4, 3, 3)}, "3 input channels.*with 4"),
        ({"body.0.weight": (4, 3, 3, 3), "body.2.weight": (75, 4, 3, 3)}, "cannot be built: .*scale.* 5"),
        ({"features.0.weight": (64, 3, 3, 3), "features.1.running_mean": (64,)}, "must be of a known layout"),
        ({"lin0.model.1.weight": (1, 64, 1, 1)}, "holds LPIPS' lin layers: give it as `lpips`"),
        ({"features.0.weight": (64, 3, 11, 11)}, "is AlexNet.*lpips=FILE"),
    ],
)
def test_what_cannot_be_read_off_the_tensors_is_told(tensors, message, tmp_path):
    save_file({name: np.zeros(shape, np.float32) for name, shape in tensors.items()}, tmp_path / "a.safetensors")
    with pytest.raises(InputError, match=rf"a\.safetensors` .*{message}"):
        import_weights(tmp_path / "a.safetensors", tmp_path / "out.keras")
    assert not (tmp_path / "out.keras").exists()


def test_depth_and_width_of_the_old_layout_are_read_off_the_tensors(reference):
    module = reference.ESRGANOldNet(steps=1, features=5, growth=3, blocks=11)
    layout = recognise(module.state_dict(), "a")
    assert layout.network == RRDBConfig(scale=2, blocks=11, features=5, growth=3)
    names = {layer: renamed(layer, layout.rules) for layer in ("body_10_rdb3_conv5", "conv_body", "conv_up1")}
    assert list(names.values()) == ["model.1.sub.10.RDB3.conv5.0", "model.1.sub.11", "model.3"]


def test_minc_is_recognised_under_caffes_names_too():
    for name, module in (("conv5_3.weight", "conv5_3"), ("conv53.weight", "conv53")):
        layout = recognise({name: np.broadcast_to(np.float32(0), (512, 512, 3, 3))}, "a")
        assert (layout.network, renamed("conv5_3", layout.rules)) == ("vgg16_minc", module)


def test_a_wide_edsr_scales_its_residuals_as_published():
    shapes = {"conv_first": (256, 3), "body.0.conv1": (256, 256), "upsample.0": (1024, 256), "conv_last": (3, 256)}
    tensors = {f"{name}.weight": np.broadcast_to(np.float32(0), (*shape, 3, 3)) for name, shape in shapes.items()}
    assert recognise(tensors, "a").network == EDSRConfig(scale=2, blocks=1, features=256, residual_scale=0.1)
