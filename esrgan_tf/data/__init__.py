"""From image files to batches of aligned low- and high-resolution crops."""
