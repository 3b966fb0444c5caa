"""`.tflite`: convert, quantize, run by LiteRT."""
