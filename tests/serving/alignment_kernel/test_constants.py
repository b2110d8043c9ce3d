"""The face contract stands in `data.face` alone; the kernel's source is generated from it."""

import re

import numpy as np
import pytest

from data.alignment import estimate_similarity
from data.errors import FaceTooSmallError
from data.face import CONTRACT_ID, CROP_SIZE_PX, PIXEL_MEAN, PIXEL_SCALE, TEMPLATE_PX, LandmarksPx
from serving import graph
from serving.alignment_kernel import constants
from serving.alignment_kernel.constants import constants_source
from serving.alignment_kernel.errors import AlignmentKernelError
from serving.alignment_kernel.reference import estimate
from serving.alignment_kernel.source import INTRINSICS, PARTS, device_part, device_source

HEX_FLOAT = r"-?0x[0-9a-f.]+p[+-]\d+"


def _floats(name: str) -> list[float]:
    (line,) = re.findall(
        rf"\b{name}\b[^;=]*(?:=|\{{\s*constexpr[^=]*=)([^;]*);", constants_source()
    )
    return [float.fromhex(number) for number in re.findall(HEX_FLOAT, line)]


def test_generated_floats_are_the_contract_to_the_bit() -> None:
    template = TEMPLATE_PX.astype(np.float64)
    mean = template.mean(0)
    centred = (template - mean).astype(np.float32)
    assert _floats("template_x") == centred[:, 0].tolist()
    assert _floats("template_y") == centred[:, 1].tolist()
    assert _floats("TEMPLATE_MEAN_X") == [float(np.float32(mean[0]))]
    assert _floats("TEMPLATE_MEAN_Y") == [float(np.float32(mean[1]))]
    assert _floats("PIXEL_MEAN") == [PIXEL_MEAN]
    assert _floats("PIXEL_SCALE_RECIPROCAL") == [float(np.float32(1 / PIXEL_SCALE))]
    assert f"constexpr int CROP_SIZE_PX = {CROP_SIZE_PX};" in constants_source()
    assert CONTRACT_ID in constants_source()


def test_another_contract_gives_another_source(monkeypatch: pytest.MonkeyPatch) -> None:
    doubled = TEMPLATE_PX * np.float32(2)
    monkeypatch.setattr(constants, "TEMPLATE_PX", doubled)
    monkeypatch.setattr(constants, "PIXEL_MEAN", 100.0)
    monkeypatch.setattr(constants, "CROP_SIZE_PX", 224)
    assert _floats("TEMPLATE_MEAN_X") == [float(np.float32(doubled[:, 0].astype(float).mean()))]
    assert _floats("PIXEL_MEAN") == [100.0]
    assert "CROP_SIZE_PX = 224;" in constants_source()


def test_handwritten_source_repeats_no_number_of_the_contract() -> None:
    handwritten = "".join(device_part(name) for name in (INTRINSICS, *PARTS))
    code = re.sub(r"//[^\n]*|#line[^\n]*", "", handwritten)
    numbers = {float(number) for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?", code)}
    assert numbers <= {0, 0.5, 1, 2, 3, 4, 8, 16}


def test_the_source_needs_no_header() -> None:
    assert "#include" not in device_source()


def test_guards_are_those_of_the_graph() -> None:
    assert graph._MIN_SPREAD_PX2 == constants.MIN_SPREAD_PX2
    assert graph._MAX_SPREAD_PX2 == constants.MAX_SPREAD_PX2
    assert graph._MIN_CORRELATION == constants.MIN_CORRELATION


@pytest.mark.parametrize("share", [0.5, 0.9, 1.1, 2.0])
def test_guards_are_those_of_the_reference(share: float) -> None:
    """Landmarks so close together that the spread is `share` of the least allowed."""
    centred = TEMPLATE_PX.astype(np.float64) - TEMPLATE_PX.astype(np.float64).mean(0)
    scale = np.sqrt(share * constants.MIN_SPREAD_PX2 / (centred**2).sum())
    landmarks = (centred * scale).astype(np.float32)
    assert estimate(landmarks).is_face == _reference_finds_a_face(landmarks) == (share > 1)


def _reference_finds_a_face(landmarks: LandmarksPx) -> bool:
    try:
        estimate_similarity(landmarks)
    except FaceTooSmallError:
        return False
    return True


def test_a_number_that_is_no_float32_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "MAX_SPREAD_PX2", np.nan)
    with pytest.raises(AlignmentKernelError, match="no float32"):
        constants_source()
