"""The client and the SavedModel's endpoints over the wire, against a stand-in for TF Serving (`serving_stand_in`)."""

import base64
import io
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import keras
import numpy as np
import pytest
import requests
import tensorflow as tf
from pictures import make_picture, truncate, write_noise
from PIL import Image
from serving_stand_in import StandIn
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from esrgan_tf.__main__ import main
from esrgan_tf.description import Description
from esrgan_tf.errors import InputError
from esrgan_tf.exporting.graphs import upscale_function
from esrgan_tf.exporting.saved_model import Servable, write_saved_model
from esrgan_tf.exporting.warm_up import write_warm_up
from esrgan_tf.images import read_picture, to_float, to_uint8, write_picture
from esrgan_tf.inference.runtimes.keras_model import keras_network
from esrgan_tf.inference.upscaler import Upscaler
from esrgan_tf.models import build_generator
from esrgan_tf.recipes.generators import RRDBConfig
from esrgan_tf.serving.client import Server, server_network
from esrgan_tf.weights.interpolation import interpolate

NAME = "tiny_x2"
MAX_PIXELS = 200 * 200


@pytest.fixture(scope="module")
def pair():
    models = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        config = RRDBConfig(scale=2, blocks=1, features=4, growth=2, init_scale=1.0)
        models.append(build_generator(config, "tiny"))
    return models


@pytest.fixture(scope="module")
def base(tmp_path_factory, pair):
    """Version 1: of two generators. Versions 2 and 3: of one each."""
    base = tmp_path_factory.mktemp("models") / NAME
    for version, models in enumerate((pair, pair[:1], pair[1:]), start=1):
        description = Description(NAME, "tiny", 2, "float32", "in", "out", takes_alpha=len(models) > 1)
        servable = Servable(upscale_function(models), description, MAX_PIXELS, models)
        write_saved_model(servable, description, base / str(version))
        write_warm_up(base / str(version), description)
    return base


@pytest.fixture(scope="module")
def one(base):
    with StandIn(base, NAME) as server:
        server.keep(2)
        yield server


@pytest.fixture(scope="module")
def two(base):
    with StandIn(base, NAME) as server:
        server.keep(1)
        yield server


@pytest.fixture(params=["grpc", "rest"])
def url(request, one):
    return one.grpc_url if request.param == "grpc" else one.rest_url


