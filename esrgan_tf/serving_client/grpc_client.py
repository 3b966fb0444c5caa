"""A client of TF Serving's gRPC interface (`pip install '.[serving]'`)."""

from collections.abc import Callable
from urllib.parse import urlsplit

import numpy as np

from esrgan_tf.errors import InputError
from esrgan_tf.serving_client.server import Retry, Server, with_retries

RETRIED = ("UNAVAILABLE", "RESOURCE_EXHAUSTED")  # away, or its queue is full
CHANNEL = (
    ("grpc.max_send_message_length", -1),  # any size: the default of 4 MB is an image of 600 px
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_retries", 0),  # `with_retries` does it
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


def grpc_upscale(server: Server) -> Callable[[np.ndarray], np.ndarray]:
    """Function float32 [h, w, 3] in 0..1 -> float32 [scale * h, scale * w, 3], by the endpoint `serving_default`.

    Raises:
        InputError: `tensorflow-serving-api` is not installed; when called, whatever the server answers.
    """
    try:
        import grpc
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
    except ImportError as error:
        raise InputError(
            "`server=grpc://...` needs tensorflow-serving-api: pip install 'esrgan_tf[serving]'."
        ) from error
    channel = grpc.insecure_channel(urlsplit(server.url).netloc, options=CHANNEL)
    predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict

    def ask(request: predict_pb2.PredictRequest) -> predict_pb2.PredictResponse:
        try:
            return predict(request, timeout=server.deadline)
        except grpc.RpcError as error:
            code = error.code().name
            kind = Retry if code in RETRIED else InputError
            raise kind(_reason(server, code, error.details())) from error

    def upscale(rgb_01: np.ndarray) -> np.ndarray:
        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = server.name, "serving_default"
        if server.version and server.version.isdecimal():
            request.model_spec.version.value = int(server.version)
        elif server.version:
            request.model_spec.version_label = server.version
        request.inputs["image"].CopyFrom(tf.make_tensor_proto(rgb_01[None]))
        if server.alpha is not None:
            request.inputs["alpha"].CopyFrom(tf.make_tensor_proto(np.array([server.alpha], np.float32)))
        answer = with_retries(server, lambda: ask(request))
        if "sr" not in answer.outputs:
            raise InputError(f"{server.url} {server.name} must be a model of `esrgan export`.")
        return tf.make_ndarray(answer.outputs["sr"])[0]

    return upscale


def _reason(server: Server, code: str, details: str | None) -> str:
    """The reason of an error, and the way out."""
    ways_out = {
        "UNAVAILABLE": f"cannot be reached after {server.tries} tries: is it running, and is this its gRPC port?",
        "DEADLINE_EXCEEDED": f"did not answer within {server.deadline:g} s: raise `deadline` or lower `tile`.",
        "RESOURCE_EXHAUSTED": "is full: lower `concurrency`.",
    }
    return f"{server.url} {ways_out.get(code, f'refused the request ({code}):')} {details or ''}".strip()
