"""No model is judged by look-alikes that it chose itself."""

from data.protocols.index import ProtocolEntry
from pipelines.errors import StageError
from serving.release import Release


def refuse_own_miner(name: str, entry: ProtocolEntry, release: Release) -> None:
    """Raise `StageError` where a model is to be judged by look-alikes that it chose itself.

    A wrapped model names the digest of its weights in `source` (`pipelines.wrapping`).
    """
    for miner in entry.mined_with:
        if miner.weights_sha256 in release.source:
            raise StageError(
                f"{name} was mined with {miner.name}, which is the model under test: its own errors"
                " are over-represented there; name other models in curate.mining.models"
            )
