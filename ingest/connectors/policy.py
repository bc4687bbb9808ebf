"""What the operator of this installation allows to connectors, whoever sets one up.

Knows nothing of settings: the wiring fills it.
"""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

USER_AGENT = "FootnoteBot/0.1 (documentation assistant; obeys robots.txt)"
MAX_ITEM_BYTES = 50 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorPolicy:
    """Everything is denied unless it stands here.

    `work_dir` holds clones between syncs. Private addresses are reached only where `allowed_networks` names them,
    folders and mailbox files read only below `folder_roots`, LlamaIndex readers run only if `reader_classes` names the
    class. An item of more than `max_item_bytes` fails with that reason.
    """

    work_dir: Path
    allowed_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    folder_roots: tuple[Path, ...] = ()
    reader_classes: frozenset[str] = frozenset()
    max_item_bytes: int = MAX_ITEM_BYTES
    user_agent: str = USER_AGENT

    @property
    def product(self) -> str:
        """The name by which robots.txt and robots directives call us."""
        return self.user_agent.partition("/")[0].strip()
