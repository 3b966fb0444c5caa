"""The parity of an artifact: what it measures, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest

from esrgan_tf.errors import InputError
from esrgan_tf.export.parity import Parity, check, compare
from esrgan_tf.formats.deviation import deviation
from esrgan_tf.formats.examples import Example
from esrgan_tf.formats.network import Network
from esrgan_tf.metadata import GeneratorMetadata

TWICE = GeneratorMetadata.named("r", 2)


def example(height, width):
    hr = np.random.default_rng(height).uniform(size=(2 * height, 2 * width, 3)).astype(np.float32)
    return Example("noise", hr[::2, ::2], hr, 2)


def doubled(image):
    return image.repeat(2, 0).repeat(2, 1)


def test_a_proof_measures_what_was_changed():
    off = Network(TWICE, lambda image: doubled(image) + np.float32(0.01) * (image.shape[0] == 20))
    proof = compare(off, doubled, [example(20, 30), example(24, 24)])
    assert proof.max_difference == pytest.approx(0.01, rel=1e-4)
    share = 20 * 30 / (20 * 30 + 24 * 24)
    assert proof.psnr_to_keras == pytest.approx(-10 * np.log10(share * 1e-4), abs=0.01)
    assert proof.psnr != proof.psnr_keras
    assert proof.images == ("noise 30x20", "noise 24x24")
    assert proof.timed == 128


def test_a_network_of_one_size_is_proven_at_that_size():
    seen = set()

    def run(image):
        seen.add(image.shape)
        return doubled(image)

    proof = compare(Network(replace(TWICE, tile=24), run), doubled, [example(20, 30), example(40, 50)])
    assert seen == {(24, 24, 3)}
    assert (proof.max_difference, proof.psnr_to_keras, proof.psnr_change) == (0, float("inf"), 0)


def test_a_network_that_changes_its_mind_is_refused():
    calls = []

    def run(image):
        calls.append(1)
        return doubled(image) + np.float32(len(calls) == 60)

    with pytest.raises(InputError, match="gave other values"):
        compare(Network(TWICE, run), doubled, [example(20, 30)])


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(InputError, match="not finite"):
        compare(Network(TWICE, lambda image: doubled(image) * np.float32("nan")), doubled, [example(20, 30)])


def test_a_float_artifact_that_clips_is_found_and_one_of_bytes_is_not_blamed():
    beyond = lambda image: 3 * doubled(image) - 1  # noqa: E731
    clips = Network(TWICE, lambda image: np.clip(beyond(image), 0, 1))
    assert compare(clips, beyond, [example(20, 30)]).max_difference > 0.5
    assert compare(clips, beyond, [example(20, 30)], integers=True).max_difference == 0


def test_limits():
    proof = Parity(("a",), 2e-4, 90, 30.0, 30.05, 1, 128, 100)
    with pytest.raises(InputError, match="m differs from Keras by up to 0.0002 .*-0.050 dB; at most 0.0001 apart"):
        check(proof, "m", exact=True)
    check(proof, "m", exact=False)
    with pytest.raises(InputError, match="at most 0.0001 apart"):
        check(proof, "m", exact=True, max_psnr_drop=0.1)
    check(replace(proof, psnr=29), "m", exact=False, max_psnr_drop=1.1)
    for change in (-0.2, 0.2):
        with pytest.raises(InputError, match="a PSNR change of at most 0.1 dB"):
            check(replace(proof, psnr=proof.psnr_keras + change), "m", exact=False)


def natural(name, seed):
    """An image that doubling restores to 34 dB."""
    lr = np.random.default_rng(seed).uniform(0.2, 0.8, (24, 24, 3)).astype(np.float32)
    noise = np.random.default_rng(seed + 100).normal(0, 0.03, (48, 48, 3)).astype(np.float32)
    return Example(name, lr, doubled(lr) + noise, 2)


def flat(value):
    return Example(
        f"flat-{value}", np.full((24, 24, 3), value, np.float32), np.full((48, 48, 3), value, np.float32), 2, False
    )


def proof_of(run, examples):
    return compare(Network(TWICE, run), doubled, examples)


def test_one_bad_image_fails_though_the_mean_is_fine():
    images = [natural(str(seed), seed) for seed in range(9)]
    bad = images[4].lr_01

    def run(image):
        return doubled(image) + np.float32(0.0068) * np.array_equal(image, bad)

    proof = proof_of(run, images)
    assert abs(proof.psnr_change) < 0.1 and 0.35 < abs(proof.worst_image_change) < 0.6
    assert proof.worst_image == "4"
    with pytest.raises(InputError, match=r"most of 4, by -.*0.3 dB of each image"):
        check(proof, "m", exact=False)
    check(proof, "m", exact=False, max_psnr_drop=0.2)


def test_a_fault_on_flat_areas_fails_though_natural_images_are_fine():
    def run(image):
        return doubled(image) + np.float32(4 / 255) * (image.std() < 1e-3)

    proof = proof_of(run, [natural("a", 1), flat(0.5), flat(0.25)])
    assert proof.psnr_change == 0 and proof.worst_image_change == 0
    assert proof.worst_pattern_difference == pytest.approx(4 / 255, rel=1e-3)
    with pytest.raises(InputError, match=r"flat-0.\d+ is off by 4.00/255.*3/255 \(root mean square\)"):
        check(proof, "m", exact=False)
    check(proof, "m", exact=False, max_psnr_drop=0.14)
    check(replace(proof, worst_pattern_difference=2.9 / 255), "m", exact=False)


def test_images_that_keras_restores_almost_entirely_count_as_flat():
    smooth = natural("smooth", 2)
    smooth = replace(smooth, hr_01=doubled(smooth.lr_01))
    outputs = [doubled(e.lr_01) for e in (natural("a", 1), smooth)]
    found = deviation([natural("a", 1), smooth], [outputs[0], outputs[1] + np.float32(0.01)], outputs)
    assert (found.worst_image_change, found.worst_pattern) == (0, "smooth")
    assert found.worst_pattern_difference == pytest.approx(0.01, rel=1e-2)
    assert np.isfinite(found.psnr)
