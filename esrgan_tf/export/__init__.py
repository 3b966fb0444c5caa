"""Generators for other runtimes, each proven equal to the Keras model before it is handed over."""
