# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS before a server without: it shows a certificate, and hands everything through, byte for byte.

    front = TlsFront(9443, 8080, bad).start()    # certificate: (certificate, key) files
    front.show(good)                             # from now on; connections that live are ended
"""
import socket
import ssl
import threading


class TlsFront:
    def __init__(self, port, upstream_port, certificate, address="127.0.0.1"):
        self.address, self.port, self.upstream = address, port, (address, upstream_port)
        self.listener, self.connections, self.lock = None, set(), threading.Lock()
        self.context = self._context(certificate)

    @staticmethod
    def _context(certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        return context

    @property
    def url(self):
        return f"https://{self.address}:{self.port}"

    def show(self, certificate):
        self.context = self._context(certificate)
        self._cut()

    def start(self):
        self.listener = socket.create_server((self.address, self.port))
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()
        return self

    def stop(self):
        if self.listener:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None
        self._cut()

    def _cut(self):
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self, listener):
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain):
        """plain is let go by the TLS connection that is made of it."""
        try:
            with plain, self.context.wrap_socket(plain, server_side=True) as client, \
                    socket.create_connection(self.upstream, 5) as server:
                with self.lock:
                    self.connections |= {client, server}
                answers = threading.Thread(target=self._pump, args=(server, client), daemon=True)
                answers.start()
                self._pump(client, server)
                answers.join()
                with self.lock:
                    self.connections -= {client, server}
        except OSError:  # the other side did not like the certificate
            pass

    @staticmethod
    def _pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except (OSError, ValueError):
            pass
