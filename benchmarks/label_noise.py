"""Planted label errors in LFW: how many of them the review list has, and how much else.

    python -m benchmarks.label_noise --embedder mobilefacenet_foamliu

Landmarks come from LFW's `meta.csv`; 2 % of the photos get another person's name, with a fixed
seed. Also splits people in two, and counts how many of them are recognised as one.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.lfw import crop_of, labelled_photos
from data.label_noise import LabelNoiseConfig, same_people, wrong_labels
from pipelines.environment import data_dir
from pipelines.frozen import frozen_embeddings
from training.loading.crop_sources import PackedCrops

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]
SPLIT_PEOPLE, SPLIT_PHOTOS = 100, 6


def main() -> None:
    """Print precision and recall for several settings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--embedder", default="mobilefacenet_foamliu")
    parser.add_argument("--share", type=float, default=0.02)
    parser.add_argument("--seed", type=int, default=2)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    folder = data_dir(Path.cwd()) / "lfw"
    table = labelled_photos(folder)
    crops = np.stack([crop_of(folder, photo) for _, photo in table.iterrows()])
    name = arguments.embedder
    vectors = frozen_embeddings(Path.cwd(), [name], PackedCrops(crops), np.arange(len(crops)))[name]
    people = pd.factorize(table["subject_id"], sort=True)[0].astype(np.int64)
    rng = np.random.default_rng(arguments.seed)
    print_planted(people, vectors, arguments.share, rng)
    print_split(people, vectors, rng)


def print_planted(people: Rows, vectors: Vectors, share: float, rng: np.random.Generator) -> None:
    """Errors among the listed, and listed among the errors, by setting."""
    num_people = int(people.max()) + 1
    planted = rng.choice(len(people), int(share * len(people)), replace=False)
    wrong = people.copy()
    wrong[planted] = (people[planted] + rng.integers(1, num_people, len(planted))) % num_people
    is_planted = np.zeros(len(people), bool)
    is_planted[planted] = True
    counts = np.bincount(wrong, minlength=num_people)
    print(f"{len(people)} photos, {num_people} people, {len(planted)} wrong labels planted")
    print("min_photos  min_margin  clean: listed  planted: listed  precision  recall  of judged")
    for min_photos in (2, 3, 4):
        for min_margin in (0.0, 0.1, 0.2):
            config = LabelNoiseConfig(min_photos=min_photos, min_margin=min_margin)
            clean = len(wrong_labels(people, {"model": vectors}, config))
            rows = wrong_labels(wrong, {"model": vectors}, config)["row"].to_numpy(int)
            right = int(is_planted[rows].sum())
            judged = int((is_planted & (counts[wrong] >= min_photos)).sum())
            print(
                f"{min_photos:10} {min_margin:11.2f} {clean:14} {len(rows):16}"
                f" {right / max(1, len(rows)):10.3f} {right / len(planted):7.3f}"
                f" {right / max(1, judged):10.3f}"
            )


def print_split(people: Rows, vectors: Vectors, rng: np.random.Generator) -> None:
    """People cut in two who are recognised as one, by setting."""
    num_people = int(people.max()) + 1
    large = np.flatnonzero(np.bincount(people) >= SPLIT_PHOTOS)
    chosen = rng.choice(large, SPLIT_PEOPLE, replace=False)
    split = people.copy()
    for place, person in enumerate(chosen):
        split[np.flatnonzero(people == person)[::2]] = num_people + place
    truth = {(int(person), num_people + place) for place, person in enumerate(chosen)}
    print(f"{len(truth)} people of at least {SPLIT_PHOTOS} photos under two names each")
    for quantile in (0.05, 0.25, 0.5, 0.75):
        config = LabelNoiseConfig(merge_quantile=quantile)
        found = same_people(split, {"model": vectors}, config)
        pairs = set(zip(found["subject"], found["other_subject"], strict=True))
        print(f"merge_quantile {quantile:.2f}: {len(pairs)} listed, {len(pairs & truth)} of them")


if __name__ == "__main__":
    main()
