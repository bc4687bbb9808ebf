"""The verbs of the `footnote` command that speak REST, whoever runs the server.

Knows nothing of the server's processes: `services/cli.py` mounts these verbs beside the operators' own.
"""

import typer

from ingest.commands import ask, audit, documents, groups, ingest, keys, search, sources, status, users, verify
from ingest.commands.verb import VerbGroup


def register(app: typer.Typer) -> None:
    """Add every verb at the top level of `app`, and the options of the connection before the verb.

    `app` keeps its callback; its class becomes VerbGroup.
    """
    app.info.cls = VerbGroup
    for noun in (ingest, search, ask, documents, status, verify, sources, users, groups, keys, audit):
        noun.register(app)
