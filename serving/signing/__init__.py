"""Who stands for a release: signatures, keys, whom a machine trusts, and how new it must be."""
