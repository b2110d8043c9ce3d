"""In which number format the convolutions run."""

from typing import Final, Literal

import torch

Precision = Literal["bf16", "fp16", "off"]
_TYPES: Final = {"bf16": torch.bfloat16, "fp16": torch.float16, "off": torch.float32}


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """Context in which a network runs in `precision`; its last layers see to their float32."""
    enabled = precision != "off"
    dtype = _TYPES[precision] if enabled else torch.bfloat16
    return torch.autocast(device.type, dtype=dtype, enabled=enabled)
