"""`.keras`: load, save, run."""
