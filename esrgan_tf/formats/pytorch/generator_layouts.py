"""Layouts of generators: ESRGAN's two, and those of BasicSR and Real-ESRGAN."""

from collections.abc import Collection, Mapping

from esrgan_tf.formats.pytorch.layouts import INPUT, OUTPUT, Layout, Rules, Shapes, count, has, length, renamed, size
from esrgan_tf.formats.pytorch.span_layout import OWN_LAYER, span, span_rules
from esrgan_tf.models.layers.upsampling import STEPS
from esrgan_tf.recipes.generators import EDSRConfig, MSRResNetConfig, RRDBConfig, SRVGGConfig

UNSHUFFLED = {3: None, 12: 2, 48: 1}  # input channels of RRDBNet -> the scale that a pixel-unshuffle is for
EDSR_RANGE = 255.0  # BasicSR's EDSR works on 0..255 inside
EDSR_WIDE, EDSR_WIDE_SCALE = 256, 0.1  # features from which on EDSR scales its residuals: its paper, table 1

DENSE_BLOCK = r"body_(\d+)_rdb(\d)_(conv\d)"
RESIDUAL_BLOCK = (r"body_(\d+)_(conv\d)", r"body.\1.\2")
BASICSR_RRDB: Rules = ((DENSE_BLOCK, r"body.\1.rdb\2.\3"),)
ESRGAN_NEW: Rules = (
    (DENSE_BLOCK, r"RRDB_trunk.\1.RDB\2.\3"),
    ("conv_body", "trunk_conv"),
    (r"conv_up(\d)", r"upconv\1"),
    ("conv_hr", "HRconv"),
)
MSRRESNET: Rules = (RESIDUAL_BLOCK, (r"conv_up(\d)", r"upconv\1"))
EDSR: Rules = (RESIDUAL_BLOCK, *((f"conv_up{step}", f"upsample.{2 * (step - 1)}") for step in (1, 2, 3)))


def basicsr_rules(layers: Mapping[str, Collection[str]]) -> Rules | None:
    """BasicSR's names for a Keras generator's layers, or SPAN's, whose code is BasicSR's with one network more.

    Args:
        layers: names of all its layers with weights, each with its variables' names.

    Returns:
        Rules, or `None` where neither has such a network.
    """
    if OWN_LAYER in layers:
        return span_rules(layers)
    if has(dict.fromkeys(layers), DENSE_BLOCK):
        return BASICSR_RRDB
    if "body_0_prelu" in layers and "body_0_conv" in layers:
        return _srvgg_rules(count(dict.fromkeys(layers), r"body_\d+_conv"))
    if "body_0_conv1" in layers and "conv_body" not in layers:
        return EDSR if "conv_after_body" in layers else MSRRESNET
    return None


def basicsr_rrdb(shapes: Shapes) -> Layout | None:
    """RRDBNet of BasicSR and Real-ESRGAN."""
    blocks = length(shapes, r"body\.(\d+)\.rdb\d\..*")
    return (
        None
        if not blocks
        else _rrdb("BasicSR's RRDBNet", shapes, BASICSR_RRDB, blocks, count(shapes, r"conv_up\d\.weight"))
    )


def esrgan_new(shapes: Shapes) -> Layout | None:
    """RRDBNet of ESRGAN's repository."""
    blocks = length(shapes, r"RRDB_trunk\.(\d+)\..*")
    return (
        None
        if not blocks
        else _rrdb("ESRGAN's new layout", shapes, ESRGAN_NEW, blocks, count(shapes, r"upconv\d\.weight"))
    )


