"""The alignment kernel on a GPU, against the memory floor and PyTorch. *Designed, not run*.

    python -m benchmarks.alignment_kernel [--faces 1 8 64 256] [--face-px 224] [--precision f16]

Frames of 1920 x 1080 with eight faces each. First the kernel's crops are compared with the numpy
reference, bit for bit. Then, in turns in one run: the kernel launched, the kernel in a CUDA graph,
and closed form, `grid_sample` and scaling in PyTorch, which share a frame's conversion to float
among its faces. Medians of a launch on the device's clock. The floor is the time in which this
GPU, by a copy measured in the same run, moves what must move: the faces' part of the frames, once,
and the crops.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from data.face import CROP_SIZE_PX, PIXEL_MEAN, PIXEL_SCALE, TEMPLATE_PX
from serving.alignment_kernel.formats import BYTES_PER_VALUE, OutputFormat, Precision
from serving.alignment_kernel.frame_table import frame_row, frame_table
from serving.alignment_kernel.launch import AlignmentKernel, DeviceBatch
from serving.alignment_kernel.reference import align_faces
from serving.alignment_kernel.rounding import store

FRAME_HW: Final = (1080, 1920)
FACES_A_FRAME: Final = 8
DTYPES: Final = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
_COPY_BYTES: Final = 2**30
_CUDA: Any = torch.cuda
"""Its events and streams have no types."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A batch on the device. It holds the tensors whose addresses `batch` names."""

    frames: list[Tensor]
    """uint8 (height, width, 3) each."""
    table: Tensor
    landmarks: Tensor
    index: Tensor
    crops: Tensor
    is_face: Tensor

    @property
    def batch(self) -> DeviceBatch:
        """The addresses, as the kernel takes them."""
        return DeviceBatch(
            num_frames=len(self.frames),
            num_faces=len(self.landmarks),
            frames=self.table.data_ptr(),
            landmarks_px=self.landmarks.data_ptr(),
            frame_index=self.index.data_ptr(),
            crops=self.crops.data_ptr(),
            is_face=self.is_face.data_ptr(),
        )


def stage(
    frames_rgb_u8: list[NDArray[np.uint8]],
    landmarks_px: NDArray[np.float32],
    frame_index: NDArray[np.int32],
    output: OutputFormat,
    device: str = "cuda",
) -> Staged:
    """Copy a batch to the device and make room for its crops."""
    frames = [torch.from_numpy(frame).to(device) for frame in frames_rgb_u8]
    rows = [frame_row(frame.data_ptr(), *frame.shape[:2]) for frame in frames]
    size, faces = CROP_SIZE_PX, len(landmarks_px)
    shape = (faces, 3, size, size) if output.layout == "nchw" else (faces, size, size, 3)
    return Staged(
        frames,
        torch.from_numpy(frame_table(rows)).to(device),
        torch.from_numpy(landmarks_px).to(device),
        torch.from_numpy(frame_index).to(device),
        torch.zeros(shape, dtype=DTYPES[output.precision], device=device),
        torch.zeros(faces, dtype=torch.uint8, device=device),
    )


def bits_of(crops: Tensor) -> NDArray[np.uint16] | NDArray[np.float32]:
    """As `rounding.store` gives them."""
    host = crops.cpu()
    if host.dtype == torch.float32:
        return host.numpy()
    return host.view(torch.int16).numpy().view(np.uint16)


def grid_sample_route(frames: Tensor, landmarks: Tensor, dtype: torch.dtype) -> Tensor:
    """The same in PyTorch: frames uint8 (f, h, w, 3), landmarks (f, k, 5, 2) to (f k, 3, 112, 112).

    The closed form of `data.alignment`, then one `grid_sample` for all faces of each frame.
    """
    num_frames, height, width, _ = frames.shape
    template = torch.from_numpy(TEMPLATE_PX.copy()).to(frames.device)
    mean_q, mean_p = template.mean(0), landmarks.mean(2, keepdim=True)
    q, p = template - mean_q, landmarks - mean_p
    a = (p * q).sum((2, 3))
    b = (p[..., 0] * q[:, 1] - p[..., 1] * q[:, 0]).sum(2)
    ratio = (p * p).sum((2, 3)) / (a * a + b * b)
    a, b = a * ratio, b * ratio
    inverse = torch.stack([torch.stack([a, b], -1), torch.stack([-b, a], -1)], -2)
    steps = torch.arange(CROP_SIZE_PX, device=frames.device, dtype=torch.float32)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    pixels = (torch.stack([x, y], -1) - mean_q).reshape(-1, 2)
    source = pixels @ inverse.transpose(-1, -2) + mean_p
    size = torch.tensor([width, height], device=frames.device)
    grid = ((2 * source + 1) / size - 1).reshape(num_frames, -1, CROP_SIZE_PX, 2)
    picture = frames.permute(0, 3, 1, 2).float()
    sampled = torch.nn.functional.grid_sample(picture, grid, align_corners=False)
    crops = sampled.reshape(num_frames, 3, -1, CROP_SIZE_PX, CROP_SIZE_PX).transpose(1, 2)
    return ((crops - PIXEL_MEAN) / PIXEL_SCALE).to(dtype).flatten(0, 1)


