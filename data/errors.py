"""Everything that can be wrong with a picture, a data set or a file, as types.

    DataError
    ├── ImageError                 one picture cannot be used; `code` is stable, `remedy` for people
    │   ├── UndecodableImageError      undecodable_image
    │   ├── UnsupportedImageTypeError  unsupported_image_type
    │   ├── ImageTooLargeError         image_too_large
    │   ├── NoFaceError                no_face
    │   ├── SeveralFacesError          several_faces
    │   ├── FaceTooSmallError          face_too_small
    │   ├── FaceTooObliqueError        face_too_oblique
    │   ├── TooBlurryError             too_blurry
    │   ├── TooDarkError               too_dark
    │   ├── TooBrightError             too_bright
    │   ├── LowContrastError           low_contrast
    │   └── FaceOccludedError          face_occluded
    ├── ManifestError              a manifest breaks its schema
    ├── SourceError                a data source is missing, truncated or not what it claims
    ├── TooManyDuplicatesError     the near-duplicate search would list more than anybody can review
    ├── ProtocolError              a pair protocol is missing, changed, or cannot be drawn as asked
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


class TooBlurryError(ImageError):
    """Out of focus, moved, or enlarged from a few pixels."""

    code = "too_blurry"
    remedy = "Hold still, wipe the lens and take the photo again."


class TooDarkError(ImageError):
    """Most of the face is near black."""

    code = "too_dark"
    remedy = "Turn towards a lamp or a window, or switch on more light."


class TooBrightError(ImageError):
    """Most of the face is burnt out."""

    code = "too_bright"
    remedy = "Step out of the direct light, or turn the flash off."


class LowContrastError(ImageError):
    """The face has hardly any shades: fog, a veiled lens, a washed-out print."""

    code = "low_contrast"
    remedy = "Wipe the lens, avoid a bright window behind you, and take the photo again."


class FaceOccludedError(ImageError):
    """Eyes or mouth are hidden."""

    code = "face_occluded"
    remedy = "Take off mask and sunglasses, and keep hands and hair off the face."


class ManifestError(DataError):
    """A manifest breaks its schema."""


class SourceError(DataError):
    """A data source is missing, truncated or not what it claims to be."""


class TooManyDuplicatesError(DataError):
    """The near-duplicate search would list more pairs than anybody can review."""


class ProtocolError(DataError):
    """A pair protocol is missing, changed since it was written, or cannot be drawn as asked."""


class WeightsError(DataError):
    """Pretrained weights are missing, or their digest is not the pinned one."""
