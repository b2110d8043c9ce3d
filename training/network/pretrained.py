"""Networks trained elsewhere: public arcface_torch weights, fitted by name and shape."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import torch
from pydantic import ValidationError
from torch import Tensor

from training.errors import CheckpointError
from training.network.checkpoint import load_checkpoint
from training.network.iresnet import IResNet, IResNetConfig
from training.network.state_dicts import read_state_dict

_MOST_NAMED: Final = 5
_COUNTER: Final = ".num_batches_tracked"
"""Files older than torch 0.4.1 lack it. Only norms without a momentum read it; ours have one."""


def load_backbone(path: Path) -> IResNet:
    """Read an iResNet on the CPU, ready for inference, from any file that holds one.

    `.safetensors` is a checkpoint of ours. Anything else is a state dict of arcface_torch as
    `torch.save` writes it, loaded without unpickling objects; depths, widths and embedding size
    follow from its names and shapes. Every tensor must fit, `num_batches_tracked` alone may be
    absent. Raises `CheckpointError` that says which do not, or what the file is instead.
    """
    if path.suffix == ".safetensors":
        return load_checkpoint(path)
    tensors = read_state_dict(path)
    # On no device at first: nothing is allocated, and no random number drawn, for what may not fit.
    with torch.device("meta"):
        model = IResNet(_config_of(path, tensors))
    expected = model.state_dict()
    for name in expected.keys() - tensors.keys():
        if name.endswith(_COUNTER):
            tensors[name] = torch.zeros((), dtype=torch.int64)
    _check_fit(path, tensors, expected)
    model.to_empty(device="cpu").load_state_dict(tensors, strict=True)
    return model.eval()


def initialise(model: IResNet, path: Path) -> None:
    """Give a network the weights and running statistics of a file, as a start for fine-tuning.

    It stays on its device and keeps what is frozen frozen. Raises `CheckpointError` as
    `load_backbone` does, and where the file's network is of another size.
    """
    source = load_backbone(path)
    if _size(source.config) != _size(model.config):
        raise CheckpointError(
            f"{path}: holds {_size(source.config)}, and the recipe's network is"
            f" {_size(model.config)}; make train.network fit the file"
        )
    model.load_state_dict(source.state_dict(), strict=True)


def _size(config: IResNetConfig) -> str:
    return f"{config.architecture}, {config.embedding_dim}-d"


def _config_of(path: Path, tensors: Mapping[str, Tensor]) -> IResNetConfig:
    telling = [f"layer{stage}.0.conv2.weight" for stage in (1, 2, 3, 4)] + ["fc.weight"]
    _check_names(path, "misses", [name for name in telling if name not in tensors])
    try:
        *widths, embedding_dim = (tensors[name].size(0) for name in telling)
        depths = [_depth(tensors, stage) for stage in (1, 2, 3, 4)]
        return IResNetConfig.model_validate(
            {"depths": depths, "widths": widths, "embedding_dim": embedding_dim}
        )
    except (IndexError, ValidationError) as error:
        shapes = ", ".join(f"{name} {tuple(tensors[name].shape)}" for name in telling)
        raise CheckpointError(f"{path}: its shapes are those of no iResNet ({shapes})") from error


def _depth(tensors: Mapping[str, Tensor], stage: int) -> int:
    found = (re.match(rf"layer{stage}\.(\d+)\.", name) for name in tensors)
    return len({block[1] for block in found if block})


def _check_fit(path: Path, tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    _check_names(path, "misses", expected.keys() - tensors.keys())
    _check_names(path, "has besides an iResNet", tensors.keys() - expected.keys())
    misshaped = [
        f"{name} {tuple(value.shape)} instead of {tuple(expected[name].shape)}"
        for name, value in tensors.items()
        if value.shape != expected[name].shape
    ]
    _check_names(path, "has in another shape", misshaped)
    unusable = [name for name, value in tensors.items() if not _is_usable(value, expected[name])]
    _check_names(path, "has with values that are no finite floating-point numbers", unusable)


def _is_usable(value: Tensor, expected: Tensor) -> bool:
    if not expected.is_floating_point():
        return not value.is_floating_point()
    return value.is_floating_point() and bool(torch.isfinite(value).all())


def _check_names(path: Path, what: str, names: Iterable[str]) -> None:
    found = sorted(names)
    if not found:
        return
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    raise CheckpointError(
        f"{path}: {what} {', '.join(found[:_MOST_NAMED])}{more}; give the state dict of an"
        " arcface_torch iResNet backbone"
    )