def picture(height=20, width=30, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def png(samples):
    file = io.BytesIO()
    Image.fromarray(samples).save(file, "PNG")
    return file.getvalue()


def b64(data):
    return {"b64": base64.b64encode(data).decode()}


def opened(answer):
    return np.array(Image.open(io.BytesIO(base64.b64decode(answer["b64"]))))


def request(capsys, server, *arguments):
    """Exit status and what was said of `esrgan request`."""
    status = main(["esrgan", "request", f"--server={server}", f"--name={NAME}", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_a_served_generator_is_a_network_like_any_other(url, pair):
    network = server_network(Server(url, NAME))
    assert network.scale == 2
    rgb = to_float(picture())
    got = np.clip(network.run(rgb), 0, 1)
    wanted = np.clip(np.array(pair[0](rgb[None]))[0], 0, 1)
    assert np.abs(got - wanted).max() <= (1e-5 if url.startswith("grpc") else 0.6 / 255)


def test_a_folder_is_enlarged_concurrently_in_tiles_and_bad_files_are_told(tmp_path, capsys, url, pair):
    for index in range(5):
        write_noise(tmp_path / "in" / f"{index}.png", 30 + index, 50, seed=index)
    write_picture(tmp_path / "in" / "alpha.png", make_picture(alpha=True, shape=(20, 20)))
    write_noise(tmp_path / "in" / "broken.png", 20, 20)
    truncate(tmp_path / "in" / "broken.png")
    out = tmp_path / "out"
    flags = [f"--input={tmp_path / 'in'}", f"--output={out}", "--tile=32", "--overlap=8", "--concurrency=3"]
    status, said, err = request(capsys, url, *flags)
    assert status == 1
    assert "broken.png" in err and "1 of 7 pictures failed" in err
    assert [line.split("/")[-1] for line in said.splitlines()[1:]] == [f"{i}.png" for i in range(5)] + ["alpha.png"]
    by_tiles = Upscaler(keras_network(pair[0]), tile=32, overlap=8)
    for index in range(5):
        wanted = to_uint8(by_tiles.upscale(read_picture(tmp_path / "in" / f"{index}.png").rgb))
        assert np.abs(np.asarray(Image.open(out / f"{index}.png"), int) - wanted).max() <= 1
    assert read_picture(out / "alpha.png").alpha.shape == (40, 40)


def test_16_bits_survive_grpc(tmp_path, capsys, one, pair):
    write_picture(tmp_path / "deep.png", make_picture(bits=16, shape=(20, 20)))
    flags = [f"--input={tmp_path / 'deep.png'}", f"--output={tmp_path / 'o.png'}"]
    assert request(capsys, one.grpc_url, *flags)[0] == 0
    got = read_picture(tmp_path / "o.png")
    assert got.bits == 16
    wanted = Upscaler(keras_network(pair[0])).upscale(read_picture(tmp_path / "deep.png").rgb)
    np.testing.assert_allclose(got.rgb, wanted, atol=3e-5)


def test_alpha_is_chosen_with_the_request(two, pair):
    rgb = to_float(picture())
    for url in (two.grpc_url, two.rest_url):
        got = server_network(Server(url, NAME, alpha=0.3)).run(rgb)
        wanted = np.clip(np.array(interpolate(*pair, 0.3)(rgb[None]))[0], 0, 1)
        assert np.abs(np.clip(got, 0, 1) - wanted).max() <= 0.6 / 255


def test_versions_and_labels_are_chosen_with_the_request(base, pair):
    rgb = to_float(picture())
    with StandIn(base, NAME) as server:
        server.keep(2, 3)
        server.labels = {"stable": 2, "canary": 3}
        for url in (server.grpc_url, server.rest_url):
            for version, model in (("2", pair[0]), ("stable", pair[0]), ("3", pair[1]), ("canary", pair[1])):
                got = np.clip(server_network(Server(url, NAME, version)).run(rgb), 0, 1)
                assert np.abs(got - np.clip(np.array(model(rgb[None]))[0], 0, 1)).max() <= 0.6 / 255
            with pytest.raises(InputError, match="ot found"):
                server_network(Server(url, NAME, "7"))


def test_rest_takes_rows_and_columns(one, pair):
    where = f"{one.rest_url}/v1/models/{NAME}:predict"
    samples = [picture(8, 6, seed) for seed in range(2)]
    wanted = [to_uint8(np.array(pair[0](to_float(s)[None]))[0]) for s in samples]
    files = [b64(png(s)) for s in samples]
    bodies = {
        "predictions": {"signature_name": "image_bytes", "instances": [{"image_bytes": file} for file in files]},
        "outputs": {"signature_name": "image_bytes", "inputs": {"image_bytes": files}},
    }
    for key, body in bodies.items():
        for answer, expected in zip(requests.post(where, json=body).json()[key], wanted, strict=True):
            assert np.abs(opened(answer).astype(int) - expected).max() <= 1
    floats = requests.post(where, json={"instances": to_float(samples[0])[None].tolist()}).json()["predictions"]
    np.testing.assert_allclose(floats, pair[0](to_float(samples[0])[None]), atol=1e-5)


def test_the_server_says_which_versions_are_ready(one):
    channel = grpc.insecure_channel(one.grpc_url.removeprefix("grpc://"))
    status = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(
        get_model_status_pb2.GetModelStatusRequest()
    )
    assert [(s.version, s.state) for s in status.model_version_status] == [(2, 30)]  # 30: AVAILABLE
    assert requests.get(f"{one.rest_url}/v1/models/{NAME}").json()["model_version_status"][0]["state"] == "AVAILABLE"


def test_a_server_that_is_full_or_away_for_a_while_is_asked_again(one):
    for url, codes in (
        (one.grpc_url, [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED]),
        (one.rest_url, [503, 429]),
    ):
        network = server_network(Server(url, NAME))
        one.refuse = list(codes)
        assert network.run(to_float(picture(190, 200))).shape == (380, 400, 3)  # more than gRPC would keep by default
        assert one.refuse == []
        impatient = server_network(Server(url, NAME, tries=1))
        one.refuse = codes[:1]
        with pytest.raises(InputError, match=r"after 1 tries|\(503\)"):
            impatient.run(to_float(picture()))
        one.refuse = []


def test_nobody_there_an_unknown_model_and_a_wrong_address_are_told(capsys, tmp_path, url):
    scheme = url.split(":")[0]
    with pytest.raises(InputError, match="cannot be reached after 2 tries"):
        server_network(Server(f"{scheme}://127.0.0.1:9", NAME, tries=2))
    with pytest.raises(InputError, match="Servable not found.*Latest.other"):
        server_network(Server(url, "other"))
    for wrong in ("localhost:8500", f"{scheme}://localhost", "ftp://localhost:1", f"{scheme}://localhost:port"):
        with pytest.raises(InputError, match="`--server` must be grpc://HOST:PORT"):
            Server(wrong, NAME)
    with pytest.raises(InputError, match="--alpha"):
        Server(url, NAME, alpha=1.5)
    write_noise(tmp_path / "a.png")
    status, _, err = request(capsys, "nowhere", f"--input={tmp_path / 'a.png'}", f"--output={tmp_path / 'o.png'}")
    assert status == 1 and err.startswith("error: `--server`")


def test_a_connection_that_is_dropped_is_tried_again():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url, dropped = f"http://127.0.0.1:{listening.getsockname()[1]}", []

        def drop():
            for _ in range(2):
                connection, _ = listening.accept()
                connection.recv(1000)
                connection.close()
                dropped.append(1)

        thread = threading.Thread(target=drop)
        thread.start()
        with pytest.raises(InputError, match="cannot be reached after 2 tries"):
            server_network(Server(url, NAME, tries=2))
        thread.join(10)
        assert len(dropped) == 2


def test_a_model_of_others_is_told(tmp_path):
    class Other(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32, "image")])
        def double(self, image):
            return {"doubled": 2 * image}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "image_bytes")])
        def echo(self, image_bytes):
            return {"text": tf.strings.length(image_bytes)}

    other = Other()
    signatures = {"serving_default": other.double, "image_bytes": other.echo}
    tf.saved_model.save(other, str(tmp_path / "1"), signatures=signatures)
    with StandIn(tmp_path, NAME) as server:
        for url in (server.grpc_url, server.rest_url):
            with pytest.raises(InputError, match="must be a model of `esrgan export`"):
                server_network(Server(url, NAME))


