"""The same routes as the probe's: /hello, /sleep?ms=N, /echo."""
import time

TEXT = "text/plain; charset=utf-8"


def hello(_):
    return TEXT, b"Hello, world\n"


def sleep(environ):
    ms = int(environ["QUERY_STRING"].partition("=")[2])
    time.sleep(ms / 1000)
    return TEXT, b"slept %d ms\n" % ms


def echo(environ):
    return environ["CONTENT_TYPE"], environ["wsgi.input"].read()


ROUTES = {"/hello": hello, "/sleep": sleep, "/echo": echo}


def application(environ, respond):
    content_type, body = ROUTES[environ["PATH_INFO"]](environ)
    respond("200 OK", [("Content-Type", content_type), ("Content-Length", str(len(body)))])
    return [body]
