"""Parts of the comparisons, and whether it fails some people more than others."""
