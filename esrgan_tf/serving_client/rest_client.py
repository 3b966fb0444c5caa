"""A client of TF Serving's REST interface."""

import base64
import io
from collections.abc import Callable

import numpy as np
import requests
from PIL import Image
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ReadTimeoutError

from esrgan_tf.errors import InputError, first_line
from esrgan_tf.image.io import to_float, to_uint8
from esrgan_tf.serving_client.server import Retry, Server, with_retries

RETRIED = (429, 502, 503, 504)  # full, or away
CONNECTIONS = 64
LONGEST_SHOWN = 200  # characters of an answer that is not understood


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
        body = {"signature_name": "image_bytes", "inputs": inputs}
        answer = with_retries(server, lambda: _post(session, url, body, server))
        if not answer.ok:
            raise InputError(f"{server.url} refused the request ({answer.status_code}): {_reason(answer)}")
        try:
            return _opened(answer.json()["outputs"][0]["b64"])
        # OSError is Pillow's of a file that is broken, ValueError that of JSON and base64.
        except (KeyError, TypeError, IndexError, ValueError, OSError) as error:
            raise InputError(
                f"{server.url} {server.name} must be a model of `esrgan export`. "
                f"Received: {answer.text[:LONGEST_SHOWN]}"
            ) from error

    return upscale


def _post(session: requests.Session, url: str, body: dict, server: Server) -> requests.Response:
    """The server's answer, good or bad.

    Raises:
        Retry: it is away or full.
        InputError: it takes too long, or cannot be asked at all.
    """
    try:
        answer = session.post(url, json=body, timeout=server.deadline)
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError, requests.Timeout) as error:
        if isinstance(error, requests.Timeout) or isinstance(error.args[0], ReadTimeoutError):
            raise InputError(
                f"{server.url} did not answer within {server.deadline:g} s: raise `deadline` or lower `tile`."
            ) from error
        raise Retry(
            f"{server.url} cannot be reached after {server.tries} tries: is it running, and is this its REST port?"
        ) from error
    except requests.RequestException as error:
        raise InputError(f"{server.url} cannot be asked: {first_line(error)}") from error
    if answer.status_code in RETRIED:
        raise Retry(f"{server.url} is full or away ({answer.status_code}): lower `concurrency`.")
    return answer


def _reason(answer: requests.Response) -> str:
    """The reason in a server's answer."""
    try:
        return answer.json()["error"]
    except (requests.JSONDecodeError, KeyError, TypeError):
        return answer.text[:LONGEST_SHOWN]


def _png(rgb_01: np.ndarray) -> str:
    """Float32 [h, w, 3] in 0..1 as the base64 of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(to_uint8(rgb_01)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def _opened(encoded: str) -> np.ndarray:
    """The base64 of a PNG file as float32 [h, w, 3] in 0..1."""
    return to_float(np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB")))
