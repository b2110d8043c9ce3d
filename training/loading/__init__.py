"""From crops on the disk to the batches of a step."""
