"""The five steps of docs/operations.md, as they stand there, against a daemon."""

import os
import pathlib
import re
import subprocess

from pod import DAEMON, free_port, jwtd, until

PAGE = pathlib.Path(__file__).parents[3] / "docs" / "operations.md"


def blocks(kind):
    section = PAGE.read_text().split("## A refused token", 1)[1].split("\n## ", 1)[0]
    return [part.split("```", 1)[0] for part in section.split(f"```{kind}\n")[1:]]


def commands():
    """Each command, and the lines that the page says it prints."""
    for block in blocks("console"):
        for part in block.split("$ ")[1:] if block.startswith("$ ") else []:
            command, _, printed = part.partition("\n")
            yield command, printed.splitlines()


def same(line):
    """Replaces the parts that differ from key to key."""
    return re.sub(r"thumbprint \S+", "thumbprint", line.rstrip())


def five_steps(folder):
    """The differences from the page, and the number of commands."""
    folder.mkdir()
    port = str(free_port())
    (folder / "jwtd").symlink_to(DAEMON)
    (folder / "jwtd.yaml").write_text(blocks("yaml")[0].replace("7520", port))
    (folder / "jwks.json").write_text(jwtd("keygen", "--kid", "2026-11", "--private", folder / "key.json").stdout)
    token = jwtd("sign", "--key", folder / "key.json", "--iss", "https://login.example.com", "--aud", "billing-api", "--sub", "alice",
                 "--scope", "orders.read")  # fmt: skip
    (folder / "token.txt").write_text(token.stdout)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    daemon = subprocess.Popen([DAEMON, "serve", "--config", folder / "jwtd.yaml", "--log", "warn"], cwd=folder)
    try:
        until(lambda: (folder / "jwtd.sock").exists())
        # The first step sees what refused the token.
        jwtd("verify", "--endpoint", f"unix://{folder}/jwtd.sock", text=token.stdout)
        count = 0
        for command, printed in commands():
            ended = subprocess.run(["bash", "-c", command.replace("7520", port)], cwd=folder, env=environment, capture_output=True, text=True)
            seen = [same(line) for line in ended.stdout.splitlines()[: len(printed)]]
            if seen != [same(line) for line in printed]:
                return f"`{command}` prints {seen} {ended.stderr}", count
            count += 1
        return "" if count == 6 else f"only {count} commands", count
    finally:
        daemon.terminate()
        daemon.wait(20)
