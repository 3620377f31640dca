"""The configurations of docs/issuers.md, by the name of their one issuer."""

from __future__ import annotations

import re
from pathlib import Path


def configs(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for block in re.findall(r"(?ms)^```yaml\n(.*?)^```$", path.read_text()):
        if block.startswith("    keys:\n"):
            continue  # what may stand below any issuer
        name = re.match(r"issuers:\n  ([\w-]+):\n", block)
        assert name, f"a block does not begin with one issuer:\n{block}"
        assert name[1] not in found, f"{name[1]} is there twice"
        found[name[1]] = block
    return found


def with_keys(config: str, source: str) -> str:
    """The same configuration with the keys from elsewhere, and nothing else changed."""
    # The members of `keys:` are on its line, or indented below.
    changed, count = re.subn(r"(?m)^(    keys:).*\n(      .*\n)*", rf"\1 {source}\n", config)
    assert count == 1, f"not one `keys:` in\n{config}"
    return changed
