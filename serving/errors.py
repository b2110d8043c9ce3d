"""Everything that can go wrong between a release bundle and an embedding, as types.

    ServingError
    ├── BundleError                 a release bundle cannot be used
    │   ├── BundleMissingError          the folder, its release.json or a listed file is not there
    │   ├── BundleFormatError           no bundle this version reads, or it holds what it must not
    │   ├── BundleDigestError           a file or the release is not the one that was sealed
    │   ├── BundleNotReleasedError      whole, but no gate passed it
    │   ├── BundleGraphError            a graph holds what no graph of a bundle may hold
    │   └── BundleTrustError            nobody whom this machine trusts stands for it
    │       ├── BundleUnsignedError         it has no signature
    │       ├── BundleSignatureError        its signature is not one of these bytes
    │       ├── BundleUntrustedError        the key that signed it is not trusted here
    │       └── BundleRollbackError         an older release than this machine accepts
    ├── TrustError                  trust file, key or record of releases cannot be used
    ├── GraphError                  an embedder cannot be built into `embed.onnx`
    └── EngineError                 a graph cannot be loaded, or was asked the wrong question

The message names the thing and ends with the remedy.
"""


class ServingError(Exception):
    """Base of all errors of the `serving` package."""


class BundleError(ServingError):
    """A release bundle cannot be used."""


class BundleMissingError(BundleError):
    """The bundle's folder, its release.json or a file that it lists is not there."""


class BundleFormatError(BundleError):
    """The folder is no bundle that this version reads, or it holds what a bundle must not hold."""


class BundleDigestError(BundleError):
    """A file, or the release itself, is not the one that was sealed."""


class BundleNotReleasedError(BundleError):
    """The bundle is whole, but it is a candidate: no gate has passed it."""


class BundleGraphError(BundleError):
    """A graph of the bundle holds what no graph of a bundle may hold, as in custom operators."""


class BundleTrustError(BundleError):
    """The bundle may be whole, but nobody whom this machine trusts stands for it."""


class BundleUnsignedError(BundleTrustError):
    """The bundle has no signature."""


class BundleSignatureError(BundleTrustError):
    """The signature is damaged, or it is not one of this very release.json by the key it names."""


class BundleUntrustedError(BundleTrustError):
    """The bundle is signed by a key that the trust file does not list."""


class BundleRollbackError(BundleTrustError):
    """The signature is valid, but older than a release that was seen or is demanded."""


class TrustError(ServingError):
    """The trust file, a private key or the record of releases seen cannot be used."""


class GraphError(ServingError):
    """An embedder cannot be built into the graph that a bundle carries."""


class EngineError(ServingError):
    """A graph cannot be loaded as asked, or it was given something that is no face."""
