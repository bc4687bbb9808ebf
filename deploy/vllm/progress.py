"""Whether vLLM makes progress: the container's health check. Its `/health` stays 200 while the engine hangs.

Asks for one token. In a full queue that takes its time; then it is enough that others got theirs meanwhile. Exit code
0: it does, 1: it does not. The standard library only: it runs in vLLM's image.
"""

import argparse
import json
import re
import sys
import urllib.request
from pathlib import Path

COUNTED = re.compile(r"^vllm:(?:prompt|generation)_tokens_total(?:\{[^}]*\})? (\S+)$", re.MULTILINE)


def main() -> int:
    options = _options()
    try:
        return 0 if _progresses(options) else 1
    except OSError as error:
        sys.stderr.write(f"{options.url} does not answer: {error}\n")
        return 1


def _progresses(options: argparse.Namespace) -> bool:
    before = _tokens(options)
    try:
        _ask_for_one(options)
    except OSError as error:  # a time-out, an error status
        sys.stderr.write(f"no token of ours in {options.seconds} s: {error}\n")
        return _tokens(options) > before
    return True


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--model", default="llama-3.1")
    parser.add_argument("--key-file", type=Path, default=Path("/run/secrets/footnote_llm_api_key"))
    parser.add_argument("--seconds", type=float, default=20.0)
    return parser.parse_args()


def _ask_for_one(options: argparse.Namespace) -> None:
    body = json.dumps({"model": options.model, "prompt": ".", "max_tokens": 1}).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {options.key_file.read_text().strip()}"}
    request = urllib.request.Request(f"{options.url}/v1/completions", data=body, headers=headers)  # noqa: S310
    urllib.request.urlopen(request, timeout=options.seconds).read()  # noqa: S310 - our own server


def _tokens(options: argparse.Namespace) -> float:
    """Tokens read and written since the server started."""
    metrics = urllib.request.urlopen(f"{options.url}/metrics", timeout=5.0).read().decode()  # noqa: S310
    return sum(float(value) for value in COUNTED.findall(metrics))


if __name__ == "__main__":
    sys.exit(main())
