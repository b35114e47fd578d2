# SPDX-License-Identifier: GPL-2.0-or-later
"""A network that misbehaves on demand, before a server of any protocol over TCP.

Modes: "pass"; "refuse" accepts no connection and ends those there are; "silent" accepts connections and says nothing;
"stall" takes nothing more from the client, of connections that are there too; a number: so many bytes a second; "break"
resets each connection after 30 kB of the client's; "close_idle" closes one on which the client says nothing for 2 s.
lead_to() another server; connections that are there stay, cut() ends them.
"""
import select
import socket
import struct
import threading
import time

BREAK_BYTES, IDLE_SECONDS = 30_000, 2.0

class StreamProxy:
    def __init__(self, port, upstream_port, address="127.0.0.1"):
        self.address, self.port, self.upstream = address, port, (address, upstream_port)
        self.mode = "pass"
        self.accepted = 0
        self.listener = None
        self.running = False
        self.pairs = []

    def start(self):
        self.running = True
        self._listen()
        return self

    def stop(self):
        self.running = False
        self._close_listener()
        self.cut()

    def _listen(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        listener.bind((self.address, self.port))
        listener.listen(16)
        self.listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _close_listener(self):
        if self.listener:
            self.listener.shutdown(socket.SHUT_RDWR)  # accept() returns
            self.listener.close()
            self.listener = None

    def set(self, mode):
        """Changes what it does, also to the connections that are there; "refuse" ends them."""
        self.mode = mode
        if mode == "refuse":
            self._close_listener()
            self.cut()
        elif not self.listener:
            self._listen()

    def lead_to(self, port):
        self.upstream = (self.address, port)

    def cut(self):
        """Ends what is connected, with a reset."""
        for pair in self.pairs:
            for end in pair:
                try:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    end.close()
                except OSError:
                    pass
        self.pairs = []

    def _accept(self, listener):
        while self.running:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.accepted += 1
            if self.mode == "silent":
                self.pairs.append((client,))
                continue
            try:
                server = socket.create_connection(self.upstream, 5)
            except OSError:
                client.close()
                continue
            self.pairs.append((client, server))
            threading.Thread(target=self._carry, args=(client, server), daemon=True).start()

    def _carry(self, client, server):
        carried, heard = 0, time.monotonic()
        try:
            while self.running:
                readable, _, _ = select.select([client, server], [], [], 0.1)
                if server in readable and not self._move(server, client, 65536):
                    break
                if self.mode == "close_idle" and time.monotonic() - heard > IDLE_SECONDS:
                    break
                if client not in readable:
                    continue
                heard = time.monotonic()
                if self.mode == "break":
                    moved = self._move(client, server, 1000)
                    carried += moved
                    if carried > BREAK_BYTES:
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    if not moved or carried > BREAK_BYTES:
                        break
                elif self.mode == "stall":
                    time.sleep(0.1)
                elif isinstance(self.mode, int):
                    if not self._move(client, server, max(1, self.mode // 20)):
                        break
                    time.sleep(0.05)
                elif not self._move(client, server, 65536):
                    break
        except (OSError, ValueError):
            pass
        for end in (client, server):
            end.close()

    @staticmethod
    def _move(source, target, count):
        data = source.recv(count)
        if data:
            target.sendall(data)
        return len(data)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
