"""Serving: the release bundle and what runs it.

`release` says what a bundle is, `bundle` seals and opens one, `graph` builds its `embed.onnx` at
release time (and is never imported by the server), `engine` runs it. Torch, MLflow and pickle are
no part of this package: a bundle is files with known digests, and a graph of standard ONNX ops.
"""
