"""NIQE against sampled distributions, direct convolution, distances by hand, and on degraded photographs."""

import numpy as np
import pytest
from scipy.io import savemat
from scipy.ndimage import gaussian_filter
from scipy.special import gamma
from support.images import truncate

from esrgan_tf.data.sample import sample_photographs
from esrgan_tf.errors import InputError
from esrgan_tf.image.io import read_image, to_uint8
from esrgan_tf.image.resize import imresize
from esrgan_tf.metrics.niqe import (
    NiqeModel,
    block_features,
    fit_aggd,
    fit_niqe,
    mscn,
    niqe,
    read_niqe_model,
    write_niqe_model,
)
from esrgan_tf.metrics.psnr_ssim import luma


def noise(height=96, width=96, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width)).astype(float)


@pytest.fixture(scope="module")
def photographs():
    """By name, rounded Y."""
    paths = [pair.hr for part in sample_photographs() for pair in part]
    chosen = ("astronaut", "camera", "chelsea", "coffee", "coins", "motorcycle_left", "rocket")
    return {path.stem: np.rint(luma(to_uint8(read_image(path).rgb))) for path in paths if path.stem in chosen}


@pytest.fixture(scope="module")
def model(photographs):
    return fit_niqe([plane for name, plane in photographs.items() if name != "astronaut"], sharpness=0.3)


@pytest.mark.parametrize(("shape", "left", "right"), [(2.0, 1.0, 1.0), (1.3, 0.7, 1.6), (0.8, 2.0, 0.5)])
def test_aggd_fit_recovers_what_was_sampled(shape, left, right):
    rng = np.random.default_rng(1)
    size = rng.gamma(1 / shape, size=400_000) ** (1 / shape)
    values = np.where(rng.random(size.shape) < left / (left + right), -left, right) * size
    np.testing.assert_allclose(fit_aggd(values), (shape, left, right), rtol=0.02)


def test_aggd_fit_of_a_gaussian_by_its_formula():
    values = np.random.default_rng(2).normal(0, 3, 400_000)
    # The generalised Gaussian of shape 2 has beta = sigma sqrt(gamma(1/2) / gamma(3/2)) = sigma sqrt(2).
    np.testing.assert_allclose(fit_aggd(values), (2, 3 * 2**0.5, 3 * 2**0.5), rtol=0.02)


def test_mscn_is_the_direct_convolution_with_a_repeated_border():
    plane = noise(9, 8)
    offsets = np.arange(-3, 4)
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * (7 / 6) ** 2))
    window /= window.sum()
    padded = np.pad(plane, 3, mode="edge")
    values, deviation = mscn(plane)
    for row in range(9):
        for column in range(8):
            patch = padded[row : row + 7, column : column + 7]
            mean = (window * patch).sum()
            expected = np.sqrt((window * (patch - mean) ** 2).sum())
            assert deviation[row, column] == pytest.approx(expected, abs=1e-9)
            assert values[row, column] == pytest.approx((plane[row, column] - mean) / (expected + 1), abs=1e-9)


def test_features_of_one_block_are_the_papers_in_the_releases_order():
    plane = noise(100, 130)
    features, sharpness = block_features(plane)
    assert features.shape == (1, 36)
    whole, deviation = mscn(plane[:96, :96])
    assert sharpness == pytest.approx(deviation.mean())
    for first, values in ((0, whole), (18, mscn(imresize(plane[:96, :96], 0.5))[0])):
        shape, left, right = fit_aggd(values)
        assert features[0, first : first + 2] == pytest.approx([shape, (left + right) / 2])
        size = len(values)
        # The neighbour on the left, and last the one above and to the right, across the edges.
        neighbours = {2: lambda r, c, n: (r, c - 1), 14: lambda r, c, n: (r - 1, (c + 1) % n)}
        for place, neighbour in neighbours.items():
            products = [values[r, c] * values[neighbour(r, c, size)] for r in range(size) for c in range(size)]
            shape, left, right = fit_aggd(np.array(products))
            mean = (right - left) * gamma(2 / shape) / gamma(1 / shape)
            assert features[0, first + place : first + place + 4] == pytest.approx([shape, mean, left, right])


def test_blocks_go_row_by_row_from_the_top_left():
    plane = np.block([[noise(seed=1), noise(seed=2)], [noise(seed=3), noise(seed=4)]])
    plane[:96, 96:] = gaussian_filter(plane[:96, 96:], 4)
    _, sharpness = block_features(plane)
    assert np.argmin(sharpness) == 1


def test_distance_by_hand():
    plane = noise(288, 288)
    features, _ = block_features(plane)
    mean, covariance = features.mean(axis=0), np.cov(features.T)
    away = np.zeros(36)
    away[[3, 20]] = 3, 4
    # Both covariances together are 2 I, so that the distance is Euclid's.
    assert niqe(plane, NiqeModel(mean + away, 2 * np.eye(36) - covariance)) == pytest.approx(5)
    assert niqe(plane, NiqeModel(mean + away, 8 * np.eye(36) - covariance)) == pytest.approx(2.5)


