#!/usr/bin/python3
"""make_corpus.py FOLDER - inputs from which the FastCGI parser's fuzzer begins.

The first byte of an input says how it is cut into pieces (fcgi_parser_fuzz.c)."""
import os
import sys

import fcgi

GET = fcgi.get("/hello", HTTP_HOST="localhost")
ASK_VALUES = fcgi.record(fcgi.GET_VALUES, 0, b"".join(
    fcgi.pair(name, "") for name in ("FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS")))

INPUTS = {
    "get": fcgi.request(GET),
    "post": fcgi.request(fcgi.post(b"x" * 300), b"x" * 300),
    "two": fcgi.request(GET) + fcgi.request(GET, keep=False),
    "last_id": fcgi.request(GET, request_id=65535),
    "bytewise": fcgi.request({"REQUEST_METHOD": "GET"}, b"body", piece=1, padding=7),
    "large": fcgi.request(GET | {"HTTP_X": "y" * 5000}, b"z" * 3000),
    "too_large": fcgi.request(GET, b"z" * 5000),
    "values": ASK_VALUES + fcgi.request(GET) + ASK_VALUES,
    "many_values": ASK_VALUES * 20,
    "same_value": fcgi.record(fcgi.GET_VALUES, 0, fcgi.pair("FCGI_MAX_CONNS", "") * 30),
    "unknown": fcgi.record(77, 0, b"what?") + fcgi.request(GET),
    "abort": fcgi.begin() + fcgi.record(fcgi.ABORT) + fcgi.request(GET),
    "abort_late": fcgi.request(GET) + fcgi.record(fcgi.ABORT),
    "mpx": fcgi.begin(1) + fcgi.request(GET, request_id=2) + fcgi.request(GET)[16:],
    "role": fcgi.begin(role=fcgi.AUTHORIZER) + fcgi.stream(fcgi.PARAMS, 1, b""),
    "huge_length": fcgi.begin() + fcgi.stream(fcgi.PARAMS, 1, b"\xff\xff\xff\xff" * 2),
    "nul": fcgi.request([("A\0B", "c")]) + fcgi.request([("A", "b\0c")]),
    "equals": fcgi.request([("A=B", "c")]) + fcgi.request([("", "c")]),
    "version": fcgi.record(fcgi.BEGIN, 1, bytes(8), version=2),
    "order": fcgi.begin() + fcgi.record(fcgi.STDIN, 1, b"early"),
}


def main(folder):
    os.makedirs(folder, exist_ok=True)
    for name, data in INPUTS.items():
        for cut in (0, 1, 200):
            with open(os.path.join(folder, f"{name}_{cut}"), "wb") as file:
                file.write(bytes([cut]) + data)


main(sys.argv[1])
