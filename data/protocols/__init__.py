"""Pair protocols: who is compared with whom, drawn once, written down and read by everybody."""
