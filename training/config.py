"""What a training run is made of; the two networks it trains have their own configs in here."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from training.arcface import ArcFaceConfig
from training.augment import AugmentConfig
from training.iresnet import IResNetConfig

Schedule = Literal["cosine", "poly"]


class TrainConfig(BaseModel):
    """One training run. The defaults are arcface_torch's recipe for iResNet-50 on one device."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(default=20, ge=1)
    """Passes over the training people."""
    batch_size: int = Field(default=128, ge=2)
    """Crops in a step; the rest of an epoch that does not fill one is left out."""
    learning_rate: float = Field(default=0.02, gt=0)
    """Its highest value."""
    schedule: Schedule = "poly"
    """How it falls to zero, step by step: `poly` in a straight line, `cosine` in half a wave."""
    warmup_epochs: float = Field(default=0.0, ge=0)
    """Epochs in which it rises from zero, in a straight line."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Nesterov's momentum of SGD."""
    weight_decay: float = Field(default=5e-4, ge=0)
    """On the weights of convolutions, linear layers and class centres; never on norms, biases and
    the slopes of PReLU, where it does harm and no good."""
    grad_clip_norm: float = Field(default=5.0, gt=0)
    """Largest norm of the gradient of everything that is trained, body and head together."""
    amp: Literal["bf16", "off"] = "bf16"
    """Whether convolutions run in bfloat16. Weights, last layer and loss are float32 either way."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto` takes a GPU where there is one."""
    threads: int | None = Field(default=None, ge=1)
    """CPU threads; None leaves torch's choice. Equal weights need equal threads."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """First weights, order and augmentation follow from it."""
    validation_share: float = Field(default=0.1, ge=0, lt=1)
    """Share of the people who are not trained on; the curve of their AUC shows overfitting."""
    validation_every_epochs: int = Field(default=1, ge=1)
    """How often that AUC is measured; the last epoch always is."""
    network: IResNetConfig = IResNetConfig()
    """The network that is kept."""
    head: ArcFaceConfig = ArcFaceConfig()
    """The loss, and the class centres that are only there for training."""
    augmentation: AugmentConfig = AugmentConfig()
    """How crops are changed."""
