"""The client of TF Serving, against a stand-in for it (`stand_in`)."""

import base64
import json
import socket
import threading
import time

import grpc
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support.images import make_image, truncate, write_noise
from support.serving_samples import NAME, image, png
from support.stand_in import StandIn

from esrgan_tf.__main__ import main
from esrgan_tf.errors import InputError
from esrgan_tf.formats.keras_file.runtime import keras_network
from esrgan_tf.image.io import read_image, to_float, to_uint8, write_image
from esrgan_tf.inference.upscaler import Upscaler
from esrgan_tf.models.interpolation import interpolate
from esrgan_tf.serving_client.client import server_network
from esrgan_tf.serving_client.server import Server


def request(capsys, server, *arguments):
    """Exit status and what was said of `esrgan request`."""
    status = main(["esrgan", "request", f"--server={server}", f"--name={NAME}", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_a_served_generator_is_a_network_like_any_other(url, pair):
    network = server_network(Server(url, NAME))
    assert network.metadata.scale == 2
    rgb = to_float(image())
    got = np.clip(network.run(rgb), 0, 1)
    wanted = np.clip(np.array(pair[0](rgb[None]))[0], 0, 1)
    assert np.abs(got - wanted).max() <= (1e-5 if url.startswith("grpc") else 0.6 / 255)


def test_a_folder_is_enlarged_concurrently_in_tiles_and_bad_files_are_told(tmp_path, capsys, url, pair):
    for index in range(5):
        write_noise(tmp_path / "in" / f"{index}.png", 30 + index, 50, seed=index)
    write_image(tmp_path / "in" / "alpha.png", make_image(alpha=True, shape=(20, 20)))
    write_noise(tmp_path / "in" / "broken.png", 20, 20)
    truncate(tmp_path / "in" / "broken.png")
    out = tmp_path / "out"
    flags = [f"--input={tmp_path / 'in'}", f"--output={out}", "--tile=32", "--overlap=8", "--concurrency=3"]
    status, said, err = request(capsys, url, *flags)
    assert status == 1
    assert "broken.png" in err and "1 of 7 images failed" in err
    assert [line.split("/")[-1] for line in said.splitlines()[1:]] == [f"{i}.png" for i in range(5)] + ["alpha.png"]
    by_tiles = Upscaler(keras_network(pair[0]), tile=32, overlap=8)
    for index in range(5):
        wanted = to_uint8(by_tiles.upscale(read_image(tmp_path / "in" / f"{index}.png").rgb))
        assert np.abs(np.asarray(Image.open(out / f"{index}.png"), int) - wanted).max() <= 1
    assert read_image(out / "alpha.png").alpha.shape == (40, 40)


def test_16_bits_survive_grpc(tmp_path, capsys, one, pair):
    write_image(tmp_path / "deep.png", make_image(bits=16, shape=(20, 20)))
    flags = [f"--input={tmp_path / 'deep.png'}", f"--output={tmp_path / 'o.png'}"]
    assert request(capsys, one.grpc_url, *flags)[0] == 0
    got = read_image(tmp_path / "o.png")
    assert got.bits == 16
    wanted = Upscaler(keras_network(pair[0])).upscale(read_image(tmp_path / "deep.png").rgb)
    np.testing.assert_allclose(got.rgb, wanted, atol=3e-5)


def test_alpha_is_chosen_with_the_request(two, pair):
    rgb = to_float(image())
    for url in (two.grpc_url, two.rest_url):
        got = server_network(Server(url, NAME, alpha=0.3)).run(rgb)
        wanted = np.clip(np.array(interpolate(*pair, 0.3)(rgb[None]))[0], 0, 1)
        assert np.abs(np.clip(got, 0, 1) - wanted).max() <= 0.6 / 255


def test_versions_and_labels_are_chosen_with_the_request(base, pair):
    rgb = to_float(image())
    with StandIn(base, NAME) as server:
        server.keep(2, 3)
        server.labels = {"stable": 2, "canary": 3}
        for url in (server.grpc_url, server.rest_url):
            for version, model in (("2", pair[0]), ("stable", pair[0]), ("3", pair[1]), ("canary", pair[1])):
                got = np.clip(server_network(Server(url, NAME, version)).run(rgb), 0, 1)
                assert np.abs(got - np.clip(np.array(model(rgb[None]))[0], 0, 1)).max() <= 0.6 / 255
            with pytest.raises(InputError, match="ot found"):
                server_network(Server(url, NAME, "7"))


def test_a_server_that_is_full_or_away_for_a_while_is_asked_again(one):
    for url, codes in (
        (one.grpc_url, [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED]),
        (one.rest_url, [503, 429]),
    ):
        network = server_network(Server(url, NAME))
        one.refuse = list(codes)
        assert network.run(to_float(image(190, 200))).shape == (380, 400, 3)  # more than gRPC would keep by default
        assert one.refuse == []
        impatient = server_network(Server(url, NAME, tries=1))
        one.refuse = codes[:1]
        with pytest.raises(InputError, match=r"after 1 tries|\(503\)"):
            impatient.run(to_float(image()))
        one.refuse = []


def test_nobody_there_an_unknown_model_and_a_wrong_address_are_told(capsys, tmp_path, url):
    scheme = url.split(":")[0]
    with pytest.raises(InputError, match="cannot be reached after 2 tries"):
        server_network(Server(f"{scheme}://127.0.0.1:9", NAME, tries=2))
    with pytest.raises(InputError, match="Servable not found.*Latest.other"):
        server_network(Server(url, "other"))
    for wrong in ("localhost:8500", f"{scheme}://localhost", "ftp://localhost:1", f"{scheme}://localhost:port"):
        with pytest.raises(InputError, match="`server` must be grpc://HOST:PORT"):
            Server(wrong, NAME)
    with pytest.raises(InputError, match="alpha"):
        Server(url, NAME, alpha=1.5)
    write_noise(tmp_path / "a.png")
    status, _, err = request(capsys, "nowhere", f"--input={tmp_path / 'a.png'}", f"--output={tmp_path / 'o.png'}")
    assert status == 1 and err.startswith("error: `--server`")


PNG = png(image(32, 32))
WHOLE = json.dumps({"outputs": [{"b64": base64.b64encode(PNG).decode()}]}).encode()
CUT = json.dumps({"outputs": [{"b64": base64.b64encode(PNG[:500]).decode()}]}).encode()


def answer(body, status="200 OK", length=None):
    return f"HTTP/1.1 {status}\r\nContent-Length: {length or len(body)}\r\n\r\n".encode() + body


ANSWERS = {
    "dropped": ([b"", b""], "cannot be reached after 2 tries"),
    "cut off": ([answer(WHOLE, length=9999)] * 2, "cannot be reached after 2 tries"),
    "cut off once": ([answer(WHOLE, length=9999), answer(WHOLE)], None),
    "away": ([answer(b"<html>", "502 Bad Gateway")] * 2, r"full or away \(502\)"),
    "another page": ([answer(b"<html>no such page", "404 Not Found")], r"refused the request \(404\): <html>no such"),
    "not a model's": ([answer(b"[1]")], "must be a model of `esrgan export`"),
    "a broken image": ([answer(CUT)], "must be a model of `esrgan export`"),
}


@pytest.mark.parametrize("answers, message", ANSWERS.values(), ids=ANSWERS.keys())
def test_answers_that_break_off_or_make_no_sense(answers, message):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(f"http://127.0.0.1:{listening.getsockname()[1]}", NAME, tries=2)

        def serve():
            for data in answers:
                connection, _ = listening.accept()
                connection.recv(100_000)
                connection.sendall(data)
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        if message is None:
            assert server_network(server).metadata.scale == 2
        else:
            with pytest.raises(InputError, match=message):
                server_network(server)
        thread.join(10)
        assert not thread.is_alive()  # as many requests as there are answers


def test_an_answer_that_stalls_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(f"http://127.0.0.1:{listening.getsockname()[1]}", NAME, deadline=0.5)
        held = []

        def serve():
            connection, _ = listening.accept()
            connection.recv(100_000)
            connection.sendall(answer(WHOLE, length=9999))
            held.append(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(InputError, match="did not answer within 0.5 s"):
            server_network(server)
        thread.join(10)
        held[0].close()


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
            with pytest.raises(InputError, match="did not answer within 2 s: raise `deadline`"):
                network.run(to_float(image()))


def test_equal_sizes_get_different_images_through_a_server_that_batches(base, tmp_path, capsys):
    for index, (height, width) in enumerate([(20, 30), (40, 16), (33, 70), (64, 64)]):
        write_noise(tmp_path / "in" / f"{index}.png", height, width)
    flags = [f"--input={tmp_path / 'in'}", "--tile=32", "--overlap=8"]
    with StandIn(base, NAME, max_batch_size=4, batch_timeout=0.2) as server:
        assert request(capsys, server.grpc_url, *flags, f"--output={tmp_path / 'a'}")[0] == 1
    # A server of its own: the first one may still hold requests of the run that failed, to batch the next with.
    with StandIn(base, NAME, max_batch_size=4, batch_timeout=0.2) as server:
        status, _, err = request(capsys, server.grpc_url, *flags, f"--output={tmp_path / 'b'}", "--equal_sizes")
        assert (status, err) == (0, "")
        assert max(server.batches) > 1
    assert np.asarray(Image.open(tmp_path / "b" / "1.png")).shape == (80, 32, 3)


def test_the_tiles_of_one_image_are_batched_too(base, tmp_path, capsys, pair):
    write_noise(tmp_path / "a.png", 60, 60)
    with StandIn(base, NAME, max_batch_size=4, batch_timeout=0.2) as server:
        flags = [f"--input={tmp_path / 'a.png'}", f"--output={tmp_path / 'o.png'}", "--tile=32", "--overlap=8"]
        assert request(capsys, server.grpc_url, *flags, "--concurrency=3")[0] == 0
        assert 1 < max(server.batches) <= 3
    wanted = to_uint8(Upscaler(keras_network(pair[1]), tile=32, overlap=8).upscale(read_image(tmp_path / "a.png").rgb))
    assert np.abs(np.asarray(Image.open(tmp_path / "o.png"), int) - wanted).max() <= 1
