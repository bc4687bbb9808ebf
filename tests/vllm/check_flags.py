"""Reads lists of vLLM's flags, as JSON, and prints what `vllm serve` makes of each: its values, or what it says.

Run by vLLM's environment.
"""

import contextlib
import io
import json
import sys
from typing import Any

from vllm.entrypoints.launchers.cli_args import make_arg_parser  # type: ignore[import-not-found]
from vllm.utils.argparse_utils import FlexibleArgumentParser  # type: ignore[import-not-found]


def read(flags: list[str]) -> dict[str, Any] | str:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            values: dict[str, Any] = vars(make_arg_parser(FlexibleArgumentParser()).parse_args(flags))
    except SystemExit:
        return said.getvalue()
    return values


print(json.dumps([read(flags) for flags in json.load(sys.stdin)], default=str))
