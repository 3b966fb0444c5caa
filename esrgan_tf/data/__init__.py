"""From picture files to batches of aligned low- and high-resolution crops."""
