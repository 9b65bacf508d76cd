"""pump: calls over RabbitMQ with rabbitmq-c alone (amqp_pump.c)."""
from chains.calls import Calls
from programs import compile_program
from support.program import Program

QUEUE = "pump"


class PumpWorker(Program):
    name = "pump-worker"

    def __init__(self, folder, program, broker):
        super().__init__(folder)
        self.program = program
        self.broker = broker

    def command(self):
        return [self.program, "worker", self.broker.url, QUEUE]

    def wait_ready(self, bound_s=15.0):
        self.wait_log("ready", bound_s)


class Pump(Calls):
    name = "pump"

    def __init__(self, testbed):
        super().__init__(testbed)
        self.program = compile_program("amqp_pump", ["amqp_pump.c", "samples.c"],
                                       ["-lrabbitmq"])
        self.worker = testbed.start(PumpWorker(testbed.folder, self.program, testbed.broker))

    def command(self, scenario, seconds):
        return [self.program, "client", self.testbed.broker.url, QUEUE,
                str(scenario.under_way), str(scenario.body_bytes), str(seconds)]
