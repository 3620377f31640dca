"""Starts, awaits, measures and stops processes: none outlives this one."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import threading
import time

LIBC = ctypes.CDLL(None)


class Failure(Exception):
    """The failure of a process, in one line."""


def cpu_seconds(process):
    """What all threads of a process have used, those that have ended too. To the nanosecond:
    /proc/PID/stat counts in hundredths of a second."""
    clock = ctypes.c_int()
    if LIBC.clock_getcpuclockid(process.pid, ctypes.byref(clock)) != 0:
        raise Failure(f"{process.args[0]} has ended")
    return time.clock_gettime(clock.value)


def last_line(log):
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "it said nothing"


def has_ended(process):
    """Without taking its exit status: until that is taken its id, and its group's, is nobody else's."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


def becomes_true(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


class Processes:
    def __init__(self):
        self.running = []

    def start(self, command, log, stdout=None):
        """Each process is the head of a group, so that what it starts is stopped with it."""
        with open(log, "wb") as file:
            process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=stdout or file,
                stderr=file,
                start_new_session=True,
            )
        self.running.append(process)
        return process

    def stop(self, process):
        """Takes its exit status, too."""
        # There is nothing to kill if a signal came after that, here, and this is done again.
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.killpg(process.pid, signal.SIGTERM)
            becomes_true(lambda: has_ended(process), 10)
            # The remaining processes of the group.
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.running.remove(process)

    def close(self):
        for process in list(self.running):
            self.stop(process)

    def serve(self, command, log, ready):
        """Starts a server, and returns once it accepts calls."""
        process = self.start(command, log)
        if not becomes_true(lambda: has_ended(process) or ready(), 30) or has_ended(process):
            raise Failure(f"{process.args[0]} is not ready: {last_line(log)}")
        return process

    def run(self, command, log, limit, work=lambda output: output.read().decode()):
        """Runs a program to its end, for at most `limit` seconds, and returns what `work` made of its
        output meanwhile."""
        process = self.start(command, log, stdout=subprocess.PIPE)
        timer = threading.Timer(limit, os.killpg, (process.pid, signal.SIGKILL))
        timer.start()
        try:
            result = work(process.stdout)
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        finally:
            timer.cancel()
            timer.join()
            self.stop(process)
            process.stdout.close()
        if process.returncode != 0:
            why = f"not done in {limit:.0f} s" if process.returncode == -signal.SIGKILL else last_line(log)
            raise Failure(why)
        return result

    def measure(self, command, servers, seconds, log):
        """Runs a program that prints `begin`, works for `seconds` and prints a line of JSON. Returns
        that, and under `servers` what each of them used in between."""

        def watch(output):
            begun = output.readline()
            before = [cpu_seconds(server) for server in servers]
            line = output.readline()
            spent = [cpu_seconds(server) - begin for server, begin in zip(servers, before)]
            return begun, line, spent

        # Until `begin` a virtual machine may have to start and warm up.
        begun, line, spent = self.run(command, log, 2 * seconds + 60, watch)
        if begun != b"begin\n":
            raise Failure("its first line is not `begin`")
        try:
            return {**json.loads(line), "servers": spent}
        except ValueError:
            raise Failure(f"its last line is no JSON: {line.decode(errors='replace').strip()[:60]}") from None
