"""Which models guess attributes, and how sure they must be."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

PredictorName = Literal["gear", "faceres"]


class AttributeModelConfig(BaseModel):
    """One model that guesses attributes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: PredictorName
    """`gear`: age, gender, ethnicity. `faceres`: age, gender."""
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.95
    """A guess below this fills nothing and contradicts nobody.

    `faceres` is right about as often as it says, above 0.95 in 98 % of genders on UTKFace. `gear`
    is too sure: 86 % of genders and 78 % of ethnicities (`python -m benchmarks.attributes`).
    """


class AttributesConfig(BaseModel):
    """Attributes by models; none by default. For auditing error rates, never for decisions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: tuple[AttributeModelConfig, ...] = ()
    """In order of trust: the first that is sure enough fills an unknown attribute."""

    @model_validator(mode="after")
    def _each_once(self) -> "AttributesConfig":
        names = [model.name for model in self.models]
        if len(names) != len(set(names)):
            raise ValueError("a model is named twice")
        return self
