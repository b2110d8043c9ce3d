"""A RecordIO file as mxnet 1.9.1 wrote it (`mxnet.recordio.MXIndexedRecordIO`, `pack`).

Three pictures, of which record 2 has a vector label and record 3 holds the magic four times, thrice
at a multiple of 4; then one identity record and the header.
"""

from pathlib import Path

import pytest

from data.recordio.format import MAGIC_BYTES

MXNET_REC = bytes.fromhex(
    "0a23d7ce1d000000 000000000000e04001000000000000000000000000000000 6162636465000000"
    "0a23d7ce23000000 020000000000000002000000000000000000000000000000 0000404000001041 78797a00"
    "0a23d7ce18000020 000000000000803f03000000000000000000000000000000"
    "0a23d7ce08000040 710a23d7ce313233"
    "0a23d7ce00000040"
    "0a23d7ce00000060"
    "0a23d7ce20000000 020000000000000004000000000000000000000000000000 0000803f00008040"
    "0a23d7ce20000000 020000000000000000000000000000000000000000000000 000080400000a040"
)
MXNET_IDX = b"1\t0\n2\t40\n3\t84\n4\t148\n0\t188\n"
PICTURES = {
    1: b"abcde",
    2: b"xyz",
    3: MAGIC_BYTES + b"q" + MAGIC_BYTES + b"123" + MAGIC_BYTES * 2,
    4: b"",
    0: b"",
}


@pytest.fixture
def mxnet_set(tmp_path: Path) -> Path:
    """Path of the `.rec`; the `.idx` lies beside it."""
    path = tmp_path / "train.rec"
    path.write_bytes(MXNET_REC)
    path.with_suffix(".idx").write_bytes(MXNET_IDX)
    return path
