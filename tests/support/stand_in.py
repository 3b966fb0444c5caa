"""A stand-in for TensorFlow Serving, which no package registry has: a small server on loopback.

It speaks TF Serving's own protocol (the genuine messages and services of `tensorflow-serving-api`, REST with
`instances`, `inputs` and `b64`), watches a folder of versions, replays warm-up requests and batches as TF Serving is
documented to. It is not TF Serving: what the real server does beyond that is not tested here.
"""

import base64
import json
import queue
import threading
import time
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
)

from esrgan_tf.formats.saved_model.warm_up import RECORDS

MIXED = (
    "Tensors with name '{}' from different tasks have different shapes and padding is turned off. Set "
    "pad_variable_length_inputs to true, or ensure that all tensors with the same name have equal dimensions starting "
    "with the first dim."
)


class StandIn:
    """Serves one model by gRPC and REST; a context manager."""

    def __init__(self, base: Path, name: str, max_batch_size: int = 0, batch_timeout: float = 0.05):
        self.base, self.name = base, name
        self.max_batch_size, self.batch_timeout = max_batch_size, batch_timeout
        self.versions, self.warmed, self.batches, self.labels = {}, [], [], {}
        self.refuse = []  # codes that the next gRPC requests are answered with
        self._waiting: queue.Queue = queue.Queue()
        self.reload()

    def __enter__(self) -> "StandIn":
        self._grpc = grpc.server(futures.ThreadPoolExecutor(16), options=[("grpc.max_receive_message_length", -1)])
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_Predictions(self), self._grpc)
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(_Models(self), self._grpc)
        self.grpc_url = f"grpc://127.0.0.1:{self._grpc.add_insecure_port('127.0.0.1:0')}"
        self._grpc.start()
        self._rest = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Rest,), {"served": self}))
        self.rest_url = f"http://127.0.0.1:{self._rest.server_port}"
        threading.Thread(target=self._rest.serve_forever, daemon=True).start()
        if self.max_batch_size:
            threading.Thread(target=self._batch, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._grpc.stop(None)
        self._rest.shutdown()
        self._rest.server_close()

    def reload(self) -> None:
        """Look for versions: a new one is loaded and warmed up before the old one goes."""
        found = sorted(int(path.parent.name) for path in self.base.glob("[0-9]*/saved_model.pb"))
        loaded = {version: self.versions.get(version) or self._load(version) for version in found[-1:]}
        self.versions = {**loaded}

    def keep(self, *versions: int) -> None:
        """Serve these versions (a specific version policy)."""
        self.versions = {version: self.versions.get(version) or self._load(version) for version in versions}

    def _load(self, version: int):
        loaded = tf.saved_model.load(str(self.base / str(version)))
        records = self.base / str(version) / RECORDS
        for record in tf.data.TFRecordDataset(str(records)) if records.exists() else ():
            request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
            inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
            _run(loaded, request.model_spec.signature_name, inputs)
            self.warmed.append((version, request.model_spec.signature_name))
        return loaded

    def predict(self, signature: str, inputs: dict, version: int | None = None, label: str | None = None) -> dict:
        """Answer one request; raises KeyError for an unknown version, InvalidArgumentError as the graph does."""
        model = self.versions[self.labels[label] if label else version or max(self.versions)]
        if not self.max_batch_size:
            return _run(model, signature, inputs)
        answer: queue.Queue = queue.Queue()
        self._waiting.put((model, signature, inputs, answer))
        result = answer.get(timeout=60)
        if isinstance(result, Exception):
            raise result
        return result

    def _batch(self) -> None:
        """Merge what comes within the timeout, as BatchingSession without padding does."""
        while True:
            tasks, until = [self._waiting.get()], time.monotonic() + self.batch_timeout
            while len(tasks) < self.max_batch_size and (left := until - time.monotonic()) > 0:
                try:
                    tasks.append(self._waiting.get(timeout=left))
                except queue.Empty:
                    break
            for key in {(id(model), signature) for model, signature, _, _ in tasks}:
                self._run_batch([task for task in tasks if (id(task[0]), task[1]) == key])

    def _run_batch(self, tasks: list) -> None:
        model, signature, first, _ = tasks[0]
        self.batches.append(len(tasks))
        try:
            for name in first:
                if len({inputs[name].shape[1:] for _, _, inputs, _ in tasks}) > 1:
                    raise tf.errors.InvalidArgumentError(None, None, MIXED.format(name))
            outputs = _run(model, signature, {n: np.concatenate([task[2][n] for task in tasks]) for n in first})
            start = 0
            for _, _, inputs, answer in tasks:
                stop = start + len(next(iter(inputs.values())))
                answer.put({name: value[start:stop] for name, value in outputs.items()})
                start = stop
        except tf.errors.OpError as error:
            for task in tasks:
                task[3].put(error)


def _run(model, signature: str, inputs: dict) -> dict:
    endpoint = model.signatures[signature]
    specs = endpoint.structured_input_signature[1]
    if inputs.keys() != specs.keys():
        raise tf.errors.InvalidArgumentError(
            None, None, f"input size does not match signature: {len(inputs)}!={len(specs)}"
        )
    for name, value in inputs.items():
        if not specs[name].shape.is_compatible_with(value.shape):
            raise tf.errors.InvalidArgumentError(None, None, f"{name} has shape {value.shape}, not {specs[name].shape}")
        if specs[name].dtype != tf.string and specs[name].dtype.as_numpy_dtype != value.dtype.type:
            raise tf.errors.InvalidArgumentError(
                None, None, f"Expects arg[0] to be {specs[name].dtype.name} but {value.dtype} is provided"
            )
    return {n: v.numpy() for n, v in endpoint(**{n: tf.constant(v) for n, v in inputs.items()}).items()}


class _Predictions(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, served: StandIn):
        self.served = served

    def Predict(self, request, context):
        spec = request.model_spec
        if self.served.refuse:
            context.abort(self.served.refuse.pop(0), "for now")
        if spec.name != self.served.name:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: Latest({spec.name})")
        inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        try:
            version = spec.version.value if spec.HasField("version") else None
            outputs = self.served.predict(
                spec.signature_name or "serving_default", inputs, version, spec.version_label or None
            )
        except KeyError:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {spec}")
        except tf.errors.InvalidArgumentError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.message)
        answer = predict_pb2.PredictResponse(model_spec=spec)
        for name, value in outputs.items():
            answer.outputs[name].CopyFrom(tf.make_tensor_proto(value))
        return answer


