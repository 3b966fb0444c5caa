"""Files of tensors: every container comes out as arrays, nothing is ever run, and what is no weights is named."""

import os
import pickle
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from esrgan_tf.errors import InputError
from esrgan_tf.formats.pytorch.tensor_files import read_tensors, write_tensors

TENSORS = {"conv.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2), "conv.bias": np.float32([1, -2])}
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32\nsize 66\n"


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def assert_same(tensors, expected=TENSORS):
    assert tensors.keys() == expected.keys()
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(tensor, expected[name])
        assert tensor.dtype == expected[name].dtype


def as_torch(torch):
    return {name: torch.from_numpy(tensor) for name, tensor in TENSORS.items()}


def test_safetensors_come_back_without_pytorch(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    write_tensors(tmp_path / "a.safetensors", TENSORS)
    assert_same(load_file(tmp_path / "a.safetensors"))
    assert_same(read_tensors(tmp_path / "a.safetensors"))


def test_views_in_another_order_are_written_as_they_look(tmp_path):
    turned = {"turned": TENSORS["conv.weight"].transpose(2, 3, 1, 0)}
    write_tensors(tmp_path / "a.safetensors", turned)
    assert_same(read_tensors(tmp_path / "a.safetensors"), turned)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrap", [lambda t: t, lambda t: {"params": t}, lambda t: {"params_ema": t}])
def test_pth_comes_back_bare_or_from_its_container(wrap, zipped, torch, tmp_path):
    torch.save(wrap(as_torch(torch)), tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    assert_same(read_tensors(tmp_path / "a.pth"))


def test_the_moving_average_is_preferred(torch, tmp_path):
    torch.save({"params": {"conv.bias": torch.zeros(2)}, "params_ema": as_torch(torch)}, tmp_path / "a.pth")
    assert_same(read_tensors(tmp_path / "a.pth"))


def test_tensors_beside_the_container_are_not_passed_over(torch, tmp_path):
    torch.save({"params": as_torch(torch), "extra": torch.zeros(1)}, tmp_path / "a.pth")
    with pytest.raises(InputError, match=r"a\.pth` must hold nothing beside params\. Received: extra"):
        read_tensors(tmp_path / "a.pth")


def test_parameters_and_names_of_data_parallel_are_understood(torch, tmp_path):
    parameters = {f"module.{name}": torch.nn.Parameter(tensor) for name, tensor in as_torch(torch).items()}
    torch.save(parameters, tmp_path / "a.pth")
    assert_same(read_tensors(tmp_path / "a.pth"))


def test_half_precision_becomes_float32_and_counters_stay(torch, tmp_path):
    halves = {"half": torch.tensor([0.5]).half(), "brain": torch.tensor([3.0]).bfloat16(), "count": torch.tensor(7)}
    expected = {"half": np.float32([0.5]), "brain": np.float32([3]), "count": np.int64(7)}
    torch.save(halves, tmp_path / "a.pth")
    assert_same(read_tensors(tmp_path / "a.pth"), expected)
    from safetensors.torch import save_file as save_torch_file

    save_torch_file(halves, tmp_path / "a.safetensors")
    assert_same(read_tensors(tmp_path / "a.safetensors"), expected)


def test_a_written_pth_holds_params_alone_as_basicsr_reads_it(torch, tmp_path):
    write_tensors(tmp_path / "a.pth", TENSORS)
    loaded = torch.load(tmp_path / "a.pth", weights_only=True)
    assert list(loaded) == ["params"]
    assert_same({name: tensor.numpy() for name, tensor in loaded["params"].items()})
    assert_same(read_tensors(tmp_path / "a.pth"))


class Intruder:
    """What a hostile file would hold."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_could_run_code_is_refused_and_runs_none(zipped, torch, tmp_path):
    broken_into = tmp_path / "broken_into"
    torch.save({"a": Intruder(str(broken_into))}, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match=r"a\.pth` holds more than tensors \(.*mkdir\), .*refused"):
        read_tensors(tmp_path / "a.pth")
    assert not broken_into.exists()
    pickle.loads(pickle.dumps(Intruder(str(broken_into))))  # and would have, elsewhere
    assert broken_into.exists()


def test_values_that_are_no_tensors_are_named(torch, tmp_path):
    for value, message in (
        ({"conv.weight": 3}, "conv.weight of type int"),
        ([torch.zeros(1)], "something of type list"),
        ({}, "none"),
    ):
        torch.save(value, tmp_path / "a.pth")
        with pytest.raises(InputError, match=rf"a\.pth` must hold .*Received: {message}"):
            read_tensors(tmp_path / "a.pth")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><html>Quota exceeded</html>", "web page"),
        (b"\n  <html></html>", "web page"),
        (LFS, "git-lfs pointer.*git lfs pull"),
        (b"", "empty file"),
        (b'{"error": "not found"}' * 9, "no (PyTorch|safetensors) file"),
    ],
)
def test_what_is_no_weights_is_told(content, message, suffix, tmp_path):
    if suffix == ".pth":
        pytest.importorskip("torch")
    (tmp_path / f"a{suffix}").write_bytes(content)
    with pytest.raises(InputError, match=rf"a{suffix}` .*{message}") as caught:
        read_tensors(tmp_path / f"a{suffix}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.98])
@pytest.mark.parametrize("kind", ["zipped.pth", "old.pth", "a.safetensors"])
def test_a_truncated_file_is_told(kind, kept, tmp_path):
    file = tmp_path / kind
    tensors = {"weight": np.random.default_rng(0).normal(size=(40, 40)).astype(np.float32)}
    if kind == "a.safetensors":
        save_file(tensors, file)
    else:
        torch = pytest.importorskip("torch")
        tensors = {name: torch.from_numpy(tensor) for name, tensor in tensors.items()}
        torch.save(tensors, file, _use_new_zipfile_serialization=kind == "zipped.pth")
    file.write_bytes(file.read_bytes()[: int(kept * file.stat().st_size)])
    with pytest.raises(InputError, match=rf"{kind}` .*(truncated|damaged).*download it again"):
        read_tensors(file)


def test_without_pytorch_a_pth_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / "a.pth").write_bytes(b"\x80\x02")
    for call in (lambda: read_tensors(tmp_path / "a.pth"), lambda: write_tensors(tmp_path / "b.pth", TENSORS)):
        with pytest.raises(InputError, match=r"pip install 'esrgan_tf\[convert\]'.*\.safetensors"):
            call()
    assert [file.name for file in tmp_path.iterdir()] == ["a.pth"]


def test_a_path_that_is_no_such_file_is_told(tmp_path):
    for name, message in (("a.ckpt", "must end in .pth"), ("missing.pth", "a path where there is none")):
        with pytest.raises(InputError, match=f"{name}` .*{message}"):
            read_tensors(tmp_path / name)
