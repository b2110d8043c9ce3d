"""Which frozen models mine look-alikes; `pipelines.own_miner` never lets them be judged by it."""

from collections.abc import Mapping, Sequence

from data.protocols.index import Miner
from data.protocols.mining import Embeddings
from pipelines.catalogue import PretrainedEmbedder
from pipelines.models import find


def as_miners(
    names: Sequence[str], embeddings: Mapping[str, Embeddings]
) -> dict[Miner, Embeddings]:
    """Take the embeddings (n, dim) of the models that mine, each under the digest of its weights.

    Raises `ModelError` for a name that is no embedder of the catalogue.
    """
    return {
        Miner(name=name, weights_sha256=find(name, PretrainedEmbedder).sha256): embeddings[name]
        for name in names
    }
