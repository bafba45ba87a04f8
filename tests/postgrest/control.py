"""The control port: one JSON line asks, one JSON line answers, and none of it counts as a request."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from .server import Server

Json = dict[str, Any]


class Control(socketserver.ThreadingTCPServer):
    """Listens on a loopback port of its own."""

    daemon_threads = True

    def __init__(self, server: Server) -> None:
        super().__init__(("127.0.0.1", 0), Command)
        self.controlled = server

    @property
    def port(self) -> int:
        """Return the port."""
        return int(self.server_address[1])

    def start(self) -> None:
        """Serve in a thread."""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def obey(self, command: str, values: Json) -> object:
        """Carry out one command."""
        server = self.controlled
        faults = server.faults
        commands: dict[str, Callable[..., object]] = {
            "requests": server.log.dump,
            "reset": server.log.entries.clear,
            "changes": server.log.changes.copy,
            "forget_changes": server.log.changes.clear,
            "misbehave": faults.add_all,
            "behave": faults.clear,
            "release": faults.release,
            "wait_held": faults.wait_held,
            "refuse": server.refuse,
            "accept": server.accept,
            "reconnect": server.reconnect,
            "reload": server.reload,
        }
        return commands[command](**values)


class Command(socketserver.StreamRequestHandler):
    """One command."""

    server: Control

    def handle(self) -> None:
        """Read a line, obey, answer."""
        command, values = json.loads(self.rfile.readline())
        try:
            answer: Json = {"value": self.server.obey(command, values)}
        except (ValueError, TypeError, KeyError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        self.wfile.write(json.dumps(answer).encode() + b"\n")


def ask(port: int, command: str, values: Json) -> Any:
    """Send one command and return its answer."""
    with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rwb") as stream:
        stream.write(json.dumps([command, values]).encode() + b"\n")
        stream.flush()
        answer = json.loads(stream.readline())
    if "error" in answer:
        raise ValueError(answer["error"])
    return answer["value"]
