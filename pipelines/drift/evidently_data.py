"""Windows as Evidently's data sets, with every column declared: it guesses none."""

import pandas as pd
from evidently import DataDefinition, Dataset

from evaluation.drift.config import DriftConfig
from evaluation.drift.summary import watched, watched_numbers


def datasets(
    current: pd.DataFrame, reference: pd.DataFrame, config: DriftConfig
) -> tuple[Dataset, Dataset]:
    """Make data sets of both windows, of the columns that are compared and no others."""
    numbers = list(watched_numbers(config, current, reference))
    names = list(watched(config.categories, current, reference))
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=names)

    def dataset(table: pd.DataFrame) -> Dataset:
        shown = table.reindex(columns=[*numbers, *names])
        return Dataset.from_pandas(shown, data_definition=definition)

    return dataset(current), dataset(reference)
