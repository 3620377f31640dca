"""Runs the events in the life of a pod, with a row for each.

Usage: main.py RESULTS WORK VERSION
"""

import traceback

import ends
import page
import starts
import volumes
from scene import WORK, row


def page_of_operations():
    fault, count = page.five_steps(WORK / "steps")
    row("the five steps of docs/operations.md print what the page says", fault, f"{count} commands")


for scene in (
    volumes.kubelet, starts.order_of_starting, starts.probes, volumes.config_map, volumes.certificate, ends.order_of_stopping,
    ends.killed, ends.out_of_memory, starts.issuer_down, volumes.state_volume, volumes.volumes, ends.node_socket, page_of_operations,
):  # fmt: skip
    try:
        scene()
    except Exception as error:  # a failed scene must not stop the others
        row(scene.__name__.replace("_", " "), f"{type(error).__name__}: {error}")
        traceback.print_exc()
