"""The two-stage training: steps, loop, checkpoints, validation."""
