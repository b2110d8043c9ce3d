"""The signature itself: what is signed, and that it has one spelling."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from data.files import sha256_bytes
from serving.errors import BundleSignatureError
from serving.signing.signature import Signature, sign_release
from tests.serving.signing.conftest import HOUR

RELEASE = b'{"name": "tiny"}\n'


def test_equal_arguments_give_an_equal_file(key: Ed25519PrivateKey) -> None:
    first, second = (sign_release(RELEASE, key, 3, HOUR).to_bytes() for _ in range(2))
    assert first == second
    assert Signature.parse(first, "release.sig").to_bytes() == first


def test_the_message_is_as_documented(key: Ed25519PrivateKey) -> None:
    """Built by hand, so that another program can check a signature from the documentation."""
    signature = sign_release(RELEASE, key, 3, HOUR)
    raw = key.public_key().public_bytes_raw()
    assert signature.key_id == sha256_bytes(raw)
    fields = [signature.key_id, "3", "2026-11-21T12:00:00Z"]
    parts = [b"examgate release signature v1", *(field.encode() for field in fields), RELEASE]
    message = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    key.public_key().verify(bytes.fromhex(signature.signature), message)


def test_a_bare_signature_of_the_file_is_none_of_a_release(key: Ed25519PrivateKey) -> None:
    """Whatever else the key signed, it did not sign a release."""
    signature = sign_release(RELEASE, key, 3, HOUR)
    bare = signature.model_copy(update={"signature": key.sign(RELEASE).hex()})
    with pytest.raises(BundleSignatureError):
        bare.check(RELEASE, key.public_key(), "release.sig")


@given(release=st.binary(max_size=50), other=st.binary(max_size=50), number=st.integers(1, 99))
def test_a_signature_is_one_of_these_bytes_and_this_number_only(
    key: Ed25519PrivateKey, release: bytes, other: bytes, number: int
) -> None:
    signature = sign_release(release, key, number, HOUR)
    signature.check(release, key.public_key(), "release.sig")
    again = signature.model_copy(update={"number": number + 1})
    with pytest.raises(BundleSignatureError):
        again.check(release, key.public_key(), "release.sig")
    if other != release:
        with pytest.raises(BundleSignatureError):
            signature.check(other, key.public_key(), "release.sig")


@pytest.mark.parametrize(
    "change",
    [
        {"algorithm": "none"},
        {"algorithm": "rsa"},
        {"format_version": 2},
        {"number": 0},
        {"number": -1},
        {"number": 1.0},
        {"number": "3"},
        {"number": 2**53},
        {"key_id": "ab"},
        {"issued_at": "yesterday"},
        {"signature": ""},
        {"signature": "0" * 126},
        {"also": 1},
    ],
    ids=str,
)
def test_a_field_that_is_none_is_refused(key: Ed25519PrivateKey, change: dict[str, object]) -> None:
    content = {**json.loads(sign_release(RELEASE, key, 3, HOUR).to_bytes()), **change}
    with pytest.raises(BundleSignatureError, match=rf"release\.sig is no .*{next(iter(change))}"):
        Signature.parse(json.dumps(content).encode(), "release.sig")


def test_another_spelling_is_refused(key: Ed25519PrivateKey) -> None:
    content = sign_release(RELEASE, key, 3, HOUR).to_bytes()
    spellings = [
        content + b"\n",
        content.rstrip(),
        json.dumps(json.loads(content)).encode(),
        content.replace(b'"number": 3', b'"number": 9,\n  "number": 3'),
    ]
    for spelling in spellings:
        with pytest.raises(BundleSignatureError, match="not written as it was signed"):
            Signature.parse(spelling, "release.sig")


@given(st.binary(max_size=100))
def test_noise_is_no_signature(content: bytes) -> None:
    with pytest.raises(BundleSignatureError):
        Signature.parse(content, "release.sig")