def test_an_answer_that_takes_too_long_is_given_up(one, monkeypatch):
    predict = one.predict
    for url in (one.grpc_url, one.rest_url):
        network = server_network(Server(url, NAME, deadline=2))
        with monkeypatch.context() as slow:
            slow.setattr(one, "predict", lambda *args: (time.sleep(3), predict(*args))[1])
            with pytest.raises(InputError, match="did not answer within 2 s: raise `--deadline`"):
                network.run(to_float(picture()))


def test_what_the_graph_refuses_is_refused_over_the_wire_and_the_server_stays_up(one, url):
    network = server_network(Server(url, NAME))
    with pytest.raises(InputError, match="1 to 40000 pixels|at most 40000 pixels"):
        network.run(np.zeros((201, 200, 3), np.float32))
    assert network.run(to_float(picture())).shape == (40, 60, 3)


CMYK = io.BytesIO()
Image.new("CMYK", (8, 8)).save(CMYK, "JPEG")
FRAMES = io.BytesIO()
Image.fromarray(picture(8, 8)).save(FRAMES, "PNG", save_all=True, append_images=[Image.fromarray(picture(8, 8, 1))])
BAD_BYTES = {
    "no picture": (b"hello", "must be PNG or JPEG"),
    "nothing": (b"", "must be PNG or JPEG"),
    "CMYK": (CMYK.getvalue(), "CMYK"),
    "animated": (FRAMES.getvalue(), "animated"),
    "truncated": (png(picture())[:300], "Invalid PNG"),
    "too large": (png(picture(201, 200)), "at most 40000 pixels"),
    "too long": (png(np.zeros((1, 65000, 3), np.uint8)), "at most 40000 pixels"),
}


def refusal(url, signature, inputs):
    """What the server answers to a request that it refuses, by gRPC (arrays) or REST (their JSON)."""
    if url.startswith("http"):
        inputs = {name: [b64(v) for v in value] if value.dtype == object else value for name, value in inputs.items()}
        told = {name: value if isinstance(value, list) else value.tolist() for name, value in inputs.items()}
        body = {"signature_name": signature, "inputs": told}
        answer = requests.post(f"{url}/v1/models/{NAME}:predict", json=body)
        assert answer.status_code == 400
        return answer.json()["error"]
    message = predict_pb2.PredictRequest()
    message.model_spec.name, message.model_spec.signature_name = NAME, signature
    for name, value in inputs.items():
        message.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    channel = grpc.insecure_channel(url.removeprefix("grpc://"))
    with pytest.raises(grpc.RpcError) as caught:
        prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(message, timeout=30)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    return caught.value.details()


@pytest.mark.parametrize("data, message", BAD_BYTES.values(), ids=BAD_BYTES.keys())
def test_bad_bytes_over_the_wire_get_the_reason(url, data, message):
    assert message in refusal(url, "image_bytes", {"image_bytes": np.array([data], object)})


