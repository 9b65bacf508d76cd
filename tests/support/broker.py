"""RabbitMQ brokers, their virtual hosts and queues."""
import os
import subprocess
import uuid
from urllib.parse import quote

import pika

from support.program import ROOT
from support.waiting import wait_until

TOOL = os.path.join(ROOT, "tools", "private-broker")

# Options of a RabbitMQ 3.10 broker with all feature flags except stream queues.
WITHOUT_STREAMS = ("--feature-flags", "classic_mirrored_queue_version,"
                   "implicit_default_bindings,maintenance_mode_status,quorum_queue,"
                   "user_limits,virtual_host_metadata")


class Broker:
    """A private broker under a directory, and one virtual host of it."""

    def __init__(self, folder, url=None, vhost="/"):
        self.folder = folder
        self.base = url
        self.vhost = vhost

    @property
    def url(self):
        return self.base.rstrip("/") + "/" + quote(self.vhost, safe="")

    @property
    def port(self):
        return int(self.base.rstrip("/").rsplit(":", 1)[1])

    def tool(self, command, *arguments):
        done = subprocess.run([TOOL, command, self.folder, *arguments], check=False,
                              capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"private-broker {command}: {done.stderr}{done.stdout}"
        return done.stdout.strip()

    # ---- the whole node

    def start(self, *options):
        self.base = self.tool("start", "0", *options)
        return self

    def stop(self):
        self.tool("stop")

    def kill(self):
        self.tool("kill")

    def restart(self):
        self.tool("restart")

    def pause(self):
        self.tool("pause")

    def resume(self):
        self.tool("resume")

    def ctl(self, *arguments):
        return self.tool("ctl", *arguments)

    # ---- virtual hosts and queues

    def fresh_vhost(self):
        """A new virtual host of the same node. A broker that the tests did not start is used
        as it is."""
        if not self.folder:
            return self
        vhost = f"test-{uuid.uuid4().hex[:12]}"
        self.ctl("add_vhost", vhost)
        self.ctl("set_permissions", "-p", vhost, "guest", ".*", ".*", ".*")
        return self.in_vhost(vhost)

    def in_vhost(self, vhost):
        """The same node with an existing virtual host."""
        return Broker(self.folder, self.base, vhost)

    def delete_vhost(self):
        if self.folder:
            self.ctl("delete_vhost", self.vhost)

    def connect(self):
        return pika.BlockingConnection(pika.URLParameters(self.url + "?heartbeat=0"))

    def queue(self, name):
        """(messages ready, consumers) of a queue; None when there is none."""
        with self.connect() as connection:
            try:
                frame = connection.channel().queue_declare(name, passive=True)
                return frame.method.message_count, frame.method.consumer_count
            except pika.exceptions.ChannelClosedByBroker:
                return None

    def wait_consumers(self, task, count, bound_s=15.0):
        def reached():
            found = self.queue(f"crew.tasks.{task}")
            return (found[1] if found else 0) == count

        wait_until(reached, bound_s, 0.05, f"{count} consumers of {task}")

    def wait_ready_messages(self, task, count, bound_s=10.0):
        """COUNT messages of TASK wait for a worker."""
        def reached():
            found = self.queue(f"crew.tasks.{task}")
            return found and found[0] == count

        wait_until(reached, bound_s, 0.05, f"{count} messages of {task}")


class Several:
    """Several brokers or URLs, for --url in this order."""

    def __init__(self, *brokers):
        self.url = ",".join(getattr(one, "url", one) for one in brokers)
