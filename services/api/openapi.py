"""Prints the OpenAPI document: `python -m services.api.openapi`. The web app's types are made from it."""

import json

from services.api.app import create_app

if __name__ == "__main__":
    print(json.dumps(create_app().openapi(), indent=1, sort_keys=True))  # noqa: T201
