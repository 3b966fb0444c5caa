"""Network interpolation: the formula, its ends, panels and curves, and what it refuses."""

import keras
import numpy as np
import pytest
from PIL import Image
from support.images import write_photo

from esrgan_tf import __main__
from esrgan_tf.commands.interpolate import parse_alphas
from esrgan_tf.errors import InputError
from esrgan_tf.formats.keras_file.generators import load_generator, save_generator
from esrgan_tf.inference.interpolation import upscalers
from esrgan_tf.metrics.niqe import NiqeModel, write_niqe_model
from esrgan_tf.models import build_generator
from esrgan_tf.models.interpolation import interpolate
from esrgan_tf.recipes.generators import RRDBConfig, SRCNNConfig, SRResNetConfig

X = np.random.default_rng(0).uniform(size=(1, 6, 5, 3)).astype(np.float32)


def generator(seed, config=None, recipe="tiny"):
    keras.utils.set_random_seed(seed)
    config = config or RRDBConfig(scale=2, blocks=1, features=4, growth=2, init_scale=1.0)
    return build_generator(config, recipe)


@pytest.fixture(scope="module")
def pair():
    return generator(1), generator(2)


@pytest.fixture
def files(pair, tmp_path):
    for name, model in zip(("psnr", "gan"), pair, strict=True):
        save_generator(model, tmp_path / f"{name}.keras")
    return [f"--{name}={tmp_path / name}.keras" for name in ("psnr", "gan")]


def run(capsys, *arguments):
    status = __main__.main(["esrgan", "interpolate", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_parameters_are_interpolated_and_the_name_says_so(pair):
    model = interpolate(*pair, 0.25)
    assert model.name == "tiny_alpha0.25_x2"
    for between, a, b in zip(model.get_weights(), *(m.get_weights() for m in pair), strict=True):
        np.testing.assert_allclose(between, 0.75 * a + 0.25 * b, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("alpha", [0, 1])
def test_the_ends_are_the_two_networks_bit_for_bit(pair, alpha):
    np.testing.assert_array_equal(interpolate(*pair, alpha)(X), pair[alpha](X))


def test_moving_statistics_are_interpolated_too():
    config = SRResNetConfig(scale=2, blocks=1, features=4)
    first, second = generator(1, config), generator(2, config)
    second.get_layer("bn_body").moving_mean.assign(np.full(4, 2.0))
    assert interpolate(first, second, 0.5).get_layer("bn_body").moving_mean.numpy() == pytest.approx(1.0)


def test_upscalers_take_each_alphas_weights_in_turn(pair):
    outputs = [upscaler.upscale(X[0]) for upscaler in upscalers(*pair, [0.0, 0.5, 1.0])]
    for alpha, output in zip((0.0, 0.5, 1.0), outputs, strict=True):
        np.testing.assert_allclose(output, np.clip(interpolate(*pair, alpha)(X)[0], 0, 1), atol=1e-6)
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-3


def test_other_networks_are_refused(pair):
    wider = generator(1, RRDBConfig(scale=2, blocks=1, features=6, growth=2), "wider")
    with pytest.raises(InputError, match="must be the same network. Received: tiny_x2 and wider_x2, .*tensors differ"):
        interpolate(pair[0], wider, 0.5)
    double, triple = (generator(1, SRCNNConfig(scale=scale, features=(4, 2))) for scale in (2, 3))
    with pytest.raises(InputError, match="tiny_x2 and tiny_x3, their scales differ"):
        interpolate(double, triple, 0.5)
    with pytest.raises(InputError, match="`alpha` must be from 0 .psnr. to 1 .gan.. Received: 1.5"):
        interpolate(*pair, 1.5)


@pytest.mark.parametrize(
    ("text", "alphas"),
    [("0.8", [0.8]), ("0,0.5,1", [0, 0.5, 1]), ("0:1:0.25", [0, 0.25, 0.5, 0.75, 1]), ("0:1:0.1", np.arange(11) / 10)],
)
def test_alphas_are_a_number_a_list_or_a_range(text, alphas):
    np.testing.assert_allclose(parse_alphas(text), alphas)


@pytest.mark.parametrize("text", ["", "x", "1.5", "0:1", "0:1:0", "1:0:0.1", "-0.1", "nan"])
def test_other_alphas_are_named(text):
    with pytest.raises(InputError, match=f"`alpha` must be numbers from 0 to 1.*Received: {text}"):
        parse_alphas(text)


def test_one_alpha_gives_a_file_and_several_a_folder(files, pair, capsys, tmp_path):
    assert run(capsys, *files, "--alpha=0.5", f"--output={tmp_path}/half.keras")[0] == 0
    np.testing.assert_array_equal(load_generator(tmp_path / "half.keras")(X), interpolate(*pair, 0.5)(X))
    status, out, _ = run(capsys, *files, "--alpha=0:1:0.5", f"--output={tmp_path}/between")
    assert status == 0
    names = ["alpha_0.5.keras", "alpha_0.keras", "alpha_1.keras"]
    assert sorted(path.name for path in (tmp_path / "between").iterdir()) == names
    assert "alpha 0.5: " in out


def test_panel_and_curve_show_every_alpha(files, capsys, tmp_path):
    for seed in range(2):
        write_photo(tmp_path / f"hr/{seed}.png", 208, 208, seed)
    Image.open(tmp_path / "hr/0.png").resize((48, 48)).save(tmp_path / "small.png")
    write_niqe_model(tmp_path / "niqe.npz", NiqeModel(np.zeros(36), np.eye(36)))
    status, out, err = run(
        capsys,
        *files,
        "--alpha=0,0.5,1",
        f"--input={tmp_path}/small.png",
        f"--panel={tmp_path}/panel.png",
        f"--data={tmp_path}/hr",
        f"--niqe_params={tmp_path}/niqe.npz",
        f"--plot={tmp_path}/curve.png",
    )
    assert (status, err) == (0, "")
    panel = Image.open(tmp_path / "panel.png")
    assert panel.width > 3 * 96 and panel.height > 2 * 96
    assert Image.open(tmp_path / "curve.png").width > 500
    rows = [line.split() for line in out.splitlines() if line[:1].isdigit()]
    assert [float(row[0]) for row in rows] == [0, 0.5, 1]
    assert len({row[1] for row in rows}) == 3


def test_bad_input_is_one_line(files, capsys, tmp_path):
    (tmp_path / "broken.keras").write_bytes(b"x")
    cases = [
        ((), "`--psnr` must be given"),
        ((files[0],), "`--gan` must be given"),
        (files, "one of `--output`, `--panel` and `--plot`"),
        ((*files, "--output=a.keras", "--alpha=0:1:0.5"), "`--output` must be a folder"),
        ((*files, "--panel=p.png"), "`--panel` needs an image: give `--input`"),
        ((*files, "--plot=p.png"), "`--plot` needs images: give `--data`"),
        ((*files, "--plot=p.png", "--data=x"), "`--plot` needs a NIQE model: give `--niqe_params`"),
        ((*files, "--panel=p.jpg", "--input=x"), "`--panel` must end in .png"),
        ((files[0], f"--gan={tmp_path}/none.keras", f"--output={tmp_path}/a.keras"), "`--gan` must be"),
        ((files[0], f"--gan={tmp_path}/broken.keras", f"--output={tmp_path}/a.keras"), "broken.keras"),
    ]
    for arguments, message in cases:
        status, _, err = run(capsys, *arguments)
        assert status == 1
        assert err.startswith("error: ") and len(err.strip().splitlines()) == 1
        assert message in err
    assert not (tmp_path / "a.keras").exists()
