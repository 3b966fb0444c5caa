"""Asking TF Serving by REST."""

import base64
import io
import time
from collections.abc import Callable

import numpy as np
import requests
from PIL import Image, UnidentifiedImageError
from requests.adapters import HTTPAdapter

from esrgan_tf.errors import InputError
from esrgan_tf.images import to_float, to_uint8
from esrgan_tf.serving.client import Server

RETRIED = (429, 502, 503, 504)  # full, or away
CONNECTIONS = 64
FIRST_WAIT = 0.2  # seconds before the second try; then twice as long each time


def rest_upscale(server: Server) -> Callable[[np.ndarray], np.ndarray]:
    """Function float32 [h, w, 3] in 0..1 -> float32 [scale * h, scale * w, 3], by the endpoint `image_bytes`.

    Values are rounded to 8 bits on both ways.

    Raises (when called):
        InputError: whatever the server answers, or none.
    """
    part = (
        "" if server.version is None else f"/{'versions' if server.version.isdecimal() else 'labels'}/{server.version}"
    )
    url = f"{server.url.rstrip('/')}/v1/models/{server.name}{part}:predict"
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS))

    def upscale(rgb_01: np.ndarray) -> np.ndarray:
        inputs: dict[str, list] = {"image_bytes": [{"b64": _png(rgb_01)}]}
        if server.alpha is not None:
            inputs["alpha"] = [server.alpha]
        answer = _post(session, url, {"signature_name": "image_bytes", "inputs": inputs}, server)
        try:
            told = answer.json()
            if not answer.ok:
                raise InputError(f"{server.url} refused the request ({answer.status_code}): {told['error']}")
            return _opened(told["outputs"][0]["b64"])
        except (KeyError, TypeError, IndexError, requests.JSONDecodeError, UnidentifiedImageError) as error:
            raise InputError(
                f"{server.url} {server.name} must be a model of `esrgan export`. Received: {answer.text[:200]}"
            ) from error

    return upscale


def _post(session: requests.Session, url: str, body: dict, server: Server) -> requests.Response:
    """The server's answer; asked again while it is full or away, but not when it takes too long."""
    for again in range(server.tries):
        time.sleep(FIRST_WAIT * (2**again - 1))
        last = again == server.tries - 1
        try:
            answer = session.post(url, json=body, timeout=server.deadline)
        except requests.Timeout as error:
            raise InputError(
                f"{server.url} did not answer within {server.deadline:g} s: raise `--deadline` or lower `--tile`."
            ) from error
        except requests.ConnectionError as error:  # also one that the server closed meanwhile
            if last:
                raise InputError(
                    f"{server.url} cannot be reached after {server.tries} tries: is it running, and is this its REST "
                    "port?"
                ) from error
            continue
        if last or answer.status_code not in RETRIED:
            return answer
    raise AssertionError("the last try returns or raises")


def _png(rgb_01: np.ndarray) -> str:
    """Float32 [h, w, 3] in 0..1 as the base64 of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(to_uint8(rgb_01)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def _opened(encoded: str) -> np.ndarray:
    """The base64 of a PNG file as float32 [h, w, 3] in 0..1."""
    return to_float(np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB")))
