"""What can run a generator: Keras, a SavedModel, LiteRT, ONNX Runtime. Each is imported only where it is used."""
