"""`esrgan convert` as a user calls it."""

import os
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
from support.paths import ROOT

from esrgan_tf import __main__
from esrgan_tf.commands import convert as convert_command
from esrgan_tf.formats.keras_file.generators import load_generator, save_generator
from esrgan_tf.models import build_generator
from esrgan_tf.recipes.generators import RRDBConfig

X = np.random.default_rng(0).uniform(size=(1, 6, 5, 3)).astype(np.float32)


@pytest.fixture(autouse=True)
def fresh_flags():
    """Every test parses its own flags."""
    reset_flags()
    yield


def reset_flags():
    convert_command.FLAGS.unparse_flags()
    for flag in convert_command.FLAGS._flags().values():
        flag.unparse()


@pytest.fixture
def model(tmp_path):
    keras.utils.set_random_seed(4)
    model = build_generator(RRDBConfig(blocks=1, features=4, growth=2, init_scale=1.0), "mine")
    save_generator(model, tmp_path / "run/gan/generator.keras")
    return model


def convert(capsys, *arguments):
    """Exit status, standard output, standard error of `esrgan convert ARGUMENTS`."""
    reset_flags()
    status = __main__.main(["esrgan", "convert", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_a_work_directory_goes_to_basicsr_and_back(model, capsys, tmp_path):
    out, back = tmp_path / "mine.safetensors", tmp_path / "back.keras"
    status, said, err = convert(capsys, f"--input={tmp_path}/run", f"--output={out}")
    assert (status, err) == (0, "")
    assert "mine_x4: BasicSR's RRDBNet (scale 4, blocks 1, features 4, growth 2" in said
    assert f"{tmp_path}/run -> {out}" in said
    status, said, err = convert(capsys, f"--input={out}", f"--output={back}", "--name=again")
    assert (status, err) == (0, "")
    assert "again_x4" in said
    np.testing.assert_array_equal(load_generator(back)(X), model(X))
    assert load_generator(back).name == "again_x4"


def test_set_reaches_the_network(model, capsys, tmp_path):
    convert(capsys, f"--input={tmp_path}/run", f"--output={tmp_path}/mine.safetensors")
    arguments = (f"--input={tmp_path}/mine.safetensors", f"--output={tmp_path}/out.keras", "--set=residual_scale=0.7")
    assert convert(capsys, *arguments)[0] == 0
    assert np.abs(np.array(load_generator(tmp_path / "out.keras")(X)) - np.array(model(X))).max() > 1e-3


def test_pth_is_written_and_read_where_pytorch_is_not_yet_imported(model, tmp_path):
    pytest.importorskip("torch")
    (tmp_path / "bad.pth").write_bytes(b"not a pickle at all")
    code = """
        import sys
        from esrgan_tf.__main__ import main
        print("started")
        for source, target in (("run", "mine.pth"), ("mine.pth", "back.keras"), ("bad.pth", "out.keras")):
            print(main(["esrgan", "convert", f"--input={source}", f"--output={target}"]))
        assert "torch" not in sys.modules
    """
    (tmp_path / "script.py").write_text(textwrap.dedent(code))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, env=environment, check=True
    )
    lines = [line for line in done.stdout.splitlines() if line.isdigit() or line == "started"]
    assert lines == ["started", "0", "0", "1"]
    (error,) = (line for line in done.stderr.splitlines() if line.startswith("error: "))
    assert error.startswith("error: `bad.pth` is no PyTorch file, or a damaged one")
    np.testing.assert_array_equal(load_generator(tmp_path / "back.keras")(X), model(X))


def test_help_imports_neither_tensorflow_nor_pytorch():
    code = (
        "import sys; from esrgan_tf.__main__ import main; status = main(['esrgan', 'convert', '--help']); "
        "assert not {'tensorflow', 'keras', 'torch'} & set(sys.modules); sys.exit(status)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "esrgan convert --input=RRDB_ESRGAN_x4.pth" in done.stdout
    assert "--lpips" in done.stdout


def test_bad_input_is_one_line_and_leaves_nothing(model, capsys, tmp_path):
    (tmp_path / "page.safetensors").write_bytes(b"<html>")
    work, page = f"--input={tmp_path}/run", f"--input={tmp_path}/page.safetensors"
    out = tmp_path / "out"
    cases = [
        ([], ["--input"]),
        ([work], ["--output"]),
        ([work, f"--output={out}.keras"], ["--output", ".pth or .pt or .safetensors for this --input", "out.keras"]),
        ([work, f"--output={out}.pth", "--name=a"], ["--name", "--lpips"]),
        ([work, f"--output={out}.safetensors", "--set=residual"], ["--set", "residual"]),
        ([work, f"--output={out}.safetensors", "--set=growht=3"], ["growht", "growth"]),
        ([f"--input={tmp_path}/none", f"--output={out}.pth"], ["--input", "none"]),
        ([page, f"--output={out}.pth"], ["--output", ".keras", "out.pth"]),
        ([page, f"--output={out}.keras"], ["page.safetensors", "web page"]),
        ([f"--input={tmp_path}/none.pth", f"--output={out}.keras"], ["none.pth", "there is none"]),
        (["stray", work], ["--name=value", "stray"]),
    ]
    before = sorted(tmp_path.iterdir())
    for arguments, parts in cases:
        status, _, err = convert(capsys, *arguments)
        assert status == 1, arguments
        assert err.startswith("error: "), arguments
        assert len(err.strip().splitlines()) == 1
        for part in parts:
            assert part in err
    assert sorted(tmp_path.iterdir()) == before
