"""What can go wrong between the kernel's source and its launch. Messages end with the remedy."""

from serving.errors import ServingError


class AlignmentKernelError(ServingError):
    """The alignment kernel cannot be compiled, loaded, launched or held to its budget."""


class KernelPackageMissingError(AlignmentKernelError):
    """A package of the `gpu` extra, or the library that it loads, is not on this machine."""


class KernelCompileError(AlignmentKernelError):
    """NVRTC refused the source or the architecture; the message carries its log."""


class KernelBudgetError(AlignmentKernelError):
    """The compiled kernel needs more registers than allowed, or spills."""


class KernelArgumentError(AlignmentKernelError):
    """The kernel was asked for a launch that it cannot make."""
