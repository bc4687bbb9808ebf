"""Data sources brought in: a launcher in the scheduler, and for each sync a child process that may crash or hang."""
