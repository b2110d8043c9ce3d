"""SVG by small pure functions: numbers in, markup out. Colours and type are the page's CSS."""
