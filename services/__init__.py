"""The processes: API, worker, scheduler, the embedded parts, and the wiring that joins them."""
