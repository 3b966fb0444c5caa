"""What images are scored by."""
