"""The same photograph twice: by its bytes, by a perceptual hash, and confirmed by embeddings."""
