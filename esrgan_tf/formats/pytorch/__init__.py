"""`.pth` and `.safetensors`: layouts, transfer, conversion."""
