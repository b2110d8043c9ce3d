"""Joins the kernel's source: the generated constants, then the files of `device/` in order."""

from importlib.resources import files
from typing import Final

from serving.alignment_kernel.constants import constants_source

INTRINSICS: Final = "intrinsics.cuh"
"""The one file that a CPU cannot run; the tests put their own in its place."""
PARTS: Final = ("estimate.cuh", "bilinear.cuh", "area.cuh", "store.cuh", "align.cu")
"""Each file uses what stands in those before it."""


def device_source() -> str:
    """The whole program for NVRTC, without one `#include`."""
    return constants_source() + device_part(INTRINSICS) + portable_source()


def portable_source() -> str:
    """All but constants and intrinsics: plain C++17 but for CUDA's keywords and indices."""
    return "".join(device_part(name) for name in PARTS)


def device_part(name: str) -> str:
    """One file of `device/`, under a line directive so that a compiler names it in its messages."""
    text = (files("serving.alignment_kernel") / "device" / name).read_text("utf-8")
    return f'#line 1 "{name}"\n{text}'
