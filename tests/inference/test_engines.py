"""Engines: which is taken, what is compiled and kept, and that what is refused or damaged never runs."""

import os
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from support.images import make_image

from esrgan_tf.errors import InputError
from esrgan_tf.formats.keras_file.generators import save_generator
from esrgan_tf.inference.engines import cache, choice, opening
from esrgan_tf.inference.engines.cache import CompiledEngine
from esrgan_tf.inference.engines.choice import choose
from esrgan_tf.inference.engines.opening import open_engine
from esrgan_tf.models import build_generator
from esrgan_tf.recipes.generators import SRVGGConfig


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def machine(monkeypatch):
    """A machine with these engines installed, and with these instructions or without."""

    def with_engines(*names, bfloat16=False, avx512=False):
        packages = {package for name in names for package in choice.ENGINES[name].packages} | {"tensorflow"}
        monkeypatch.setattr(choice, "find_spec", lambda package: package in packages or None)
        monkeypatch.setattr(choice, "has_bfloat16", lambda: bfloat16)
        monkeypatch.setattr(choice, "has_avx512", lambda: avx512)

    return with_engines


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    keras.utils.set_random_seed(3)
    path = tmp_path_factory.mktemp("model") / "generator.keras"
    save_generator(build_generator(SRVGGConfig(scale=2, convs=1, features=8), "tiny"), path)
    return path


@pytest.mark.parametrize(
    ("installed", "bfloat16", "asked", "taken"),
    [
        ((), False, ("auto", "auto"), ("keras", "float32")),
        ((), True, ("auto", "auto"), ("saved_model", "bfloat16")),
        (("onnx",), False, ("auto", "auto"), ("onnx", "float32")),
        (("openvino", "onnx"), False, ("auto", "auto"), ("openvino", "float32")),
        (("ncnn", "openvino"), False, ("auto", "auto"), ("ncnn", "float32")),
        (("ncnn", "openvino"), True, ("auto", "auto"), ("openvino", "bfloat16")),
        (("openvino",), True, ("auto", "auto"), ("openvino", "bfloat16")),
        (("openvino",), True, ("auto", "float32"), ("openvino", "float32")),
        (("openvino", "litert"), True, ("auto", "int8"), ("openvino", "int8")),
        (("litert",), True, ("auto", "int8"), ("litert", "int8")),
        ((), True, ("keras", "auto"), ("keras", "float32")),
        ((), False, ("saved_model", "auto"), ("saved_model", "float32")),
        ((), True, ("openvino", "auto"), ("openvino", "bfloat16")),
    ],
)
def test_auto_takes_the_fastest_that_is_installed_and_never_int8(machine, installed, bfloat16, asked, taken):
    machine(*installed, bfloat16=bfloat16)
    assert choose(*asked) == taken


def test_openvino_is_the_fastest_in_float32_by_avx512(machine):
    machine("ncnn", "openvino", avx512=True)
    assert choose() == ("openvino", "float32")
    machine("ncnn", avx512=True)
    assert choose() == ("ncnn", "float32")


@pytest.mark.parametrize("asked", [("auto", "bfloat16"), ("keras", "int8"), ("onnx", "bfloat16"), ("auto", "int8")])
def test_what_cannot_go_together_is_refused(machine, asked):
    machine()
    with pytest.raises(InputError, match=f"Received: {asked[0]}, {asked[1]}"):
        choose(*asked)


@pytest.mark.parametrize(
    "engine", ["openvino", "ncnn", "onnx", pytest.param("saved_model", marks=pytest.mark.slow), "litert"]
)
def test_an_engine_is_compiled_once_and_gives_what_keras_gives(generator, engine):
    lines = []
    rgb = make_image(shape=(128, 128)).rgb
    expected = open_engine([generator], engine="keras").run(rgb)
    first = open_engine([generator], engine=engine, precision="float32", log=lines.append)
    assert any(line.startswith("compiling for") for line in lines)
    assert str(generator) in first.origin and "float32" in first.origin
    lines.clear()
    second = open_engine([generator], engine=engine, precision="float32", log=lines.append)
    assert lines == []
    for network in (first, second):
        np.testing.assert_allclose(network.run(rgb), expected, atol=1e-4)
    ((compiled, size),) = cache.entries()
    assert (compiled.generator, compiled.engine, compiled.precision) == ("tiny_x2", engine, "float32")
    assert size > 1000


