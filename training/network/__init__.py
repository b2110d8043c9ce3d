"""iResNet: the network itself, and its ways in and out."""
