"""Pure: scores in; metrics, intervals, slices and verdicts out. No files, no model, no clock."""