def esrgan_old(shapes: Shapes) -> Layout | None:
    """RRDB_Net of ESRGAN's first release: one flat sequence, each upsampling three further than the one before."""
    blocks = length(shapes, r"model\.1\.sub\.(\d+)\.RDB.*")
    steps = max((length(shapes, r"model\.(\d+)\.weight") - 5) // 3, 0)
    rules = (
        ("conv_first", "model.0"),
        (DENSE_BLOCK, r"model.1.sub.\1.RDB\2.\3.0"),
        ("conv_body", f"model.1.sub.{blocks}"),
        *((f"conv_up{step}", f"model.{3 * step}") for step in range(1, steps + 1)),
        ("conv_hr", f"model.{3 * steps + 2}"),
        ("conv_last", f"model.{3 * steps + 4}"),
    )
    return None if not blocks else _rrdb("ESRGAN's old layout", shapes, rules, blocks, steps)


def srvgg(shapes: Shapes) -> Layout | None:
    """SRVGGNetCompact of Real-ESRGAN: `body.2K` the convolutions, `body.2K+1` their PReLUs."""
    last = length(shapes, r"body\.(\d+)\.weight") - 1
    if last < 0:
        return None
    scale = round((size(shapes, f"body.{last}.weight", OUTPUT) / 3) ** 0.5)
    config = SRVGGConfig(scale=scale, convs=last // 2 - 1, features=size(shapes, "body.0.weight", OUTPUT))
    return Layout("SRVGGNetCompact", config, _srvgg_rules(last // 2), {"conv_last": (OUTPUT, scale**2)})


def msrresnet(shapes: Shapes) -> Layout | None:
    """MSRResNet of BasicSR."""
    if not has(shapes, r"body\.\d+\.conv\d\..*") or not has(shapes, r"upconv\d\..*"):
        return None
    config = MSRResNetConfig(**_residual_sizes(shapes, "upconv1", count(shapes, r"upconv\d\.weight")))
    return Layout("BasicSR's MSRResNet", config, MSRRESNET, _shuffles(config.scale))


def edsr(shapes: Shapes) -> Layout | None:
    """EDSR of BasicSR. Its residual scale is in no tensor: 0.1 from 256 features on, as published, else 1."""
    if not has(shapes, r"body\.\d+\.conv\d\..*"):
        return None
    sizes = _residual_sizes(shapes, "upsample.0", count(shapes, r"upsample\.\d\.weight"))
    config = EDSRConfig(**sizes, residual_scale=EDSR_WIDE_SCALE if sizes["features"] >= EDSR_WIDE else 1.0)
    factors = {
        "conv_first/kernel": EDSR_RANGE,
        "conv_last/kernel": 1 / EDSR_RANGE,
        "conv_last/bias": 1 / EDSR_RANGE,
    }
    return Layout("BasicSR's EDSR", config, EDSR, _shuffles(config.scale), factors)


# In this order: a later one also fits what an earlier one does.
GENERATOR_RECOGNISERS = (basicsr_rrdb, esrgan_new, esrgan_old, srvgg, msrresnet, edsr, span)


def _rrdb(title: str, shapes: Shapes, rules: Rules, blocks: int, steps: int) -> Layout:
    """Width and scale of an RRDB network with so many blocks and upsamplings."""
    first = f"{renamed('conv_first', rules)}.weight"
    channels = size(shapes, first, INPUT)
    if channels not in UNSHUFFLED:
        raise LookupError(
            f"must have 3 input channels, or 12 (x2) or 48 (x1) by pixel-unshuffle. Received: {first} with {channels}."
        )
    unshuffled = UNSHUFFLED[channels]
    config = RRDBConfig(
        scale=unshuffled or 2**steps,
        blocks=blocks,
        features=size(shapes, first, OUTPUT),
        growth=size(shapes, f"{renamed('body_0_rdb1_conv1', rules)}.weight", OUTPUT),
        pixel_unshuffle=bool(unshuffled),
    )
    order = {"conv_first": (INPUT, (4 // unshuffled) ** 2)} if unshuffled else {}
    return Layout(title, config, rules, order)


def _srvgg_rules(convs: int) -> Rules:
    """Names of SRVGGNetCompact with so many convolutions before the last."""
    pairs = [
        ((f"body_{index}_conv", f"body.{2 * index}"), (f"body_{index}_prelu", f"body.{2 * index + 1}"))
        for index in range(convs)
    ]
    return (*(rule for pair in pairs for rule in pair), ("conv_last", f"body.{2 * convs}"))


def _residual_sizes(shapes: Shapes, first_upsampling: str, steps: int) -> dict[str, int]:
    """Width, depth and scale of a residual network that pixel shuffles upscale."""
    features = size(shapes, "conv_first.weight", OUTPUT)
    triples = size(shapes, f"{first_upsampling}.weight", OUTPUT) == 9 * features
    return {"scale": 3 if triples else 2**steps, "blocks": length(shapes, r"body\.(\d+)\..*"), "features": features}


def _shuffles(scale: int) -> dict[str, tuple[int, int]]:
    """The convolutions before pixel shuffles."""
    return {f"conv_up{step}": (OUTPUT, factor**2) for step, factor in enumerate(STEPS.get(scale, ()), start=1)}
