"""Everything that can go wrong between a release bundle and an embedding, as types.

    ServingError
    ├── BundleError                 a release bundle cannot be used
    │   ├── BundleMissingError          the folder, its release.json or a listed file is not there
    │   ├── BundleFormatError           no bundle this version reads, or it holds what it must not
    │   ├── BundleDigestError           a file or the release is not the one that was sealed
    │   └── BundleNotReleasedError      whole, but no gate passed it
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


class GraphError(ServingError):
    """An embedder cannot be built into the graph that a bundle carries."""


class EngineError(ServingError):
    """A graph cannot be loaded as asked, or it was given something that is no face."""
