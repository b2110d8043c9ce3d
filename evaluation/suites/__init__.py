"""Sets of comparisons with a purpose: protocols, known failures, expected behaviour."""
