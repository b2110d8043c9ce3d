"""Compiles the kernel to machine code by NVRTC, NVIDIA's compiler as a library; it needs no GPU."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from serving.alignment_kernel.errors import KernelCompileError, KernelPackageMissingError
from serving.alignment_kernel.source import device_source

ARCHITECTURES: Final = (75, 80, 86, 89, 90, 100, 120)
"""T4, A100, A10, L4, H100 and H200, B200, RTX 50: compute capability times ten."""

_OPTIONS: Final = (
    "--std=c++17",
    # Products are fused where the source says fmaf and nowhere else: equal bits on CPU and GPU.
    "--fmad=false",
    "--prec-div=true",
    "--prec-sqrt=true",
    "--ftz=false",
    "--ptxas-options=-v",
)


@dataclass(frozen=True, slots=True)
class Cubin:
    """Machine code for one architecture, with the assembler's account of it."""

    architecture: int
    """Compute capability times ten."""
    code: bytes
    """An ELF file that the driver loads; it runs on this architecture and its later minors."""
    log: str
    """What `ptxas -v` said: registers, stack and spills of each entry point."""


def compile_kernel(architecture: int, source: str | None = None) -> Cubin:
    """Compile the kernel for one architecture; `source` stands in for the kernel's own.

    Raises `KernelPackageMissingError` without NVRTC and `KernelCompileError` with its log.
    """
    nvrtc = _load_nvrtc()
    text = (device_source() if source is None else source).encode()
    program = _checked(nvrtc, nvrtc.nvrtcCreateProgram(text, b"alignment.cu", 0, [], []))
    options = [f"--gpu-architecture=sm_{architecture}", *_OPTIONS]
    try:
        encoded = [option.encode() for option in options]
        (status,) = nvrtc.nvrtcCompileProgram(program, len(encoded), encoded)
        log = _read(nvrtc, nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog, program)
        text_log = log.rstrip(b"\0").decode(errors="replace")
        if status != nvrtc.nvrtcResult.NVRTC_SUCCESS:
            raise KernelCompileError(
                f"NVRTC compiles nothing for sm_{architecture} ({status.name}): {text_log} "
                "Correct the source, or update nvidia-cuda-nvrtc for a new architecture."
            )
        code = _read(nvrtc, nvrtc.nvrtcGetCUBINSize, nvrtc.nvrtcGetCUBIN, program)
        return Cubin(architecture, code, text_log)
    finally:
        nvrtc.nvrtcDestroyProgram(program)


def _load_nvrtc() -> ModuleType:
    remedy = "install the `gpu` extra: pip install 'examgate[gpu]'"
    try:
        from cuda.bindings import nvrtc
    except ImportError as error:
        raise KernelPackageMissingError(f"cuda-bindings is missing; {remedy}") from error
    try:
        nvrtc.nvrtcVersion()  # the library itself is looked for at the first call
    except RuntimeError as error:
        raise KernelPackageMissingError(f"the NVRTC library is missing; {remedy}") from error
    module: ModuleType = nvrtc
    return module


def _read(nvrtc: ModuleType, size: Any, get: Any, program: Any) -> bytes:  # noqa: ANN401 - untyped
    """What one of NVRTC's pairs of getters says; they fill a buffer of the size they ask for."""
    # A bytearray, because NVRTC writes into it: CPython shares its bytes objects of length 1.
    buffer = bytearray(_checked(nvrtc, size(program)))
    _checked(nvrtc, get(program, buffer))
    return bytes(buffer)


def _checked(nvrtc: ModuleType, answer: tuple[Any, ...]) -> Any:  # noqa: ANN401 - untyped
    status, *values = answer
    if status != nvrtc.nvrtcResult.NVRTC_SUCCESS:
        raise KernelCompileError(f"NVRTC failed with {status.name}; reinstall nvidia-cuda-nvrtc")
    return values[0] if values else None
