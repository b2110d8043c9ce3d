"""Registers and spills of the compiled kernel, read from the assembler's log, and their budget."""

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from serving.alignment_kernel.compile import Cubin
from serving.alignment_kernel.errors import KernelBudgetError
from serving.alignment_kernel.formats import all_formats

_ENTRY = re.compile(
    r"Compiling entry function '(?P<name>\w+)'.*?"
    r"(?P<stack>\d+) bytes stack frame, (?P<stores>\d+) bytes spill stores, "
    r"(?P<loads>\d+) bytes spill loads.*?Used (?P<registers>\d+) registers",
    re.DOTALL,
)


class KernelBudget(BaseModel):
    """What an entry point may use on any architecture."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_registers: Annotated[int, Field(ge=1, le=255)] = 40
    """A thread. At 40, an SM of 65,536 registers holds 7 blocks of 224 threads: 49 warps."""
    max_spill_bytes: Annotated[int, Field(ge=0)] = 0
    """Stores and loads together, a thread."""
    max_stack_bytes: Annotated[int, Field(ge=0)] = 0
    """A thread; a stack is an array that the compiler could not keep in registers."""


def budget_of(architecture: int) -> KernelBudget:
    """The budget the project holds its kernel to on one architecture.

    An SM of sm_75 runs 1,024 threads at most: up to 64 registers a thread take none of them away.
    """
    return KernelBudget(max_registers=64) if architecture == 75 else KernelBudget()


class EntryResources(BaseModel):
    """What one entry point uses on one architecture, a thread."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kernel_name: str
    """The entry point."""
    registers: int
    """Of 32 bits."""
    spill_bytes: int
    """Spill stores and spill loads together."""
    stack_bytes: int
    """Stack frame."""


def entry_resources(cubin: Cubin) -> list[EntryResources]:
    """What `ptxas -v` said of each entry point, by name."""
    entries = [
        EntryResources(
            kernel_name=found["name"],
            registers=int(found["registers"]),
            spill_bytes=int(found["stores"]) + int(found["loads"]),
            stack_bytes=int(found["stack"]),
        )
        for found in _ENTRY.finditer(cubin.log)
    ]
    return sorted(entries, key=lambda entry: entry.kernel_name)


def check_budget(cubin: Cubin, budget: KernelBudget) -> list[EntryResources]:
    """Hold every entry point to the budget and return what they use.

    Raises `KernelBudgetError` where one exceeds it, and where the log does not tell of all six.
    """
    entries = entry_resources(cubin)
    wanted = sorted(output.kernel_name for output in all_formats())
    if [entry.kernel_name for entry in entries] != wanted:
        raise KernelBudgetError(
            f"the assembler's log for sm_{cubin.architecture} does not tell of each entry point "
            f"of {wanted}; read `Cubin.log` and mend `budget`"
        )
    for entry in entries:
        if (
            entry.registers > budget.max_registers
            or entry.spill_bytes > budget.max_spill_bytes
            or entry.stack_bytes > budget.max_stack_bytes
        ):
            raise KernelBudgetError(
                f"on sm_{cubin.architecture}, {entry} exceeds {budget}; make the kernel smaller"
            )
    return entries
