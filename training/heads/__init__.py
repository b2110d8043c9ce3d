"""The losses that teach a network to tell people apart, over class centres cut over processes."""
