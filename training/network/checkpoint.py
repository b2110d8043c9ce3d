"""Checkpoints: safetensors files that say themselves which network they hold."""

import json
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from data.files import whole_file
from training.errors import CheckpointError
from training.network.iresnet import IResNet, IResNetConfig

_KEY: Final = "examgate"
"""One key for all metadata: safetensors writes several in no fixed order."""


def save_checkpoint(path: Path, model: IResNet) -> None:
    """Write a network with its config, whole or not at all; equal weights make equal bytes."""
    _save(path, model, {"kind": "iresnet", "config": model.config.model_dump(mode="json")})


def load_checkpoint(path: Path) -> IResNet:
    """Read a network, ready for inference on the CPU; its `config` says what it is.

    Raises `CheckpointError` where the file is missing, damaged, holds something else, or where a
    weight is missing, left over or of another shape.
    """
    described = _described(path, "iresnet")
    try:
        config = IResNetConfig.model_validate(described.get("config"))
    except ValidationError as error:
        raise CheckpointError(f"{path}: its config is not one of ours ({error})") from error
    model = IResNet(config)
    _load(path, model)
    return model.eval()


def _save(path: Path, module: nn.Module, described: dict[str, Any]) -> None:
    tensors = {name: value.cpu().contiguous() for name, value in module.state_dict().items()}
    content = save(tensors, {_KEY: json.dumps(described, sort_keys=True)})
    with whole_file(path) as partial:
        partial.write_bytes(content)


def _described(path: Path, kind: str) -> dict[str, Any]:
    try:
        with safe_open(path, framework="pt") as stream:
            text = (stream.metadata() or {}).get(_KEY, "null")
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{path}: cannot be read as a checkpoint ({error}); run the train stage again"
        ) from error
    try:
        described = json.loads(text)
    except json.JSONDecodeError as error:
        raise CheckpointError(f"{path}: its description is no JSON ({error})") from error
    if not isinstance(described, dict) or described.get("kind") != kind:
        raise CheckpointError(f"{path}: holds no {kind} of ours; give a file that this room wrote")
    return described


def _load(path: Path, module: nn.Module) -> None:
    try:
        with safe_open(path, framework="pt") as stream:
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118  # no dict
        module.load_state_dict(tensors, strict=True)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise CheckpointError(f"{path}: its weights do not fit its config ({error})") from error
