"""The proof of an artifact: what it measures, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest

from esrgan_tf.errors import InputError
from esrgan_tf.exporting.examples import Example
from esrgan_tf.exporting.parity import Proof, check, prove
from esrgan_tf.inference.network import Network


def example(height, width):
    hr = np.random.default_rng(height).uniform(size=(2 * height, 2 * width, 3)).astype(np.float32)
    return Example("noise", hr[::2, ::2], hr, 2)


def doubled(picture):
    return picture.repeat(2, 0).repeat(2, 1)


def test_a_proof_measures_what_was_changed():
    off = Network("r", 2, lambda picture: doubled(picture) + np.float32(0.01) * (picture.shape[0] == 20))
    proof = prove(off, doubled, [example(20, 30), example(24, 24)])
    assert proof.max_difference == pytest.approx(0.01, rel=1e-4)
    share = 20 * 30 / (20 * 30 + 24 * 24)
    assert proof.psnr_to_keras == pytest.approx(-10 * np.log10(share * 1e-4), abs=0.01)
    assert proof.psnr != proof.psnr_keras
    assert proof.pictures == ("noise 30x20", "noise 24x24")
    assert proof.timed == 128


def test_a_network_of_one_size_is_proven_at_that_size():
    seen = set()

    def run(picture):
        seen.add(picture.shape)
        return doubled(picture)

    proof = prove(Network("r", 2, run, tile=24), doubled, [example(20, 30), example(40, 50)])
    assert seen == {(24, 24, 3)}
    assert (proof.max_difference, proof.psnr_to_keras, proof.psnr_change) == (0, float("inf"), 0)


def test_a_network_that_changes_its_mind_is_refused():
    calls = []

    def run(picture):
        calls.append(1)
        return doubled(picture) + np.float32(len(calls) == 60)

    with pytest.raises(InputError, match="gave other values"):
        prove(Network("r", 2, run), doubled, [example(20, 30)])


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(InputError, match="not finite"):
        prove(Network("r", 2, lambda picture: doubled(picture) * np.float32("nan")), doubled, [example(20, 30)])


def test_a_float_artifact_that_clips_is_found_and_one_of_bytes_is_not_blamed():
    beyond = lambda picture: 3 * doubled(picture) - 1  # noqa: E731
    clips = Network("r", 2, lambda picture: np.clip(beyond(picture), 0, 1))
    assert prove(clips, beyond, [example(20, 30)]).max_difference > 0.5
    assert prove(clips, beyond, [example(20, 30)], integers=True).max_difference == 0


def test_limits():
    proof = Proof(("a",), 2e-4, 90, 30.0, 30.05, 1, 128, 100)
    with pytest.raises(InputError, match="m differs from Keras by up to 0.0002 .*-0.050 dB; at most 0.0001 apart"):
        check(proof, "m", exact=True)
    check(proof, "m", exact=False)
    with pytest.raises(InputError, match="at most 0.0001 apart"):
        check(proof, "m", exact=True, max_psnr_drop=0.1)
    check(replace(proof, psnr=29), "m", exact=False, max_psnr_drop=1.1)
    for change in (-0.2, 0.2):
        with pytest.raises(InputError, match="a PSNR change of at most 0.1 dB"):
            check(replace(proof, psnr=proof.psnr_keras + change), "m", exact=False)
