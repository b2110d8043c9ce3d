"""Where photographs come from: one source, one folder or module."""
