"""Upscaling whole pictures with a generator."""
