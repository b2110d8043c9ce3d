"""Ways to break a bundle that several tests use."""

import json
from pathlib import Path
from typing import Any


def edit(bundle: Path, **changes: Any) -> None:
    path = bundle / "release.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def flip(bundle: Path) -> None:
    path = bundle / "embed.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def link(bundle: Path) -> None:
    path = bundle / "embed.onnx"
    path.rename(bundle.parent / "elsewhere.onnx")
    path.symlink_to(bundle.parent / "elsewhere.onnx")
