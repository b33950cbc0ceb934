"""Ports of this machine that only this machine can reach. Nothing else belongs here."""

import socket

LOOPBACK = "127.0.0.1"


def free_loopback_port() -> int:
    """A TCP port that nothing listens on at this moment, chosen by the kernel."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind((LOOPBACK, 0))
        return int(listener.getsockname()[1])
