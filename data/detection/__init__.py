"""Finding faces: the detector, and the choice of the one face that a photo is about."""
