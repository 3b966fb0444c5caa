"""Layouts of networks that judge images: VGG discriminators, torchvision's and MINC's classifiers, LPIPS."""

from collections.abc import Mapping

from esrgan_tf.formats.pytorch.layouts import INPUT, OUTPUT, Layout, Rules, Shapes, has, renamed, size
from esrgan_tf.models.discriminators.vgg import WIDEST
from esrgan_tf.models.features import CONVS
from esrgan_tf.recipes.discriminators import VGGDiscriminatorConfig

HALVINGS = 5  # of the discriminator's map
COUNTER = r".*\.num_batches_tracked"  # of PyTorch's BatchNorm; nothing is computed with it
CLASSIFIER = r"classifier\.\d\.(weight|bias)"
LPIPS_BACKBONES = {"alexnet": "lpips_alex", "vgg16_torchvision": "lpips_vgg"}
LPIPS_LINS: Rules = ((r"lin(\d)", r"lin\1.model.1"),)
ALEXNET: Rules = tuple((f"conv{n}", f"features.{i}") for n, i in enumerate((0, 3, 6, 8, 10), start=1))


def discriminator(shapes: Shapes) -> Layout | None:
    """The VGG discriminator of BasicSR, whose names are Keras' here."""
    if not has(shapes, r"conv0_\d\..*"):
        return None
    return _vgg_discriminator("BasicSR's VGG discriminator", shapes, (), {})


def discriminator_old(shapes: Shapes) -> Layout | None:
    """The VGG discriminator of ESRGAN's first release: its convolutions have biases that BatchNorm takes off again."""
    if shapes.get("features.2.weight", ())[2:] != (4, 4):
        return None
    first, *others = [f"{halving}_{half}" for halving in range(HALVINGS) for half in (0, 1)]
    rules = [("linear1", "classifier.0"), ("linear2", "classifier.2"), (f"conv{first}", "features.0")]
    folded = {}
    for index, number in enumerate(others, start=1):
        conv, norm = f"features.{3 * index - 1}", f"features.{3 * index}"
        rules += [(f"conv{number}", conv), (f"bn{number}", norm)]
        folded[f"{conv}.bias"] = f"{norm}.running_mean"
    return _vgg_discriminator("ESRGAN's VGG discriminator", shapes, tuple(rules), folded)


def torchvision(shapes: Shapes) -> Layout | None:
    """AlexNet, VGG16 and VGG19 without BatchNorm; their classifiers are not needed."""
    first = shapes.get("features.0.weight")
    if not first or has(shapes, r".*\.running_mean"):
        return None
    if first[-1] == 11:
        return Layout("torchvision's AlexNet", "alexnet", ALEXNET, ignored=CLASSIFIER)
    network = "vgg19" if has(shapes, r"features\.3\d\..*") else "vgg16"
    rules, index = [], 0
    for block, convs in enumerate(CONVS[network], start=1):
        for number in range(1, convs + 1):
            rules.append((f"conv{block}_{number}", f"features.{index}"))
            index += 2  # past its ReLU
        index += 1  # past the pooling
    return Layout(f"torchvision's {network.upper()}", f"{network}_torchvision", tuple(rules), ignored=CLASSIFIER)


def minc(shapes: Shapes) -> Layout | None:
    """VGG16 fine-tuned on MINC: `conv11` in ESRGAN's released file, `conv1_1` as Caffe names it."""
    if not has(shapes, r"conv5_?3\.weight"):
        return None
    released = has(shapes, r"conv\d\d\.weight")
    return Layout("MINC's VGG16", "vgg16_minc", ((r"conv(\d)_(\d)", r"conv\1\2"),) if released else ())


def lpips_lins(shapes: Shapes) -> Layout | None:
    """LPIPS' own weights, which are of no use without a backbone."""
    if not has(shapes, r"lin\d\.model\..*"):
        return None
    raise LookupError("holds LPIPS' lin layers: give it as `lpips`, and torchvision's AlexNet or VGG16 as `input`.")


PERCEPTUAL_RECOGNISERS = (discriminator, discriminator_old, torchvision, minc, lpips_lins)


def _vgg_discriminator(title: str, shapes: Shapes, rules: Rules, folded: Mapping[str, str]) -> Layout:
    """Width, patch and dense units of a VGG discriminator."""
    features = size(shapes, f"{renamed('conv0_0', rules)}.weight", OUTPUT)
    linear = f"{renamed('linear1', rules)}.weight"
    side = max(round((size(shapes, linear, INPUT) / (WIDEST * features)) ** 0.5), 1)
    config = VGGDiscriminatorConfig(features=features, dense_units=size(shapes, linear, OUTPUT))
    order = {"linear1": (INPUT, side**2)}
    return Layout(title, config, rules, order, ignored=COUNTER, patch=2**HALVINGS * side, folded=folded)
