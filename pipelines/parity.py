"""What `export` measures and `gate` judges: does the graph compute what the checkpoint does?"""

from pydantic import BaseModel, ConfigDict


class ParityFigures(BaseModel):
    """How far the exported graph is from the checkpoint, as cosines of their embeddings."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    num_photos: int
    cosine_min: float
    cosine_mean: float
