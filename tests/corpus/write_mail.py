"""A readable source in, the bytes of an e-mail message (.eml) out: headers, a quoted-printable body, attachments.

The source is headers, an empty line and the body; each header `Attachment` names a file beside it.
"""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path


def mail(source: Path) -> bytes:
    """The message of `source`. The boundary is derived from the file name, not from chance."""
    written = message_from_bytes(source.read_bytes(), policy=policy.default)
    message = EmailMessage(policy=policy.default)
    for name, value in written.items():
        if name != "Attachment":
            message[name] = value
    message.set_content(source.read_text("utf-8").split("\n\n", maxsplit=1)[1], cte="quoted-printable")
    for name in written.get_all("Attachment", []):
        attachment = source.parent / str(name)
        message.add_attachment(attachment.read_text("utf-8"), subtype="csv", filename=attachment.name)
        message.set_boundary(f"=-{source.stem}")
    return message.as_bytes()
