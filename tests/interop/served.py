#!/usr/bin/python3
"""served.py --url URL [--task NAME] [--plain NAME] [--together] ... - worker.py with the
handlers of the tests: routes behind one task, and a plain task that gives its body back."""
import argparse
import logging
import os
import signal
import socket
import time
from urllib.parse import parse_qs

from worker import Response, Worker


def hello(_request, _query):
    return Response(pairs=[(b"Content-Type", b"text/plain")], body=b"Hello from Python\n")


def echo(request, _query):
    kind = request.value("CONTENT_TYPE") or b"application/octet-stream"
    return Response(pairs=[(b"Content-Type", kind),
                           (b"X-Method", request.value("REQUEST_METHOD"))],
                    body=request.body)


def header(request, _query):
    """Status and header fields that show what may get lost: order, repetition, bytes."""
    return Response(418, [(b"Set-Cookie", b"a=1"), (b"X-Bytes", b"caf\xe9"),
                          (b"Set-Cookie", b"b=2"),
                          (b"X-Sent", request.value("HTTP_X_SENT") or b"")], b"short and stout")


def nap(_request, query):
    time.sleep(int(query["ms"]) / 1000)
    return Response(body=f"slept {query['ms']} ms\n".encode())


def append(_request, query):
    with open(query["file"], "a", encoding="ascii") as file:
        file.write(query["id"] + "\n")
    time.sleep(int(query["ms"]) / 1000)
    return Response(body=query["id"].encode() + b"\n")


def zeros(_request, query):
    return Response(body=b"0" * int(query["n"]))


def stream(_request, query):
    """n pieces of so many bytes; a line in the file when the stream is stopped."""
    def pieces():
        try:
            for number in range(int(query["n"])):
                time.sleep(int(query.get("ms", 0)) / 1000)
                yield (b"%d " % number).ljust(int(query["bytes"]), b".")
            if "fail" in query:
                raise RuntimeError("never shown to a client")
        except GeneratorExit:
            with open(query["file"], "a", encoding="ascii") as file:
                file.write("stopped\n")

    return Response(pairs=[(b"Content-Type", b"text/plain")], pieces=pieces())


def outcome(_request, query):
    return Response(error=query["word"])


def fail(_request, _query):
    raise RuntimeError("never shown to a client")


ROUTES = {"/hello": hello, "/echo": echo, "/header": header, "/sleep": nap,
          "/append": append, "/stream": stream, "/zeros": zeros, "/outcome": outcome, "/fail": fail}


def route(request):
    path = request.value("PATH_INFO") or request.value("SCRIPT_NAME") or b""
    query = parse_qs((request.value("QUERY_STRING") or b"").decode())
    handler = ROUTES.get(path.decode())
    if handler is None:
        return Response(404, body=b"no such route\n")
    return handler(request, {name: values[-1] for name, values in query.items()})


def give_back(request):
    """A plain task: body, content type and headers as they came."""
    return Response(200, request.pairs, request.body, request.content_type)


def say_ready():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--url", required=True)
    options.add_argument("--task", default="http")
    options.add_argument("--plain")
    options.add_argument("--threads", type=int, default=4)
    options.add_argument("--together", action="store_true")
    options.add_argument("--gzip-above", type=int, default=32768)
    options = options.parse_args()
    logging.basicConfig(level=logging.WARNING)
    handlers = {options.task: route}
    if options.plain:
        handlers[options.plain] = give_back
    worker = Worker(options.url, handlers, options.threads, options.together,
                    options.gzip_above)
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    say_ready()
    worker.run()


if __name__ == "__main__":
    main()
