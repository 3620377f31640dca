"""The machine and the software of a measurement."""

import datetime
import os
import platform
import re
import shlex
import subprocess
import sys


def cpu_model():
    with open("/proc/cpuinfo") as file:
        found = re.search(r"^model name\s*: (.*)$", file.read(), re.MULTILINE)
    return found[1] if found else platform.machine()


def first_line(command, folder=None):
    """The first line that a command prints; empty if it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return done.stdout.split("\n", 1)[0] if done.returncode == 0 else ""


def facts(root):
    """The conditions that a figure depends on, for `.ci/measure`."""
    changed = " and changes that are not committed" if first_line(["git", "status", "--porcelain"], root) else ""
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": first_line(["git", "log", "-1", "--format=%h %s"], root) + changed,
        "kernel": f"{platform.system()} {platform.release()}",
        "processor": f"{cpu_model()}, {len(os.sched_getaffinity(0))} cores",
        "load before": f"{os.getloadavg()[0]:.2f} processes in the last minute",
        "compiler": first_line(["rustc", "--version"], root),
    }


def describe(daemon, runtimes, settings):
    """Name and value, in the order in which they are shown."""
    version = subprocess.run([daemon, "--version"], check=True, capture_output=True, text=True).stdout
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "kernel": f"{platform.system()} {platform.release()}",
        "processor": f"{cpu_model()}, {len(os.sched_getaffinity(0))} cores",
        "load before": f"{os.getloadavg()[0]:.2f} processes in the last minute",
        "versions": ", ".join([version.strip(), *runtimes]),
        "command": shlex.join(["benches/peers/run", *sys.argv[1:]]),
        "measured": settings,
    }
