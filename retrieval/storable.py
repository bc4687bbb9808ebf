"""What every database holds of a text from elsewhere. Knows nothing of where it comes from."""


def storable(text: str) -> str:
    """The text without zero bytes and halves of characters, which PostgreSQL and UTF-8 do not take."""
    return text.encode(errors="replace").decode().replace("\x00", "")
