"""Crops as the network sees them: from bytes to numbers, and changed at random."""
