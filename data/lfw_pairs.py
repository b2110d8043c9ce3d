"""The official pairs file of Labeled Faces in the Wild (Huang et al. 2007, View 2).

The first line holds the number of folds and the number of pairs of each kind in a fold. Each fold
then lists its genuine pairs as `Person  i  j`, and its impostor pairs as `Person  i  Other  j`,
separated by tabs; photo i of a person is the image `Person_000i`.
"""

from pathlib import Path

import numpy as np

from data.errors import SourceError
from data.published import PublishedPairs, published_pairs


def read_lfw_pairs(path: Path) -> PublishedPairs:
    """Read `pairs.txt`; raises `SourceError` that names the line that is not as it should be."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: cannot be read as a pairs file ({error})") from error
    num_folds, num_each = _header(path, lines)
    _check_length(path, lines, 2 * num_folds * num_each)
    genuine = np.tile(np.repeat([True, False], num_each), num_folds)
    pairs = [
        _pair(f"{path}:{number}", line, bool(same))
        for number, (line, same) in enumerate(zip(lines[1:], genuine, strict=False), start=2)
    ]
    return published_pairs(
        left_ids=[_image_id(*left) for left, _ in pairs],
        right_ids=[_image_id(*right) for _, right in pairs],
        is_genuine=genuine,
        fold=np.repeat(np.arange(num_folds), 2 * num_each),
    )


_Photo = tuple[str, int]


def _header(path: Path, lines: list[str]) -> tuple[int, int]:
    fields = lines[0].split() if lines else []
    if len(fields) != 2 or not all(f.isdecimal() and int(f) > 0 for f in fields):
        raise SourceError(
            f"{path}:1: expected the number of folds and of pairs, as in '10 300';"
            " take the official pairs.txt"
        )
    return int(fields[0]), int(fields[1])


def _check_length(path: Path, lines: list[str], num_pairs: int) -> None:
    last = max((n for n, line in enumerate(lines, start=1) if line.strip()), default=0)
    if last != num_pairs + 1:
        raise SourceError(
            f"{path}:{last}: the file ends after {last - 1} pairs, its first line promises"
            f" {num_pairs}; take the official pairs.txt"
        )


def _pair(where: str, line: str, genuine: bool) -> tuple[_Photo, _Photo]:
    fields = line.split("\t")
    if len(fields) != (3 if genuine else 4):
        form = "Person, i, j" if genuine else "Person, i, Other, j"
        raise SourceError(f"{where}: {line!r} is not {form!r} separated by tabs")
    left = (fields[0], _photo_number(where, fields[1]))
    right = (fields[0] if genuine else fields[2], _photo_number(where, fields[-1]))
    if genuine and left == right:
        raise SourceError(f"{where}: compares a photo with itself")
    if not genuine and left[0] == right[0]:
        raise SourceError(f"{where}: two photos of {left[0]!r} stand among the impostor pairs")
    return left, right


def _photo_number(where: str, field: str) -> int:
    if not (field.isascii() and field.isdecimal() and int(field) > 0):
        raise SourceError(f"{where}: {field!r} is no photo number")
    return int(field)


def _image_id(person: str, number: int) -> str:
    return f"{person}_{number:04d}"
