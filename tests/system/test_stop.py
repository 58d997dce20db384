"""The end of a service: at once when nobody is owed an answer, whoever is connected."""
import http.client
import socket
import ssl
import time

import pytest

from service import PASSWORD, Person, Service, first_owner

STOP_S = 1  # the promise; most of it is the half second that half a request has to become a whole one


@pytest.fixture
def service(ops):
    ops.init()
    link = first_owner(ops)
    running = Service(ops)
    running.link = link
    yield running
    if running.process.poll() is None:
        running.stop()


def dial(service):
    tls = ssl.create_default_context(cafile=service.ca)
    return tls.wrap_socket(socket.create_connection(("127.0.0.1", service.port), 10), server_hostname="localhost")


def send(service, text):
    connection = dial(service)
    connection.sendall(text.replace("\n", "\r\n").encode())
    return connection


def keep_alive(service):
    connection = http.client.HTTPConnection("127.0.0.1", service.port)
    connection.sock = dial(service)
    connection.request("GET", "/signin", headers={"Host": f"localhost:{service.port}"})
    assert connection.getresponse().read()
    return connection


def web_socket(service, person):
    cookies = "; ".join(f"{one.name}={one.value}" for one in person.http.cookies)
    connection = send(service, f"GET /api/v1/stream HTTP/1.1\nHost: localhost:{service.port}\nOrigin: {service.url}\n"
                      f"Cookie: {cookies}\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n")
    assert b" 101 " in connection.recv(4096)
    return connection


def stop(service):
    begin = time.monotonic()
    assert service.stop() == 0
    return time.monotonic() - begin


def test_nobody_who_is_only_connected_holds_up_the_end(service):
    person = Person(service, "owner@example.org", PASSWORD).accept(service.link)
    stream = person.get("/stream?after=0", stream=True)
    assert next(stream.iter_content(1))
    local = service.ops.dial()
    held = [stream, local, web_socket(service, person), keep_alive(service), keep_alive(service),
            socket.create_connection(("127.0.0.1", service.port), 10),  # no byte of a handshake
            dial(service),  # no byte of a request
            send(service, "GET /signin HTTP/1.1\nHost: local"),
            send(service, "POST /api/v1/auth/sign-in HTTP/1.1\nHost: localhost\nContent-Type: application/json\n"
                 "Content-Length: 100\n\n{"),
            socket.create_connection(("127.0.0.1", service.probe_port), 10)]
    assert stop(service) < STOP_S
    for one in held:
        one.close()
