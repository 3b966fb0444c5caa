"""Upscaling whole images with a generator."""
