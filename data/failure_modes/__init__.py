"""Known failure modes: one YAML file for each way in which this system fails or is feared to."""
