"""`python -m tests.bench`: every benchmark, one table each."""

import os
import platform

from tests.bench import assistant, ingestion, set_up, streams

if __name__ == "__main__":
    print(f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}\n")
    for measure in (set_up.measure, assistant.measure, ingestion.measure, streams.measure):
        for what, figure in measure():
            print(f"{what:<66} {figure}", flush=True)
