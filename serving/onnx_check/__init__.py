"""What an ONNX file may hold to travel in a bundle, read without the `onnx` package."""
