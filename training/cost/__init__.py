"""What training costs: arithmetic, memory, and how fast a device could be at most."""
