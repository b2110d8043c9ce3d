"""The release report: one HTML page with everything behind a verdict, without network or script.

`inputs` reads what the stages left, `sections` turn it into blocks (`blocks`), `charts` draw SVG,
and `page` puts the blocks into the templates. A section whose data are missing says so in a line.
"""
