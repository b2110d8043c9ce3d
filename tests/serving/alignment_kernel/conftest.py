"""The kernel's source compiled for this CPU, once a session."""

import pytest

from tests.serving.alignment_kernel.host_program import COMPILER, HostProgram, build


@pytest.fixture(scope="session")
def host_program(tmp_path_factory: pytest.TempPathFactory) -> HostProgram:
    if COMPILER is None:
        pytest.skip("no g++ on this machine: the kernel's own source is not run")
    return build(tmp_path_factory.mktemp("alignment_kernel"))
