"""Talking to TF Serving."""
