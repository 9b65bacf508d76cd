"""Two bridges behind one nginx, which balances requests between them; functions that stop,
kill and reload a bridge."""
import os
import signal

from support.nginx import PAGE, Nginx
from support.program import parent_of
from support.waiting import wait_until

LOCATION = """
        location ~ ^/{prefix}/(?<{prefix}>.+)$ {{
            include /etc/nginx/fastcgi_params;
            fastcgi_param CREW_SUBSCRIBE ${prefix};
            {parameters}
            fastcgi_pass bridges;
        }}
"""
PATTERN = "fastcgi_param CREW_SUBSCRIBE_PATTERN 1;"
SHORT = "fastcgi_param CREW_SUBSCRIBE_TIMEOUT 0.2;"


class BridgePair(Nginx):
    """/channel/NAME and /pattern/PATTERNS subscribe; /now/NAME returns at once."""

    def __init__(self, folder, bridges):
        super().__init__(folder, {})
        self.bridges = bridges

    def page(self):
        servers = "".join(f"server unix:{bridge.socket} max_fails=0; "
                          for bridge in self.bridges)
        return self.fill(
            PAGE, upstreams=f"upstream bridges {{ {servers} keepalive 64; }}",
            locations=LOCATION.format(prefix="channel", parameters="")
            + LOCATION.format(prefix="pattern", parameters=PATTERN)
            + LOCATION.format(prefix="now", parameters=SHORT))

    def drop_all(self):
        """Break all connections: kill the worker processes and wait for their replacements."""
        old = self.children()
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.children() and not set(old) & set(self.children()),
                   what="a new worker process of nginx")


def generations(bridge):
    """The process ids of a bridge and of its successors after SIGHUP."""
    return {pid for pid in map(int, filter(str.isdigit, os.listdir("/proc")))
            if parent_of(pid) and in_group(pid, bridge.pid)}


def in_group(pid, group):
    try:
        return os.getpgid(pid) == group
    except ProcessLookupError:
        return False


def stopped(bridge):
    return not generations(bridge) and not bridge.alive()


def stop(bridge):
    os.killpg(bridge.pid, signal.SIGTERM)
    wait_until(lambda: stopped(bridge), 20, what="the bridge stops")
    assert bridge.process.returncode == 0, bridge.log()


def restart(bridge):
    stop(bridge)
    bridge.start()


def kill(bridge):
    os.killpg(bridge.pid, signal.SIGKILL)
    wait_until(lambda: stopped(bridge), 20, what="the bridge is killed")
    bridge.start()


def reload(bridge):
    """Send SIGHUP and wait until the successor is the only process."""
    old = generations(bridge)
    os.killpg(bridge.pid, signal.SIGHUP)
    wait_until(lambda: bridge.alive() is not None and len(generations(bridge)) == 1
               and not old & generations(bridge), 20, what="the successor is the only process")
