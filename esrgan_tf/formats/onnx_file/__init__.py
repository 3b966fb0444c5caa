"""`.onnx`: write, run by ONNX Runtime."""
