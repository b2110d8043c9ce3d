"""What a key is called."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from data.files import sha256_bytes


def key_id_of(key: Ed25519PublicKey) -> str:
    """SHA-256 of the raw public key (32 bytes), in hex."""
    return sha256_bytes(key.public_bytes_raw())
