"""Packaging of esrgan_tf: `pip install .` gives the package and the command `esrgan`."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "esrgan_tf" / "__init__.py").read_text())[1]
REQUIREMENTS = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and line[0] != "#"]

GPU = [line.replace("tensorflow", "tensorflow[and-cuda]") for line in REQUIREMENTS if line.startswith("tensorflow>")]
OPENVINO = ["openvino>=2026.4", "nncf>=3.4"]  # to export and run OpenVINO's .xml, int8 by NNCF
NCNN = ["ncnn>=1.0.20261020"]  # to run ncnn's .param
ONNX = ["tf2onnx>=1.17", "onnx>=1.17", "onnxruntime>=1.20"]  # to export and run .onnx
BULK = ["ray[data]>=2.50"]  # many machines, and .parquet, for `esrgan bulk`
DEMO = ["gradio>=6,<7"]
VIDEO = ["av>=16"]  # FFmpeg's libraries, for `esrgan video`
SERVING = ["tensorflow-serving-api>=2.20,<2.23"]  # warm-up requests in SavedModels, and the client's gRPC

setup(
    name="esrgan_tf",
    version=VERSION,
    description="ESRGAN in Keras 3 on TensorFlow 2: train, measure, upscale, export, serve",
    long_description=(ROOT / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["esrgan_tf", "esrgan_tf.*"]),
    package_data={
        "esrgan_tf.data": ["frozen.txt"],
        "esrgan_tf.evaluation.rating": ["page/*"],
        "esrgan_tf.formats.web": ["page/*"],
        "esrgan_tf.models": ["pretrained/*"],
        "esrgan_tf.zoo": ["members/*"],
    },
    install_requires=REQUIREMENTS,
    extras_require={
        "bulk": BULK,
        "convert": ["torch>=2.6"],  # to read and write .pth
        "demo": DEMO,
        "gpu": GPU,  # CUDA's libraries, for Linux
        "ncnn": NCNN,
        "onnx": ONNX,
        "openvino": OPENVINO,
        "plot": ["matplotlib>=3.8"],  # the curve of `esrgan interpolate`
        "serving": SERVING,
        "video": VIDEO,
        "test": [
            "pytest>=8,<10",
            "pytest-xdist>=3.5",
            "ruff>=0.9,<1",
            "matplotlib>=3.8",
            "pyyaml>=6",
            "selenium>=4.30",
            *NCNN,
            *ONNX,
            *OPENVINO,
            *SERVING,
            *VIDEO,
            *DEMO,
            *BULK,
        ],
    },
    entry_points={"console_scripts": ["esrgan=esrgan_tf.__main__:main"]},
)
