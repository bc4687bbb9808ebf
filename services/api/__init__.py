"""The HTTP interface: routes that parse, call one thing, and present. HTTP words live here and nowhere else."""
