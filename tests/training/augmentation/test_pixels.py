import numpy as np
import torch

from data.face import network_input
from training.augmentation.pixels import to_network_input


def test_the_device_computes_what_the_face_contract_says() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (5, 112, 112, 3), np.uint8)
    made = to_network_input(torch.from_numpy(crops))
    assert torch.equal(made, torch.from_numpy(network_input(crops)))
    assert made.is_contiguous(memory_format=torch.channels_last)
