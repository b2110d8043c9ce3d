"""Error rates and what else one number says of some comparisons."""
