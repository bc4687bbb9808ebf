"""`footnote settings`: every setting, from their own descriptions. Knows nothing of what they are for."""

import json
import sys

from pydantic import SecretStr
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from services.settings import Settings, without_password


def show(settings: Settings, *, as_json: bool) -> None:
    """Print the list; a secret's value is never shown, nor a password within an address."""
    rows = [_row(settings, name) for name in Settings.model_fields]
    if as_json:
        sys.stdout.write(json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
        return
    console = Console(highlight=False)
    for row in rows:
        head = Text(f"{row['variable']}", style="bold").append(
            f" = {row['value']}", style="green" if row["set"] else "dim"
        )
        console.print(head, soft_wrap=True)
        console.print(Padding(Text(str(row["meaning"])), (0, 0, 0, 4)))


def _row(settings: Settings, name: str) -> dict[str, object]:
    field = Settings.model_fields[name]
    value = getattr(settings, name)
    shown = "********" if isinstance(value, SecretStr) else "" if value is None else without_password(str(value))
    return {
        "variable": f"FOOTNOTE_{name.upper()}",
        "value": shown,
        "set": name in settings.model_fields_set,
        "meaning": " ".join((field.description or "").split()),
    }