def test_fit_takes_sharp_blocks_alone_and_their_mean_and_covariance():
    planes = [noise(480, 480, seed) for seed in (1, 2)]
    features = [block_features(plane)[0] for plane in planes]
    blurred = [plane.copy() for plane in planes]
    for plane in blurred:
        plane[:, 384:] = 128 + 0.1 * (plane[:, 384:] - 128)  # the last of five columns of blocks
    kept = np.concatenate([np.delete(block_features(plane)[0], range(4, 25, 5), axis=0) for plane in blurred])
    assert len(kept) == 40 < len(np.concatenate(features))
    fitted = fit_niqe(blurred)
    np.testing.assert_allclose(fitted.mean, kept.mean(axis=0))
    np.testing.assert_allclose(fitted.covariance, np.cov(kept.T))
    assert not np.allclose(fit_niqe(blurred, sharpness=0).mean, fitted.mean)


def test_noisier_and_blurrier_photographs_score_worse(photographs, model):
    plane = photographs["astronaut"]
    rng = np.random.default_rng(0)
    noisy = [np.rint(np.clip(plane + rng.normal(0, sigma, plane.shape), 0, 255)) for sigma in (0, 10, 25, 50)]
    blurry = [np.rint(gaussian_filter(plane, sigma)) for sigma in (0, 1, 2, 4)]
    for series in (noisy, blurry):
        scores = [niqe(image, model) for image in series]
        assert scores == sorted(scores)
        assert scores[-1] > scores[0] + 1


def test_blocks_without_contrast_are_left_out(photographs, model):
    photograph = photographs["astronaut"][:384, :384]
    padded = np.pad(photograph, ((0, 192), (0, 0)), mode="edge")
    padded[400:] = 128
    features, _ = block_features(padded)
    usable = np.isfinite(features).all(axis=1)
    assert usable.tolist() == [True] * 20 + [False] * 4
    away = np.zeros(36)
    away[7] = 2
    pooled_to_identity = 2 * np.eye(36) - np.cov(features[:20].T)
    assert niqe(padded, NiqeModel(features[:20].mean(axis=0) + away, pooled_to_identity)) == pytest.approx(2)
    with pytest.raises(ValueError, match="at least 2 blocks.*Received: 0"):
        niqe(np.full((192, 192), 128.0), model)


def test_images_that_are_too_small_are_refused(model):
    with pytest.raises(ValueError, match=r"at least 96 px. Received: shape=\(95, 200\)"):
        niqe(noise(95, 200), model)
    with pytest.raises(ValueError, match="at least 2 blocks.*Received: 1"):
        niqe(noise(96, 191), model)
    with pytest.raises(ValueError, match="at least 37 blocks.*Received: 36"):
        fit_niqe([noise(576, 576)], sharpness=0)
    with pytest.raises(ValueError, match="Received: 0"):
        fit_niqe([])


def test_parameter_files_of_every_maker_are_read(tmp_path, model):
    write_niqe_model(tmp_path / "own.npz", model)
    savemat(tmp_path / "release.mat", {"mu_prisparam": model.mean[None], "cov_prisparam": model.covariance})
    arrays = {"mu_pris_param": model.mean[None], "cov_pris_param": model.covariance, "gaussian_window": np.ones((7, 7))}
    np.savez(tmp_path / "basicsr.npz", **arrays)
    for path in tmp_path.iterdir():
        read = read_niqe_model(path)
        np.testing.assert_array_equal(read.mean, model.mean)
        np.testing.assert_array_equal(read.covariance, model.covariance)


def test_files_that_are_no_parameters_are_named(tmp_path, model):
    (tmp_path / "text.mat").write_text("mu_prisparam = 1")
    (tmp_path / "text.npz").write_text("nothing")
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "empty.mat").write_bytes(b"")
    write_niqe_model(tmp_path / "cut.npz", model)
    truncate(tmp_path / "cut.npz")
    savemat(tmp_path / "cut.mat", {"mu_prisparam": model.mean, "cov_prisparam": model.covariance}, do_compression=True)
    truncate(tmp_path / "cut.mat")
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    np.savez(tmp_path / "short.npz", mu_prisparam=np.ones(18), cov_prisparam=np.eye(18))
    np.savez(tmp_path / "nan.npz", mu_prisparam=np.full(36, np.nan), cov_prisparam=np.eye(36))
    np.savez(tmp_path / "words.npz", mu_prisparam=np.array(["a"] * 36), cov_prisparam=np.eye(36))
    np.savez(tmp_path / "askew.npz", mu_prisparam=np.ones(36), cov_prisparam=np.triu(np.ones((36, 36))))
    with (tmp_path / "array.npz").open("wb") as file:
        np.save(file, np.ones(3))
    names = sorted(path.name for path in tmp_path.iterdir()) + ["missing.npz", "model.pth"]
    assert len(names) == 14
    for name in names:
        with pytest.raises(InputError, match="`niqe_params` .*must be a .mat or .npz file with mu_prisparam") as caught:
            read_niqe_model(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="must end in .npz"):
        write_niqe_model(tmp_path / "model.mat", model)
