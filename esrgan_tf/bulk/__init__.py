"""Upscaling millions of images: a manifest of what is done, shards, and workers on Ray."""
