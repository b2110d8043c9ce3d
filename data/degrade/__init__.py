"""What goes wrong with photos at a gate, done to good photos on purpose: seeded and by degrees."""
