"""Forward and backward of a network on random tensors: what no trainer can be faster than."""

from typing import cast

import torch
from torch import nn

from data.face import CROP_SIZE_PX
from training.autocast import autocast
from training.config import TrainConfig
from training.network.iresnet import IResNet


class BareNetwork:
    """A network, one batch of random crops, and one random gradient of its embeddings."""

    def __init__(self, config: TrainConfig, device: torch.device) -> None:
        self._device, self._amp = device, config.amp
        model = IResNet(config.network).to(device)
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub wants a dtype too
        self._model = model.train()
        self._body = cast("nn.Module", torch.compile(model)) if config.compile else model
        shape = (config.batch_size, 3, CROP_SIZE_PX, CROP_SIZE_PX)
        crops = torch.rand(shape, device=device) * 2 - 1
        self._crops = crops.contiguous(memory_format=torch.channels_last)
        dim = config.network.embedding_dim
        self._gradient = torch.randn(config.batch_size, dim, device=device) / config.batch_size

    def run(self, num_steps: int) -> None:
        """Go forward and back, and throw the gradients away."""
        for _ in range(num_steps):
            self._model.zero_grad(set_to_none=True)
            with autocast(self._device, self._amp):
                embeddings = self._body(self._crops)
            embeddings.backward(self._gradient)
