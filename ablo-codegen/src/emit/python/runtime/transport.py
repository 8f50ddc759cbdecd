"""HTTP with the standard library: sends a request once, within its time."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from socket import socket as Socket
from typing import Final, cast
from urllib.parse import urlsplit

from .errors import connection_error
from .flow import Reply, Request

_MAX_IDLE: Final = 15.0
_CHUNK: Final = 1 << 13


class Transport:
    """Connections to one coordinator, which are used again. Threads share it."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._idle: list[tuple[float, http.client.HTTPConnection]] = []
        self._closed = False

    def send(self, request: Request) -> Reply:
        """Sends a request. Every failure is a connection error."""
        until = time.monotonic() + request.timeout
        connection = self._take(request)
        try:
            reply, keeps = _exchange(connection, request, until)
        except TimeoutError:
            connection.close()
            raise connection_error("the request timed out") from None
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            connection.close()
            raise connection_error(str(error) or type(error).__name__) from error
        except BaseException:
            connection.close()
            raise
        self._give_back(connection, keeps)
        return reply

    def _take(self, request: Request) -> http.client.HTTPConnection:
        with self._lock:
            if self._closed:
                raise connection_error("the client is closed")
            while self._idle:
                since, connection = self._idle.pop()
                if time.monotonic() - since < _MAX_IDLE:
                    return connection
                connection.close()
        parts = urlsplit(request.url)
        try:
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise connection_error(f"the address {parts.netloc!r} is invalid") from None
        if parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=request.timeout)
        context = self._context or ssl.create_default_context()
        self._context = context
        return http.client.HTTPSConnection(host, port, timeout=request.timeout, context=context)

    def _give_back(self, connection: http.client.HTTPConnection, keeps: bool) -> None:
        with self._lock:
            if keeps and not self._closed:
                self._idle.append((time.monotonic(), connection))
                return
        connection.close()

    def close(self) -> None:
        """Closes all connections."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()


def _exchange(
    connection: http.client.HTTPConnection, request: Request, until: float
) -> tuple[Reply, bool]:
    if getattr(connection, "sock", None) is None:
        connection.connect()
    # The response may take the socket over before it was read.
    socket = cast("Socket", connection.sock)
    socket.settimeout(_left(until))
    parts = urlsplit(request.url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    connection.request(request.method, target, request.body, dict(request.headers))
    socket.settimeout(_left(until))
    response = connection.getresponse()
    chunks: list[bytes] = []
    while True:
        # The timeout of a socket is for each read; the request has one for all.
        socket.settimeout(_left(until))
        chunk = response.read(_CHUNK)
        if not chunk:
            break
        chunks.append(chunk)
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    headers = {name.lower(): value for name, value in response.getheaders()}
    keeps = not response.will_close
    response.close()
    text = b"".join(chunks).decode("utf-8", "replace")
    return Reply(response.status, headers, text), keeps


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
