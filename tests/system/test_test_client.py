"""The test client (crew/test.h) gives handlers what nginx gives them."""
import os
import subprocess

import pytest

from support.program import BUILD

TESTED = os.path.join(BUILD, "tests", "test_client_request")
PROBE = os.path.join(BUILD, "examples", "probe.so")
# What is of this client, or not in the fastcgi_params of every nginx.
NOT_COMPARED = {"HTTP_ACCEPT_ENCODING", "REMOTE_USER"}
# What has other values elsewhere.
OTHER_VALUES = {"DOCUMENT_ROOT", "HTTP_HOST", "REMOTE_PORT", "SERVER_NAME", "SERVER_PORT",
                "SERVER_SOFTWARE"}


def parameters(body):
    found = dict(line.split("=", 1) for line in body.decode().splitlines())
    return {name: "" if name in OTHER_VALUES else value for name, value in found.items()
            if name not in NOT_COMPARED}


def through_client(*words):
    return subprocess.run([TESTED, PROBE, "/p", *words], capture_output=True, check=True,
                          timeout=60).stdout


@pytest.mark.parametrize("path", ["/env", "/env?", "/env?a=%20b&c=d+e", "/en%76?a=1"])
def test_get(nginx, path):
    wanted = parameters(nginx.get("/p" + path).body)
    assert parameters(through_client("GET", path)) == wanted


@pytest.mark.parametrize("body", [b"four", b""])
def test_post(nginx, body):
    with nginx.client() as client:
        wanted = parameters(client.post("/p/env?a=1", body,
                                        [("Content-Type", "text/x-a")]).body)
    assert parameters(through_client("POST", "/env?a=1", body.decode())) == wanted
