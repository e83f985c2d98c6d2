"""Commands to a training that runs: they are looked for after a batch, obeyed by all ranks at the same one, and answered."""
