"""Commands `bundle verify|keygen|sign`: who stands for a bundle, asked and answered by hand."""

from pathlib import Path
from typing import Annotated

import typer

bundles = typer.Typer(no_args_is_help=True, help="Signatures of release bundles.")

FolderArgument = Annotated[Path, typer.Argument(help="Folder of a released bundle.")]
TrustOption = Annotated[
    Path | None,
    typer.Option(help="Trust file; none: EXAMGATE_TRUST, else var/trust.json."),
]
KeyOption = Annotated[
    Path | None,
    typer.Option(help="Private key; none: EXAMGATE_SIGNING_KEY, else var/keys/release.pem."),
]


@bundles.command()
def verify(folder: FolderArgument, trust: TrustOption = None) -> None:
    """Check signature, digests, sizes and graphs, as a server does before it serves."""
    from pipelines.trust import trust_config
    from serving.signing.opening import open_trusted
    from serving.signing.seen import FOLDER, SeenReleases
    from serving.signing.trust import read_trust

    config = trust_config(Path.cwd(), trust)
    found = open_trusted(folder, read_trust(config.trust_file))
    release, digest = found.bundle.release, found.bundle.digest
    SeenReleases(config.seen_file).check(release.name, FOLDER, found.signature.number, digest)
    typer.echo(f"{release.name}: bundle {digest}")
    typer.echo(f"{found}")
    total_bytes = sum(entry.size_bytes for entry in release.files.values())
    typer.echo(f"{len(release.files)} files, {total_bytes:,} bytes: all as sealed, none besides")


@bundles.command()
def keygen(
    key: KeyOption = None,
    trust: TrustOption = None,
    owner: Annotated[str, typer.Option(help="Whose key it is, for people.")] = "this machine",
) -> None:
    """Make a private key, and add its public half to the trust file.

    EXAMGATE_KEY_PASSPHRASE encrypts the key where it is set.
    """
    from pipelines.signing import new_key
    from pipelines.trust import key_file, trust_config

    root = Path.cwd()
    path, config = key or key_file(root), trust_config(root, trust)
    entry = new_key(path, config.trust_file, owner)
    typer.echo(f"private key: {path} (mode 0600; keep it out of git and back it up)")
    typer.echo(f"key id:      {entry.key_id}")
    typer.echo(f"trusted in:  {config.trust_file} (public keys; give this file to the servers)")


@bundles.command()
def sign(
    folder: FolderArgument,
    key: KeyOption = None,
    trust: TrustOption = None,
    number: Annotated[
        int | None,
        typer.Option(min=1, help="Release number; none: the next one that this machine knows."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Folder of a signed copy; none: the signature is put into the bundle."),
    ] = None,
) -> None:
    """Sign a released bundle; numbers of a model must grow, for no server goes back."""
    from pipelines.signing import choose_number, sign_copy, sign_folder, signing_key
    from pipelines.trust import trust_config
    from serving.bundle import open_bundle
    from serving.signing.trust import read_trust

    root = Path.cwd()
    config = trust_config(root, trust)
    private = signing_key(root, config, key)
    chosen = choose_number(open_bundle(folder), read_trust(config.trust_file), config, number)
    if output is None:
        signature = sign_folder(folder, private, chosen)
    else:
        signature = sign_copy(folder, output, private, chosen)
    typer.echo(f"{output or folder}: release {signature.number}, by key {signature.key_id[:12]}")
