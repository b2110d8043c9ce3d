"""A digest of code: photos that were cached before a renderer changed must not be taken for new."""

import hashlib
from functools import cache
from pathlib import Path

import cv2
import numpy as np


@cache
def code_digest(*folders: Path) -> str:
    """SHA-256 over all Python files below folders and the libraries that draw, in hex."""
    digest = hashlib.sha256(f"opencv {cv2.__version__} numpy {np.__version__}\n".encode())
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            name = path.relative_to(folder.parent).as_posix()
            digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