def test_other_weights_have_an_engine_of_their_own(generator, tmp_path):
    other = tmp_path / "other.keras"
    keras.utils.set_random_seed(4)
    save_generator(build_generator(SRVGGConfig(scale=2, convs=1, features=8), "tiny"), other)
    rgb = make_image(shape=(20, 20)).rgb
    outputs = [open_engine([path], engine="onnx").run(rgb) for path in (generator, other)]
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-3
    assert len(cache.entries()) == 2
    between = open_engine([generator, other], alpha=0.5, engine="onnx").run(rgb)
    expected = open_engine([generator, other], alpha=0.5, engine="keras").run(rgb)
    np.testing.assert_allclose(between, expected, atol=1e-5)
    assert len(cache.entries()) == 3


def test_an_engine_that_differs_is_never_used_and_not_compiled_again(generator, monkeypatch):
    def worse(network, keras_run, precision):
        return "it changes the PSNR by -1.000 dB"

    monkeypatch.setattr("esrgan_tf.inference.engines.checks.refusal", worse)
    rgb = make_image(shape=(20, 20)).rgb
    expected = open_engine([generator], engine="keras").run(rgb)
    for compiles in (True, False):
        lines = []
        network = open_engine([generator], engine="onnx", log=lines.append)
        np.testing.assert_array_equal(network.run(rgb), expected)
        assert any("not by ONNX Runtime, float32: it changes the PSNR by -1.000 dB" in line for line in lines)
        assert any(line.startswith("compiling") for line in lines) == compiles


def test_the_check_sees_an_engine_that_is_off(generator):
    from esrgan_tf.inference.engines.checks import refusal

    network = open_engine([generator], engine="keras")
    assert refusal(network, network.run, "float32") == ""
    off = replace(network, run=lambda rgb_01: network.run(rgb_01) + 0.1)
    assert "dB on 3 photographs; 0.05 is allowed" in refusal(off, network.run, "bfloat16")


def test_a_damaged_engine_is_compiled_again(generator):
    open_engine([generator], engine="onnx")
    ((compiled, _),) = cache.entries()
    compiled.path.write_bytes(compiled.path.read_bytes()[:100])
    lines = []
    network = open_engine([generator], engine="onnx", log=lines.append)
    assert "the engine is compiled anew" in lines[0]
    assert network.run(make_image(shape=(9, 9)).rgb).shape == (18, 18, 3)


