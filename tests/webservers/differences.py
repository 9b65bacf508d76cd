"""Documented differences between web servers: the expected response of each.

A test asks expected(server, topic, what all others do). Nothing is skipped: a server that
stops to differ fails its test, and its entry is removed."""

HAPROXY = {
    # It has to know the length before it sends anything, so a body in chunks has to fit
    # into its buffer (tune.bufsize).
    "300 KB in chunks": "refused",
    # It sends no QUERY_STRING where there is no query. To a handler that is an empty one.
    "no query": None,
    # It routes by the path as it came.
    "/report//a//b": "//a//b",
    "/report/a/./b/../c": "/a/./b/../c",
}

# Connections that all clients share it does not close for the sake of one.
HAPROXY_SHARED = HAPROXY | {"the client hung up": "run"}

DIFFERENCES = {
    "nginx": {
        # Of a response with a file it keeps the fields that it knows.
        "a field beside a file": None,
    },
    "apache": {
        # It looks at nothing but the bridge while it waits for the answer.
        "the client hung up": "run",
        # It reads the fields of a response into 8 KB each.
        "a response field of 60 KB": 500,
    },
    "lighttpd": {
        # It takes the end of what a client sends for half a close, and goes on.
        "the client hung up": "run",
        "connection to the bridge": "one for each request",
        # Escapes of letters are undone, and those of bytes that are no UTF-8 refused.
        "?a=%41%20%2F%C3%A9+b&&c=?": "a=A%20%2F%C3%A9+b&&c=?",
        "?a=%FF": 400,
        "/report/%FF": 400,
    },
    "caddy": {
        # It does not cut off a response that it has begun.
        "the client hung up": "run",
        "a response that breaks off": "short",
        "connection to the bridge": "one for each request",
    },
    "haproxy": HAPROXY,
    "haproxy-keepalive": HAPROXY_SHARED,
    "haproxy-mpxs": HAPROXY_SHARED,
}


def expected(server, topic, others):
    return DIFFERENCES.get(server.variant, {}).get(topic, others)
