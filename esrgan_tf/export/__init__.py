"""Exports generators to other formats, each artifact verified against the Keras model before it is in place."""
