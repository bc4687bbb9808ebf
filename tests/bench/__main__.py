"""`python -m tests.bench`: every benchmark, one table each."""

import os
import platform

from tests.bench import assistant

if __name__ == "__main__":
    print(f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}\n")
    for what, figure in assistant.measure():
        print(f"{what:<58} {figure}")
