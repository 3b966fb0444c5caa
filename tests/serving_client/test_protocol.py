"""The SavedModel's endpoints over the wire: TF Serving's protocol as its stand-in (`stand_in`) speaks it."""

import base64
import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
from PIL import Image
from support.serving_samples import NAME, image, png
from support.stand_in import StandIn
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from esrgan_tf.errors import InputError
from esrgan_tf.image.io import to_float, to_uint8
from esrgan_tf.serving_client.client import server_network
from esrgan_tf.serving_client.server import Server


def b64(data):
    return {"b64": base64.b64encode(data).decode()}


def opened(answer):
    return np.array(Image.open(io.BytesIO(base64.b64decode(answer["b64"]))))


def test_rest_takes_rows_and_columns(one, pair):
    where = f"{one.rest_url}/v1/models/{NAME}:predict"
    samples = [image(8, 6, seed) for seed in range(2)]
    wanted = [to_uint8(np.array(pair[0](to_float(s)[None]))[0]) for s in samples]
    files = [b64(png(s)) for s in samples]
    bodies = {
        "predictions": {"signature_name": "image_bytes", "instances": [{"image_bytes": file} for file in files]},
        "outputs": {"signature_name": "image_bytes", "inputs": {"image_bytes": files}},
    }
    unnamed = {"signature_name": "image_bytes", "instances": files}  # as there is but one input
    for key, body in (*bodies.items(), ("predictions", unnamed)):
        for answer, expected in zip(requests.post(where, json=body).json()[key], wanted, strict=True):
            assert np.abs(opened(answer).astype(int) - expected).max() <= 1
    floats = requests.post(where, json={"instances": to_float(samples[0])[None].tolist()}).json()["predictions"]
    np.testing.assert_allclose(floats, pair[0](to_float(samples[0])[None]), atol=1e-5)


def test_the_stand_in_says_which_versions_are_ready_as_tf_serving_does(one):
    channel = grpc.insecure_channel(one.grpc_url.removeprefix("grpc://"))
    status = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(
        get_model_status_pb2.GetModelStatusRequest()
    )
    assert [(s.version, s.state) for s in status.model_version_status] == [(2, 30)]  # 30: AVAILABLE
    assert requests.get(f"{one.rest_url}/v1/models/{NAME}").json()["model_version_status"][0]["state"] == "AVAILABLE"


def test_what_the_graph_refuses_is_refused_over_the_wire_and_the_server_stays_up(one, url):
    network = server_network(Server(url, NAME))
    with pytest.raises(InputError, match="1 to 40000 pixels|at most 40000 pixels"):
        network.run(np.zeros((201, 200, 3), np.float32))
    assert network.run(to_float(image())).shape == (40, 60, 3)


CMYK = io.BytesIO()
Image.new("CMYK", (8, 8)).save(CMYK, "JPEG")
FRAMES = io.BytesIO()
Image.fromarray(image(8, 8)).save(FRAMES, "PNG", save_all=True, append_images=[Image.fromarray(image(8, 8, 1))])
BAD_BYTES = {
    "no image": (b"hello", "must be PNG or JPEG"),
    "nothing": (b"", "must be PNG or JPEG"),
    "CMYK": (CMYK.getvalue(), "CMYK"),
    "animated": (FRAMES.getvalue(), "animated"),
    "truncated": (png(image())[:300], "Invalid PNG"),
    "too large": (png(image(201, 200)), "at most 40000 pixels"),
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
    assert server_network(Server(url, NAME)).metadata.scale == 2


def test_equal_sizes_are_batched_and_mixed_ones_refused(base, pair):
    with StandIn(base, NAME, max_batch_size=4, batch_timeout=0.5) as server:
        network = server_network(Server(server.grpc_url, NAME), concurrency=4)
        server.batches.clear()
        images = [to_float(image(seed=seed)) for seed in range(4)]
        with ThreadPoolExecutor(4) as pool:
            outputs = list(pool.map(network.run, images))
        assert max(server.batches) > 1 and sum(server.batches) == 4
        for rgb, output in zip(images, outputs, strict=True):
            np.testing.assert_allclose(output, pair[1](rgb[None])[0], atol=1e-5)

        def refused(rgb):
            try:
                network.run(rgb)
            except InputError as error:
                return str(error)
            return ""

        with ThreadPoolExecutor(2) as pool:
            told = list(pool.map(refused, [images[0], to_float(image(8, 8))]))
        assert all("padding is turned off" in line for line in told)


def test_a_version_is_switched_while_requests_run_and_nothing_is_lost(base, tmp_path, pair):
    watched = tmp_path / NAME
    watched.mkdir()
    (watched / "2").symlink_to(base / "2")
    rgb = to_float(image())
    wanted = [np.array(model(rgb[None]))[0] for model in pair]
    with StandIn(watched, NAME) as server:
        network = server_network(Server(server.grpc_url, NAME), concurrency=4)
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
    files = [b64(png(image(8, 8))), b64(png(image(8, 9)))]
    answer = requests.post(where, json={"signature_name": "image_bytes", "inputs": {"image_bytes": files}})
    assert answer.status_code == 400 and "must have one size" in answer.json()["error"]
