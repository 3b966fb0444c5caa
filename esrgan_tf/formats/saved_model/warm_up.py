"""Requests that TF Serving answers to itself when it loads a version, so that the first user does not wait."""

import io
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from esrgan_tf.errors import first_line
from esrgan_tf.metadata import GeneratorMetadata

RECORDS = Path("assets.extra") / "tf_serving_warmup_requests"  # where TF Serving looks, in a version's folder
SIDE = 64  # px


def write_warm_up(folder: Path, metadata: GeneratorMetadata) -> bool:
    """Write one request for each endpoint into a SavedModel.

    Args:
        folder: of the version.
        metadata: of its generator.

    Returns:
        Whether it was done: the records' format comes with `tensorflow-serving-api` (the extra `serving`).

    Raises:
        OSError: the system refuses to write.
    """
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    except ImportError:
        return False
    file = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE)).save(file, "PNG")
    images = {
        "serving_default": ("image", np.zeros((1, SIDE, SIDE, 3), np.float32)),
        "uint8": ("image", np.zeros((1, SIDE, SIDE, 3), np.uint8)),
        "image_bytes": ("image_bytes", np.array([file.getvalue()], object)),
    }
    requests = []
    for endpoint, (name, value) in images.items():
        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = metadata.name, endpoint
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        if metadata.takes_alpha:
            request.inputs["alpha"].CopyFrom(tf.make_tensor_proto(np.ones(1, np.float32)))
        requests.append(prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request)))
    records = folder / RECORDS
    records.parent.mkdir(parents=True)
    try:
        with tf.io.TFRecordWriter(str(records)) as writer:
            for request in requests:
                writer.write(request.SerializeToString())
    except tf.errors.OpError as error:  # such as a full disk
        raise OSError(f"`{records}` cannot be written: {first_line(error)}") from error
    return True
