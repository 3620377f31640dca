"""Which files a change touches, and which suites they are the subject of."""

import fnmatch
import json
import subprocess
import sys


# Folders of tests that each suite has to name: what is there is the subject of some suite.
OWNED = ("crates/jwtd-testkit/", "tests/abuse/", "tests/deploy/", "tests/faults/", "tests/fleet/", "tests/forgeries/", "tests/interop/", "tests/mutants/", "tests/soak/")


def git(root, *arguments):
    """The output, split at its NUL bytes; None if git fails, which it says itself."""
    try:
        done = subprocess.run(["git", *arguments], cwd=root, stdout=subprocess.PIPE, text=True)
    except OSError as error:
        print(f"git: {error.strerror}", file=sys.stderr)
        return None
    return [part for part in done.stdout.split("\0") if part] if done.returncode == 0 else None


def changed_files(root, base):
    """Tracked and new files that differ from a commit; None if git cannot tell."""
    differ = git(root, "diff", "-z", "--name-only", "--no-renames", f"{base}^{{commit}}", "--")
    new = git(root, "ls-files", "-z", "--others", "--exclude-standard")
    return None if differ is None or new is None else differ + new


def matches(file, globs):
    """A `*` of a glob matches any characters, slashes too."""
    return any(fnmatch.fnmatchcase(file, glob) for glob in globs)


def faults(root, suites):
    """Globs that match no file, and sources that are no suite's subject: what was renamed, or is new."""
    files = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if files is None:
        return ["git cannot list the files. fix: run it in a clone."]
    found = []
    page = (root / "CONTRIBUTING.md").read_text()
    for suite in suites:
        if f"| `{suite.name}` |" not in page:
            found.append(f"CONTRIBUTING.md has no row for the suite `{suite.name}`. fix: add it.")
    for suite in suites:
        for glob in suite.subject:
            if not any(matches(file, [glob]) for file in files):
                found.append(f"The subject `{glob}` of the suite `{suite.name}` matches no file. fix: change it in .ci/suites.py.")
    for file in files:
        # `features` compiles all of `src`, and shows little of what it does.
        behavior = [suite.subject for suite in suites if not suite.hours and suite.name != "features"]
        if file.startswith("src/") and not any(matches(file, subject) for subject in behavior):
            found.append(f"{file} is no suite's subject. fix: name it in .ci/suites.py.")
        if file.startswith(OWNED) and not any(matches(file, suite.subject) for suite in suites):
            found.append(f"{file} is no suite's subject. fix: name it in .ci/suites.py.")
    # Its targets are compiled in no other gate; a lock file that is behind would stop them all.
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--manifest-path", "fuzz/Cargo.toml"]
    metadata = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if metadata.returncode:
        found.append("fuzz/Cargo.lock is behind Cargo.toml. fix: cargo update --workspace --manifest-path fuzz/Cargo.toml")
        return found
    # Of a crate that is not named there the fuzzer sees nothing.
    watched = set((root / "fuzz/rustc").read_text().split())
    for package in json.loads(metadata.stdout)["packages"]:
        name = package["name"].replace("-", "_")
        if package["source"] is None and name not in watched:
            found.append(f"The fuzzer does not see into {package['name']}. fix: name it in fuzz/rustc.")
    return found
