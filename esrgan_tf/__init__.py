"""ESRGAN (arXiv:1809.00219) in Keras 3 on TensorFlow 2: train, measure, upscale, export, serve."""

__version__ = "0.1.0"
