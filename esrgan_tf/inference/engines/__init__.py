"""What runs a generator: the fastest engine that is installed for this CPU, compiled on first use and kept."""
