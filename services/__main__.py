"""`python -m services`: the `footnote` command, for the processes that `footnote up` starts."""

from services.cli import main

if __name__ == "__main__":
    main()