def test_nothing_is_kept_where_nothing_is_to_be_kept(generator, tmp_path):
    network = open_engine([generator], engine="onnx", cached=False)
    assert network.run(make_image(shape=(9, 9)).rgb).shape == (18, 18, 3)
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_cannot_be_written_is_said_and_the_engine_runs(generator, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    lines = []
    network = open_engine([generator], engine="onnx", log=lines.append)
    assert any("the cache cannot be written" in line for line in lines)
    assert "ONNX Runtime" in network.origin


def test_auto_compiles_only_where_it_pays(generator, machine):
    machine("onnx")
    assert "ONNX" not in open_engine([generator], pixels=64 * 64).origin
    assert cache.entries() == []
    assert "ONNX" in open_engine([generator], pixels=10**12).origin
    assert "ONNX" in open_engine([generator], pixels=64 * 64).origin  # there is one now


def test_a_member_of_the_zoo_is_ready_until_compiling_pays(machine):
    machine("onnx")
    by_litert = open_engine(["phone_x4"], pixels=64 * 64)
    assert by_litert.origin.endswith("by LiteRT") and cache.entries() == []
    assert "ONNX" in open_engine(["phone_x4"], pixels=10**12).origin
    assert "ONNX" in open_engine(["phone_x4"], pixels=64 * 64).origin  # there is one now
    assert open_engine(["phone_x4"], engine="litert").origin == by_litert.origin
    by_keras = open_engine(["phone_x4"], engine="keras")
    assert by_keras.origin.endswith("phone_x4.tflite")
    rgb = make_image(shape=(30, 22)).rgb
    np.testing.assert_allclose(by_litert.run(rgb), by_keras.run(rgb), atol=0.1 / 255)


def test_what_auto_cannot_compile_keras_runs_and_what_was_named_raises(generator, machine, monkeypatch):
    def fails(*arguments):
        raise RuntimeError("no such operator")

    machine("onnx")
    monkeypatch.setattr("esrgan_tf.formats.onnx_file.writer.write_onnx", fails)
    lines = []
    network = open_engine([generator], log=lines.append)
    assert network.origin == str(generator)
    assert lines[-1] == "not by ONNX Runtime, float32: no such operator"
    with pytest.raises(RuntimeError, match="no such operator"):
        open_engine([generator], engine="onnx")


def test_an_exported_file_is_run_by_its_own_runtime(generator):
    open_engine([generator], engine="onnx")
    ((compiled, _),) = cache.entries()
    assert open_engine([compiled.path]).metadata.name == "tiny_x2"
    with pytest.raises(InputError, match="must be left out for a file that was exported"):
        open_engine([compiled.path], engine="onnx")


def keep(key: str, size: int = 10) -> CompiledEngine:
    def compile_into(folder: Path) -> CompiledEngine:
        (folder / "model").write_bytes(bytes(size))
        return CompiledEngine(folder / "model", key, "onnx", "float32")

    return cache.keep(key, compile_into)


def test_of_two_processes_the_first_ones_engine_is_kept():
    def compile_into(folder: Path) -> CompiledEngine:
        keep("a", size=20)  # the other process, meanwhile
        (folder / "model").write_bytes(bytes(30))
        return CompiledEngine(folder / "model", "mine", "onnx", "float32")

    assert cache.keep("a", compile_into).generator == "a"
    assert [path.name for path in cache.cache_folder("engines").iterdir()] == ["a"]
    assert cache.find("a").path.stat().st_size == 20


def test_a_compilation_that_fails_leaves_nothing():
    def compile_into(folder: Path) -> CompiledEngine:
        (folder / "model").write_bytes(bytes(30))
        raise InputError("no")

    with pytest.raises(InputError, match="no"):
        cache.keep("a", compile_into)
    assert list(cache.cache_folder("engines").iterdir()) == []


def test_what_was_not_used_for_longest_is_deleted_first(monkeypatch):
    monkeypatch.setattr(cache, "MAX_BYTES", 3000)
    for age, key in ((300, "old"), (200, "older"), (100, "new")):
        keep(key, 700)
        if (folder := cache.cache_folder("engines") / key).exists():
            os.utime(folder, (time.time() - age,) * 2)
    cache.find("old")
    unfinished = cache.cache_folder("engines") / ".killed"
    unfinished.mkdir()
    os.utime(unfinished, (0, 0))
    keep("newest", 700)
    assert {compiled.generator for compiled, _ in cache.entries()} == {"newest", "old", "new"}
    assert cache.find("older") is None
    assert not unfinished.exists()


def test_seconds_that_a_compilation_takes_are_weighed_by_what_it_saves(generator, monkeypatch):
    by_keras = open_engine([generator], engine="keras")
    monkeypatch.setattr("esrgan_tf.export.parity.time_of", lambda run, image, runs: 1.0)  # for 32 x 32 px
    least = 3.0 / opening.SAVED_SHARE * 32 * 32
    assert not opening._pays(by_keras, int(0.9 * least), 3.0)
    assert opening._pays(by_keras, int(1.1 * least), 3.0)


def test_a_deeper_network_must_save_more(machine, monkeypatch, tmp_path):
    machine("onnx")
    monkeypatch.setattr("esrgan_tf.export.parity.time_of", lambda run, image, runs: 0.1)  # for any network
    origins = []
    for convs in (1, 24):
        path = tmp_path / f"{convs}.keras"
        save_generator(build_generator(SRVGGConfig(scale=2, convs=convs, features=4), "tiny"), path)
        origins.append(open_engine([path], pixels=50 * 32 * 32).origin)
    assert ["ONNX" in origin for origin in origins] == [True, False]


def test_int8_that_is_asked_for_does_not_wait_until_it_pays(generator, machine, monkeypatch):
    machine("litert")

    def compile_nothing(generator, by_keras, name, precision, folder):
        return CompiledEngine(folder / "none", "tiny_x2", name, precision, "it was only asked for")

    monkeypatch.setattr(opening, "_compile", compile_nothing)
    lines = []
    open_engine([generator], precision="int8", pixels=1, log=lines.append)
    assert any("LiteRT, int8: it was only asked for" in line for line in lines)
