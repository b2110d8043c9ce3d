"""NVRTC compiles the kernel for every architecture without a GPU, within its budget."""

from functools import cache

import pytest

from serving.alignment_kernel.budget import (
    KernelBudget,
    budget_of,
    check_budget,
    entry_resources,
)
from serving.alignment_kernel.compile import ARCHITECTURES, Cubin, compile_kernel
from serving.alignment_kernel.errors import (
    KernelBudgetError,
    KernelCompileError,
    KernelPackageMissingError,
)
from serving.alignment_kernel.formats import all_formats
from serving.alignment_kernel.source import device_source


@pytest.fixture(scope="module", autouse=True)
def nvrtc() -> None:
    try:
        compile_kernel(ARCHITECTURES[0], "")
    except KernelPackageMissingError as error:
        pytest.skip(f"the kernel is not compiled: {error}")


compiled = cache(compile_kernel)


@pytest.fixture(scope="module", params=ARCHITECTURES, ids=lambda number: f"sm_{number}")
def cubin(request: pytest.FixtureRequest) -> Cubin:
    return compiled(request.param)


def test_compiles_within_the_budget(cubin: Cubin) -> None:
    entries = check_budget(cubin, budget_of(cubin.architecture))
    assert len(entries) == len(all_formats())
    assert all(entry.registers > 0 for entry in entries)


def test_code_is_an_elf_file_with_all_entry_points(cubin: Cubin) -> None:
    assert cubin.code.startswith(b"\x7fELF")
    for output in all_formats():
        assert f".text.{output.kernel_name}\0".encode() in cubin.code


def test_the_compiler_warns_of_nothing(cubin: Cubin) -> None:
    assert "warning" not in cubin.log.lower()


def test_equal_source_is_equal_code() -> None:
    assert compile_kernel(90).code == compiled(90).code


def test_a_tight_budget_is_exceeded() -> None:
    with pytest.raises(KernelBudgetError, match=r"sm_80.*exceeds"):
        check_budget(compiled(80), KernelBudget(max_registers=16))


def test_spills_are_seen_and_refused() -> None:
    """The same kernel, forced into 24 registers."""
    crowded = device_source().replace("__launch_bounds__(THREADS_PER_BLOCK)", "__maxnreg__(24)")
    cubin = compile_kernel(90, crowded)
    assert max(entry.spill_bytes for entry in entry_resources(cubin)) > 0
    with pytest.raises(KernelBudgetError, match="exceeds"):
        check_budget(cubin, budget_of(90))


def test_a_log_that_tells_nothing_is_no_pass() -> None:
    with pytest.raises(KernelBudgetError, match="does not tell"):
        check_budget(Cubin(90, b"", ""), KernelBudget())


def test_an_error_in_the_source_names_file_and_line() -> None:
    broken = device_source().replace("floorf(x)", "floorf(x,)")
    with pytest.raises(KernelCompileError, match=r"bilinear\.cuh\(\d+\): error"):
        compile_kernel(90, broken)


def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(KernelCompileError, match="sm_12"):
        compile_kernel(12)
