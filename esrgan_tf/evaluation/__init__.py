"""Measuring ways of upscaling on pictures whose originals are known."""
