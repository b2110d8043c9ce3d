"""iResNet with an ArcFace head: network, loss, loader, training loop, checkpoints, ONNX export."""
