"""The parts of Envoy configurations: the blocks of docs/envoy.md, and ports."""

import pathlib
import socket

PAGE = pathlib.Path(__file__).parents[3] / "docs" / "envoy.md"


def blocks():
    """The YAML of the page, block by block."""
    parts = PAGE.read_text().split("```yaml\n")[1:]
    return [part.split("```")[0] for part in parts]


def indented(text, spaces):
    return "".join(" " * spaces + line + "\n" for line in text.strip("\n").splitlines())


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
