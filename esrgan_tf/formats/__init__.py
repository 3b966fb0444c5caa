"""A folder for each file format of a generator: what writes it beside what runs it."""
