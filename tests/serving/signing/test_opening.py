"""What a server opens, and everything that it refuses."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.bundle import ReleaseDraft, copy_bundle, open_bundle, seal
from serving.errors import (
    BundleDigestError,
    BundleError,
    BundleFormatError,
    BundleNotReleasedError,
    BundleRollbackError,
    BundleSignatureError,
    BundleUnsignedError,
    BundleUntrustedError,
)
from serving.signing.opening import open_trusted
from serving.signing.signature import sign_release
from serving.signing.trust import Trust, TrustedKey
from tests.serving.signing.conftest import HOUR, NUMBER

ON_ONE_BUNDLE = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60
)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_signed_bundle_opens_and_says_who_stands_for_it(signed: Path, trust: Trust) -> None:
    found = open_trusted(signed, trust)
    assert found.bundle == open_bundle(signed)
    assert (found.owner, found.signature.number) == ("release office", NUMBER)
    assert str(found).startswith(f"release 7, signed {HOUR} by release office (")


def test_a_signature_leaves_the_digest_alone(signed: Path, tiny_bundle: Path, trust: Trust) -> None:
    digest = open_bundle(tiny_bundle).digest
    assert open_trusted(signed, trust, digest).bundle.digest == digest


@ON_ONE_BUNDLE
@given(data=st.data())
def test_no_changed_byte_of_any_file_goes_unseen(
    signed: Path, trust: Trust, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(_files(signed)))
    original = path.read_bytes()
    changed = bytearray(original)
    changed[data.draw(st.integers(0, len(original) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(changed)
    try:
        with pytest.raises(BundleError):
            open_trusted(signed, trust)
    finally:
        path.write_bytes(original)
    open_trusted(signed, trust)


def test_no_changed_byte_of_the_signature_goes_unseen(signed: Path, trust: Trust) -> None:
    path = signed / "release.sig"
    original = path.read_bytes()
    for place in range(len(original)):
        for flip in (1, 2, 8, 0x20, 0x80):
            changed = bytearray(original)
            changed[place] ^= flip
            path.write_bytes(changed)
            with pytest.raises((BundleSignatureError, BundleUntrustedError)):
                open_trusted(signed, trust)


@ON_ONE_BUNDLE
@given(
    name=st.from_regex(
        r"(detector/|reports/|new/)?[a-z.]{1,12}\.(onnx|json|sig|pkl|so)", fullmatch=True
    ),
    content=st.binary(max_size=20),
)
def test_no_added_file_goes_unseen(signed: Path, trust: Trust, name: str, content: bytes) -> None:
    path = signed / name
    if path.exists():
        return
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    try:
        with pytest.raises(BundleFormatError, match="which its release does not list"):
            open_trusted(signed, trust)
    finally:
        path.unlink()


def test_no_removed_or_renamed_file_goes_unseen(signed: Path, trust: Trust, tmp_path: Path) -> None:
    for number, path in enumerate(_files(signed)):
        for target in (tmp_path / "away", path.with_name(f"{path.name}.bak"), signed / "a.onnx"):
            path.rename(target)
            with pytest.raises(BundleError):
                open_trusted(signed, trust)
            target.rename(path)
        assert number == _files(signed).index(path)
    open_trusted(signed, trust)


def test_two_files_that_change_places_are_noticed(signed: Path, trust: Trust) -> None:
    first, second = signed / "detector/pnet.onnx", signed / "detector/rnet.onnx"
    first.rename(signed / "held")
    second.rename(first)
    (signed / "held").rename(second)
    with pytest.raises(BundleDigestError):
        open_trusted(signed, trust)


def test_an_unsigned_bundle_says_how_to_sign(tiny_bundle: Path, trust: Trust) -> None:
    with pytest.raises(
        BundleUnsignedError, match=r"is not signed; `examgate register --release .* signs"
    ):
        open_trusted(tiny_bundle, trust)


def test_the_key_of_a_stranger_is_refused_by_its_id(
    signed: Path, trust: Trust, stranger: Ed25519PrivateKey
) -> None:
    content = (signed / "release.json").read_bytes()
    signature = sign_release(content, stranger, NUMBER, HOUR)
    (signed / "release.sig").write_bytes(signature.to_bytes())
    message = f"{signature.key_id[:12]} is not trusted here, only: .*release office"
    with pytest.raises(BundleUntrustedError, match=message):
        open_trusted(signed, trust)
    with pytest.raises(BundleUntrustedError, match="only: none"):
        open_trusted(signed, Trust(keys=[]))
    both = [*trust.keys, TrustedKey.of(stranger.public_key(), "second office")]
    assert open_trusted(signed, Trust(keys=both)).owner == "second office"


def _edit_signature(folder: Path, **changes: object) -> None:
    path = folder / "release.sig"
    content = {**json.loads(path.read_bytes()), **changes}
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


def test_a_stranger_who_claims_a_trusted_key_is_refused(
    signed: Path, trust: Trust, stranger: Ed25519PrivateKey
) -> None:
    content = (signed / "release.json").read_bytes()
    forged = sign_release(content, stranger, NUMBER, HOUR)
    _edit_signature(signed, signature=forged.signature)
    with pytest.raises(BundleSignatureError, match=r"no signature of this release\.json"):
        open_trusted(signed, trust)


@pytest.mark.parametrize("change", [{"number": 8}, {"issued_at": "2027-01-01T00:00:00Z"}])
def test_number_and_hour_are_signed_too(
    signed: Path, trust: Trust, change: dict[str, object]
) -> None:
    _edit_signature(signed, **change)
    with pytest.raises(BundleSignatureError, match="no signature of this"):
        open_trusted(signed, trust)


def test_the_signature_of_another_release_is_refused(
    signed: Path, trust: Trust, tiny_draft: ReleaseDraft
) -> None:
    signature = (signed / "release.sig").read_bytes()
    seal(signed, tiny_draft.revised(architecture="another"))
    (signed / "release.sig").write_bytes(signature)
    with pytest.raises(BundleSignatureError, match="no signature of this"):
        open_trusted(signed, trust)


def test_nothing_is_parsed_before_the_signature_is_checked(signed: Path, trust: Trust) -> None:
    (signed / "release.json").write_bytes(b'{"format_version": 99')
    with pytest.raises(BundleSignatureError):
        open_trusted(signed, trust)


def test_an_older_release_than_demanded_is_refused(signed: Path, trust: Trust) -> None:
    demanding = trust.model_copy(update={"minimum_release": {"tiny": NUMBER + 1, "other": 99}})
    with pytest.raises(BundleRollbackError, match=r"tiny is signed as release 7, .* demands 8"):
        open_trusted(signed, demanding)
    open_trusted(signed, trust.model_copy(update={"minimum_release": {"tiny": NUMBER}}))


def test_a_signed_candidate_is_still_a_candidate(
    signed: Path, trust: Trust, tiny_draft: ReleaseDraft, key: Ed25519PrivateKey
) -> None:
    seal(signed, tiny_draft.revised(gate=None))
    signature = sign_release((signed / "release.json").read_bytes(), key, NUMBER, HOUR)
    (signed / "release.sig").write_bytes(signature.to_bytes())
    with pytest.raises(BundleNotReleasedError, match="no gate has judged it"):
        open_trusted(signed, trust)


def _enlarge(folder: Path) -> None:
    with (folder / "release.sig").open("ab") as stream:
        stream.write(b" " * 5000)


def _link(folder: Path) -> None:
    shutil.move(folder / "release.sig", folder.parent / "release.sig")
    (folder / "release.sig").symlink_to(folder.parent / "release.sig")


def _link_nowhere(folder: Path) -> None:
    (folder / "release.sig").unlink()
    (folder / "release.sig").symlink_to(folder / "nowhere")


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (_enlarge, r"release\.sig is larger than 4,096 bytes"),
        (_link, r"release\.sig is a link"),
        (_link_nowhere, r"release\.sig is a link"),
    ],
    ids=["large", "link", "dangling link"],
)
def test_a_signature_is_a_small_plain_file(
    signed: Path, trust: Trust, tamper: Callable[[Path], None], message: str
) -> None:
    tamper(signed)
    with pytest.raises(BundleFormatError, match=message):
        open_trusted(signed, trust)


def test_a_copy_takes_its_signature_along(signed: Path, tmp_path: Path, trust: Trust) -> None:
    copy_bundle(signed, tmp_path / "copy")
    assert open_trusted(tmp_path / "copy", trust).signature.number == NUMBER