class _Models(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, served: StandIn):
        self.served = served

    def GetModelStatus(self, request, context):
        answer = get_model_status_pb2.GetModelStatusResponse()
        for version in self.served.versions:
            status = answer.model_version_status.add(version=version)
            status.state = get_model_status_pb2.ModelVersionStatus.AVAILABLE
        return answer


class _Rest(BaseHTTPRequestHandler):
    served: StandIn
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        states = [{"version": str(v), "state": "AVAILABLE"} for v in self.served.versions]
        self._answer(200, {"model_version_status": states})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        model, _, which = self.path.removeprefix("/v1/models/").removesuffix(":predict").partition("/")
        kind, _, which = which.partition("/")
        if self.served.refuse:
            return self._answer(self.served.refuse.pop(0), {"error": "for now"})
        if model != self.served.name:
            return self._answer(404, {"error": f"Servable not found for request: Latest({model})"})
        try:
            request = json.loads(body)
            signature = request.get("signature_name", "serving_default")
            specs = next(iter(self.served.versions.values())).signatures[signature].structured_input_signature[1]
            rows = "instances" in request
            inputs = _columns(request["instances"], specs) if rows else _named(request["inputs"], specs)
            inputs = {name: _array(value, specs[name].dtype) for name, value in inputs.items()}
            version = int(which) if kind == "versions" else None
            outputs = self.served.predict(signature, inputs, version, which if kind == "labels" else None)
        except KeyError as error:
            return self._answer(404, {"error": f"not found: {error}"})
        except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
            return self._answer(400, {"error": getattr(error, "message", str(error))})
        ((name, value),) = outputs.items()
        values = [{"b64": base64.b64encode(v).decode()} for v in value] if name.endswith("_bytes") else value.tolist()
        return self._answer(200, {"predictions" if rows else "outputs": values})

    def _answer(self, status: int, told: dict) -> None:
        data = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _named(value, specs: dict) -> dict:
    """`inputs`: by name, or the only one."""
    named = isinstance(value, dict) and "b64" not in value
    return value if named else {next(iter(specs)): value}


def _columns(instances: list, specs: dict) -> dict:
    """`instances`: a row each, of named inputs or of the only one."""
    if isinstance(instances[0], dict) and "b64" not in instances[0]:
        return {name: [row[name] for row in instances] for name in instances[0]}
    return {next(iter(specs)): instances}


def _array(value, dtype: tf.DType) -> np.ndarray:
    """JSON to an array; {"b64": ...} to bytes."""
    if dtype == tf.string:
        return np.array([base64.b64decode(item["b64"]) for item in value], object)
    return np.array(value, dtype.as_numpy_dtype)
