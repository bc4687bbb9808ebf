"""What runs the image: Docker, Podman, or Buildah where no containers can be started, which runs commands in a chroot.

Containers share this machine's network, so that they reach the tests' private servers, and are confined as compose.yaml
confines them as far as the engine can: Buildah leaves their files writable.
"""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CONFINED = (
    "--read-only",
    "--tmpfs=/tmp:size=1g,mode=1777",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--init",
)
ENDS_WITHIN_S = 300
STOPS_WITHIN_S = 90


@dataclass(frozen=True, slots=True)
class Image:
    """`mounted`: folders of this machine by their place in the container. `logs`: where each command's output goes."""

    engine: str
    name: str
    environment: Mapping[str, str]
    mounted: Mapping[str, Path]
    logs: Path

    def run(self, *command: str) -> str:
        """What a command prints, in place of what the image runs by itself. Raises CalledProcessError."""
        with self._container() as prefix:
            line = self._line(prefix, command)
            return subprocess.run(line, check=True, capture_output=True, text=True, timeout=ENDS_WITHIN_S).stdout

    @contextmanager
    def running(self, verb: str) -> Iterator["subprocess.Popen[bytes]"]:
        """`footnote VERB` until the block ends; then it is told to stop, and has to."""
        with self._container() as prefix, (self.logs / f"{verb}.log").open("wb") as log:
            line = self._line(prefix, ("footnote", verb))
            process = subprocess.Popen(line, stdout=log, stderr=log, start_new_session=True)
            try:
                yield process
            finally:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(STOPS_WITHIN_S)

    @contextmanager
    def _container(self) -> Iterator[list[str]]:
        """What makes a container of the image and runs something in it: the command up to its options."""
        if self.engine != "buildah":
            yield [self.engine, "run", "--rm", "--network=host", *CONFINED]
            return
        made = ["buildah", "from", "--pull-never", self.name]
        container = subprocess.run(made, check=True, capture_output=True, text=True).stdout.strip()
        try:
            yield ["buildah", "run", "--isolation=chroot", "--user=10001:10001", container]
        finally:
            subprocess.run(["buildah", "rm", container], check=True, capture_output=True)

    def _line(self, prefix: list[str], command: tuple[str, ...]) -> list[str]:
        options = [f"--env={name}={value}" for name, value in self.environment.items()]
        options += [f"--volume={folder}:{place}" for place, folder in self.mounted.items()]
        if self.engine == "buildah":
            return [*prefix[:-1], *options, prefix[-1], "--", *command]
        return [*prefix, *options, f"--entrypoint={command[0]}", self.name, *command[1:]]
