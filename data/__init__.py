"""What a face is to us: decoding, detection, alignment, quality, sources, manifests and splits."""
