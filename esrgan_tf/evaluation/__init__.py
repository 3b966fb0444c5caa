"""Measuring ways of upscaling on images whose originals are known."""
