"""The verbs of the command line that speak REST, one noun a module. `ingest/cli.py` mounts them."""