@pytest.mark.parametrize("protocol", ["grpc_url", "rest_url"])
def test_bad_ranks_dtypes_and_alphas_over_the_wire_get_the_reason(one, two, protocol):
    url, image = getattr(two, protocol), np.zeros((1, 4, 4, 3), np.float32)
    for alpha in (1.5, -0.5):
        inputs = {"image": image, "alpha": np.array([alpha], np.float32)}
        assert "`alpha` must be from 0" in refusal(url, "serving_default", inputs)
    assert "input size does not match signature" in refusal(url, "serving_default", {"image": image})
    url = getattr(one, protocol)
    assert "shape" in refusal(url, "serving_default", {"image": image[0]})
    assert "shape" in refusal(url, "serving_default", {"image": image[..., :1]})
    if protocol == "grpc_url":  # JSON has no dtypes
        assert "Expects arg" in refusal(url, "serving_default", {"image": image.astype(np.float64)})
        assert "Expects arg" in refusal(url, "uint8", {"image": image})
    assert server_network(Server(url, NAME)).scale == 2


def test_equal_sizes_are_batched_and_mixed_ones_refused(base, pair):
    with StandIn(base, NAME, max_batch_size=4, batch_timeout=0.5) as server:
        network = server_network(Server(server.grpc_url, NAME))
        server.batches.clear()
        pictures = [to_float(picture(seed=seed)) for seed in range(4)]
        with ThreadPoolExecutor(4) as pool:
            outputs = list(pool.map(network.run, pictures))
        assert max(server.batches) > 1 and sum(server.batches) == 4
        for rgb, output in zip(pictures, outputs, strict=True):
            np.testing.assert_allclose(output, pair[1](rgb[None])[0], atol=1e-5)

        def refused(rgb):
            try:
                network.run(rgb)
            except InputError as error:
                return str(error)
            return ""

        with ThreadPoolExecutor(2) as pool:
            told = list(pool.map(refused, [pictures[0], to_float(picture(8, 8))]))
        assert all("padding is turned off" in line for line in told)


def test_equal_sizes_get_different_pictures_through_a_server_that_batches(base, tmp_path, capsys):
    for index, (height, width) in enumerate([(20, 30), (40, 16), (33, 70), (64, 64)]):
        write_noise(tmp_path / "in" / f"{index}.png", height, width)
    with StandIn(base, NAME, max_batch_size=4, batch_timeout=0.2) as server:
        flags = [f"--input={tmp_path / 'in'}", "--tile=32", "--overlap=8"]
        assert request(capsys, server.grpc_url, *flags, f"--output={tmp_path / 'a'}")[0] == 1
        status, _, err = request(capsys, server.grpc_url, *flags, f"--output={tmp_path / 'b'}", "--equal_sizes")
        assert (status, err) == (0, "")
        assert max(server.batches) > 1
    assert np.asarray(Image.open(tmp_path / "b" / "1.png")).shape == (80, 32, 3)


def test_a_version_is_switched_while_requests_run_and_nothing_is_lost(base, tmp_path, pair):
    watched = tmp_path / NAME
    watched.mkdir()
    (watched / "2").symlink_to(base / "2")
    rgb = to_float(picture())
    wanted = [np.array(model(rgb[None]))[0] for model in pair]
    with StandIn(watched, NAME) as server:
        network = server_network(Server(server.grpc_url, NAME))
        outputs, stop = [], threading.Event()

        def ask():
            while not stop.is_set():
                outputs.append(network.run(rgb))

        with ThreadPoolExecutor(3) as pool:
            asking = [pool.submit(ask) for _ in range(3)]
            while not outputs and not any(future.done() for future in asking):
                time.sleep(0.01)
            before = len(outputs)
            (watched / "3").symlink_to(base / "3")
            server.reload()
            after = len(outputs)
            while len(outputs) < after + 10 and not any(future.done() for future in asking):
                time.sleep(0.01)
            stop.set()
            for future in asking:
                future.result()  # raises what a request raised
    of = [int(np.argmin([np.abs(output - w).max() for w in wanted])) for output in outputs]
    assert 0 < before <= after
    assert set(of[:before]) == {0} and of[-1] == 1
    assert all(np.abs(output - wanted[index]).max() < 1e-5 for output, index in zip(outputs, of, strict=True))
    assert [version for version, _ in server.warmed] == [2, 2, 2, 3, 3, 3]


def test_the_bytes_of_one_request_are_of_one_size(one):
    where = f"{one.rest_url}/v1/models/{NAME}:predict"
    files = [b64(png(picture(8, 8))), b64(png(picture(8, 9)))]
    answer = requests.post(where, json={"signature_name": "image_bytes", "inputs": {"image_bytes": files}})
    assert answer.status_code == 400 and "must have one size" in answer.json()["error"]