def floor_us(num_faces: int, face_px: int, precision: Precision, bytes_a_second: float) -> float:
    """Microseconds to read each face's part of its frame once and to write the crops."""
    read = 3 * face_px**2
    written = 3 * CROP_SIZE_PX**2 * BYTES_PER_VALUE[precision]
    return 1e6 * num_faces * (read + written) / bytes_a_second


def drawn_batch(
    num_faces: int, face_px: int
) -> tuple[list[NDArray[np.uint8]], NDArray[np.float32], NDArray[np.int32]]:
    """Noise frames and faces inside them whose crop is `face_px` wide in the frame, turned."""
    rng = np.random.default_rng(0)
    num_frames = -(-num_faces // FACES_A_FRAME)
    frames = [rng.integers(0, 256, (*FRAME_HW, 3), dtype=np.uint8) for _ in range(num_frames)]
    turns = rng.uniform(-0.3, 0.3, num_faces)
    centres = rng.uniform(face_px, np.array(FRAME_HW[::-1]) - face_px, (num_faces, 2))
    rotations = np.stack([np.cos(turns), -np.sin(turns), np.sin(turns), np.cos(turns)], -1).reshape(
        -1, 2, 2
    )
    shape = (TEMPLATE_PX - CROP_SIZE_PX / 2) * (face_px / CROP_SIZE_PX)
    landmarks = shape @ rotations.transpose(0, 2, 1) + centres[:, None]
    index = np.arange(num_faces) // FACES_A_FRAME
    return frames, landmarks.astype(np.float32), index.astype(np.int32)


def median_us(work: Callable[[], Any], rounds: int = 30, repeats: int = 20) -> float:
    """Median microseconds of one call on the device's clock, over rounds of `repeats` calls."""
    for _ in range(3):
        work()
    found: list[float] = []
    for _ in range(rounds):
        start, end = (_CUDA.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(repeats):
            work()
        end.record()
        end.synchronize()
        found.append(1000 * start.elapsed_time(end) / repeats)
    return median(found)


def copy_bytes_a_second() -> float:
    """What a copy inside the device's memory reads and writes in a second."""
    source = torch.empty(_COPY_BYTES, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return 2e6 * _COPY_BYTES / median_us(lambda: target.copy_(source), rounds=10, repeats=5)


def measure(num_faces: int, face_px: int, precision: Precision, speed: float) -> str:
    """One row of the table; fails where the kernel's crops are not the reference's."""
    from cuda.core import Stream

    output = OutputFormat("nchw", precision)
    frames, landmarks, index = drawn_batch(num_faces, face_px)
    staged = stage(frames, landmarks, index, output)
    kernel = AlignmentKernel(output)
    stream = Stream.from_handle(torch.cuda.current_stream().cuda_stream)
    kernel.launch(stream, staged.batch)
    stream.sync()
    some = slice(0, min(num_faces, 16))
    expected, _ = align_faces(frames, landmarks[some], index[some])
    np.testing.assert_array_equal(bits_of(staged.crops[some]), store(expected, output))
    builder = stream.create_graph_builder().begin_building()
    kernel.launch(builder, staged.batch)
    graph = builder.end_building().complete()
    stacked = torch.stack(staged.frames)
    grouped = staged.landmarks.reshape(len(frames), -1, 5, 2)
    dtype = DTYPES[precision]
    floor = floor_us(num_faces, face_px, precision, speed)
    launched = median_us(lambda: kernel.launch(stream, staged.batch))
    replayed = median_us(lambda: graph.launch(stream))
    torch_us = median_us(lambda: grid_sample_route(stacked, grouped, dtype))
    return (
        f"| {num_faces} | {floor:.1f} | {launched:.1f} | {replayed:.1f} | {replayed / floor:.2f} "
        f"| {torch_us:.1f} | {torch_us / replayed:.1f} |"
    )


def main() -> None:
    """Read the command line, measure, print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, nargs="+", default=[1, 8, 64, 256, 1024])
    parser.add_argument("--face-px", type=int, default=224)
    parser.add_argument("--precision", choices=get_args(Precision), default="f16")
    given = parser.parse_args()
    if any(faces > FACES_A_FRAME and faces % FACES_A_FRAME for faces in given.faces):
        parser.error(f"above {FACES_A_FRAME}, give multiples of it: a frame has that many faces")
    if not torch.cuda.is_available():
        parser.exit(1, "no CUDA device: the alignment kernel is measured on a GPU only\n")
    # A stream of its own: the default stream cannot be captured.
    with torch.cuda.stream(_CUDA.Stream()), torch.inference_mode():
        speed = copy_bytes_a_second()
        print(f"{torch.cuda.get_device_name()}, copy {speed / 1e9:.0f} GB/s, {given.precision}")
        print(
            "| faces | floor us | launch us | graph us | times floor | torch us | torch / graph |"
        )
        print("|---|---|---|---|---|---|---|")
        for num_faces in given.faces:
            print(measure(num_faces, given.face_px, given.precision, speed))


if __name__ == "__main__":
    main()
