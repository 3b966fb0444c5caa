"""Video files: read, upscaled frame by frame in segments that survive a crash, and put together again."""
