"""What all tests share: two CPU devices for distribution, and TensorFlow's notes kept quiet."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf

if "PYTEST_XDIST_WORKER" in os.environ:  # several processes share the cores: threads of each would only wait
    tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
