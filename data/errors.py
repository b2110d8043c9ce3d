"""Everything that can be wrong with a picture, a data set or a file, as types.

    DataError
    ├── ImageError                 one picture cannot be used; `code` is stable, `remedy` for people
    │   ├── UndecodableImageError      undecodable_image
    │   ├── UnsupportedImageTypeError  unsupported_image_type
    │   ├── ImageTooLargeError         image_too_large
    │   ├── NoFaceError                no_face
    │   ├── SeveralFacesError          several_faces
    │   ├── FaceTooSmallError          face_too_small
    │   └── FaceTooObliqueError        face_too_oblique
    ├── ManifestError              a manifest breaks its schema
    ├── SourceError                a data source is missing, truncated or not what it claims
    └── WeightsError               pretrained weights are missing or not the pinned ones

A reject reason in a manifest is the `code` of the matching `ImageError`.
"""

from typing import ClassVar


class DataError(Exception):
    """Base of all errors of the `data` package."""


class ImageError(DataError):
    """One picture cannot be used. The message says what is wrong, `remedy` what to do about it."""

    code: ClassVar[str]
    remedy: ClassVar[str]


class UndecodableImageError(ImageError):
    """The bytes claim to be a picture and are not a whole one."""

    code = "undecodable_image"
    remedy = "Take or export the photo again; the file is damaged or cut short."


class UnsupportedImageTypeError(ImageError):
    """The bytes are no JPEG, PNG or WebP."""

    code = "unsupported_image_type"
    remedy = "Send the photo as JPEG, PNG or WebP."


class ImageTooLargeError(ImageError):
    """The file or its pixel count is over the limit."""

    code = "image_too_large"
    remedy = "Send a smaller photo; 1600 pixels on the longer side are plenty."


class NoFaceError(ImageError):
    """The detector found no face."""

    code = "no_face"
    remedy = "Face the camera in good light, with the whole face inside the frame."


class SeveralFacesError(ImageError):
    """More than one face could be meant."""

    code = "several_faces"
    remedy = "Make sure that only one person is in the frame."


class FaceTooSmallError(ImageError):
    """The eyes are too few pixels apart."""

    code = "face_too_small"
    remedy = "Step closer to the camera or use a photo of higher resolution."


class FaceTooObliqueError(ImageError):
    """The face looks too far away from the camera to be compared."""

    code = "face_too_oblique"
    remedy = "Look straight into the camera."


class ManifestError(DataError):
    """A manifest breaks its schema."""


class SourceError(DataError):
    """A data source is missing, truncated or not what it claims to be."""


class WeightsError(DataError):
    """Pretrained weights are missing, or their digest is not the pinned one."""
