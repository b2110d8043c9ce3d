"""Embeddings straight from the network: the reference that the exported graph is held against."""

import numpy as np
import torch
from numpy.typing import NDArray

from data.face import l2_normalise, network_input
from training.loading.arrays import CropsU8
from training.loading.crop_sources import check_crops
from training.network.iresnet import IResNet


def embed_crops(model: IResNet, crops_rgb_u8: CropsU8, batch_size: int = 64) -> NDArray[np.float32]:
    """Embed crops (n, 112, 112, 3) in float32; returns (n, d), each row of unit length.

    The model is used as in inference and left in the mode it had.
    """
    check_crops(crops_rgb_u8, "crops")
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    parts = [np.empty((0, model.config.embedding_dim), np.float32)]
    try:
        with torch.inference_mode():
            for start in range(0, len(crops_rgb_u8), batch_size):
                crops = network_input(np.asarray(crops_rgb_u8[start : start + batch_size]))
                parts.append(model(torch.from_numpy(crops).to(device)).cpu().numpy())
    finally:
        model.train(was_training)
    return l2_normalise(np.concatenate(parts))
