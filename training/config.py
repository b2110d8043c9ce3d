"""What a training run is made of; every part has its own config beside it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from training.augmentation.augment import AugmentConfig
from training.autocast import Precision
from training.checkpoints.config import CheckpointsConfig
from training.heads.config import ArcFaceConfig, HeadConfig
from training.loading.step_loader import LoaderConfig
from training.network.iresnet import IResNetConfig
from training.validation import ValidationConfig
from training.world import DeviceChoice

Schedule = Literal["cosine", "poly"]


class TrainConfig(BaseModel):
    """One training run. The defaults are arcface_torch's recipe for iResNet-50 on one device."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(default=20, ge=1)
    """Passes over the training people."""
    batch_size: int = Field(default=128, ge=2)
    """Crops in a step, of all processes; what does not fill one at the end of an epoch is left."""
    micro_batch_size: int | None = Field(default=None, ge=2)
    """Crops that go through the network together and share the statistics of its batch norms. With
    a number, a run computes the same on any number of processes. None: what a process gets."""
    learning_rate: float = Field(default=0.02, gt=0)
    """Its highest value."""
    schedule: Schedule = "poly"
    """How it falls to zero, step by step: `poly` in a straight line, `cosine` in half a wave."""
    warmup_epochs: float = Field(default=0.0, ge=0)
    """Epochs in which it rises from zero, in a straight line."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Of SGD."""
    nesterov: bool = False
    """Whether the momentum is Nesterov's."""
    weight_decay: float = Field(default=5e-4, ge=0)
    """On the weights of convolutions, linear layers and class centres; never on norms, biases and
    the slopes of PReLU, where it does harm and no good."""
    grad_clip_norm: float = Field(default=5.0, gt=0)
    """Largest norm of the gradient of everything that is trained, body and head together."""
    amp: Precision = "bf16"
    """Format of the convolutions. Weights, last layer and loss are float32 whatever it is."""
    compile: bool = False
    """Whether torch.compile fuses the network's small operations; takes a minute at the start."""
    deterministic: bool = False
    """Whether a GPU may use no operation whose sums come in any order; a CPU never does."""
    device: DeviceChoice = "auto"
    """`auto` takes a GPU where there is one."""
    threads: int | None = Field(default=None, ge=1)
    """CPU threads of a process; None: its share of the cores. Equal weights need equal threads."""
    processes: int | None = Field(default=1, ge=1)
    """Processes on this machine, one for each GPU; None: as many as there are GPUs."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """First weights, order, sampling and augmentation follow from it."""
    initial_weights: str | None = None
    """File of a backbone to go on from, arcface_torch's or ours; None: from scratch."""
    log_every_steps: int = Field(default=50, ge=1)
    """How often a row of figures goes to MLflow."""
    validation: ValidationConfig = ValidationConfig()
    """Who is set aside to watch for overfitting."""
    checkpoints: CheckpointsConfig = CheckpointsConfig()
    """How often a run saves what it needs to go on."""
    loader: LoaderConfig = LoaderConfig()
    """How crops get to the device."""
    network: IResNetConfig = IResNetConfig()
    """The network that is kept."""
    head: HeadConfig = ArcFaceConfig()
    """The loss, and the class centres that are only there for training."""
    augmentation: AugmentConfig = AugmentConfig()
    """How crops are changed."""
