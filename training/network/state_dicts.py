"""Reading a state dict that somebody else saved with torch, without running anything of theirs."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from training.errors import CheckpointError

_MOST_NAMED: Final = 5
_PREFIX: Final = "module."
"""What DistributedDataParallel and DataParallel put before every name."""
_IR_NAME: Final = re.compile(r"(?:^|\.)(?:input_layer\.0\.weight|body\.\d+\.res_layer\.)")
"""Names of the face.evoLVe kind of network, which AdaFace and CVLface use."""
_REFUSED_GLOBAL: Final = re.compile(r"GLOBAL (\S+) ")
"""How torch names the class or function that a pickle asks for."""


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read the state dict of an arcface_torch backbone (`.pt`, `.pth`) onto the CPU.

    Only tensors are unpickled. Raises `CheckpointError` where the file is missing, damaged, holds
    objects that could run code, or is not the state dict of a network; what it seems to be instead
    is named.
    """
    content = _unpickled(path)
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path}: holds {_described(content)}, not the weights of a network")
    tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    _refuse_other_networks(path, content)
    if len(tensors) < len(content):
        others = [str(name) for name in content if str(name) not in tensors]
        raise CheckpointError(
            f"{path}: holds more than tensors ({', '.join(others[:_MOST_NAMED])}), as a training"
            " state does; save its backbone's state dict by itself"
        )
    return _without_prefix(tensors)


def _unpickled(path: Path) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or error})") from error
    # A damaged pickle fails in any way at all.
    except Exception as error:
        raise CheckpointError(f"{path}: {_why_unreadable(error)}") from error


def _why_unreadable(error: Exception) -> str:
    """One line, without torch's advice to load the file unsafely."""
    if refused := _REFUSED_GLOBAL.search(str(error)):
        return (
            f"holds Python objects ({refused[1]}), which are not loaded because they could run"
            " code; have its maker save torch.save(model.state_dict(), path)"
        )
    return f"is damaged, or nothing that torch.save wrote ({type(error).__name__})"


def _described(content: object) -> str:
    if isinstance(content, Tensor) and content.ndim == 2:
        return f"the {len(content)} class centres of a Partial FC head"
    return f"a {type(content).__name__}"


def _refuse_other_networks(path: Path, content: Mapping[Any, Any]) -> None:
    names = _all_names(content)
    if any(_IR_NAME.search(name) for name in names):
        raise CheckpointError(
            f"{path}: is of the face.evoLVe kind of network (IR, as AdaFace and CVLface have it),"
            " whose shortcuts and last layers differ from iResNet's; its weights fit no other"
            " network, take a checkpoint of arcface_torch"
        )
    if names and all(name.startswith("weight") for name in names):
        raise CheckpointError(
            f"{path}: holds the class centres of a Partial FC head; give the backbone's file"
        )


def _all_names(content: Mapping[Any, Any]) -> list[str]:
    """Names of a state dict, and of those one level down, as training states have them."""
    inner = [name for value in content.values() if isinstance(value, Mapping) for name in value]
    return [str(name) for name in (*content, *inner)]


def _without_prefix(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    if tensors and all(name.startswith(_PREFIX) for name in tensors):
        return {name.removeprefix(_PREFIX): value for name, value in tensors.items()}
    return tensors
