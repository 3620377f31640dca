"""Which files a change touches, and which suites they are the subject of."""

import fnmatch
import subprocess


def git(root, *arguments):
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
    return done.stdout.splitlines() if done.returncode == 0 else None


def changed_files(root, base):
    """Tracked and new files that differ from a commit; None if there is no such commit."""
    if git(root, "rev-parse", "--verify", "--quiet", f"{base}^{{commit}}") is None:
        return None
    new = git(root, "ls-files", "--others", "--exclude-standard") or []
    return (git(root, "diff", "--name-only", "--no-renames", base) or []) + new


def matches(file, globs):
    """A `*` of a glob matches any characters, slashes too."""
    return any(fnmatch.fnmatchcase(file, glob) for glob in globs)


def faults(root, suites):
    """Globs that match no file, and sources that are no suite's subject: what was renamed, or is new."""
    files = git(root, "ls-files", "--cached", "--others", "--exclude-standard")
    if files is None:
        return ["This is no git checkout. fix: run it in a clone."]
    found = []
    for suite in suites:
        for glob in suite.subject:
            if not any(matches(file, [glob]) for file in files):
                found.append(f"The subject `{glob}` of the suite `{suite.name}` matches no file. fix: mend it in .ci/suites.py.")
    for file in files:
        # `features` compiles all of `src`, and shows little of what it does.
        behavior = [suite.subject for suite in suites if not suite.hours and suite.name != "features"]
        if file.startswith("src/") and not any(matches(file, subject) for subject in behavior):
            found.append(f"{file} is no suite's subject. fix: name it in .ci/suites.py.")
    return found
