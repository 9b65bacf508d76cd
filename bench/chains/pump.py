"""pump: calls over RabbitMQ with rabbitmq-c and nothing else (amqp_pump.c)."""
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

    def __init__(self, house):
        super().__init__(house)
        self.program = compile_program("amqp_pump", ["amqp_pump.c", "samples.c"],
                                       ["-lrabbitmq"])
        self.worker = house.start(PumpWorker(house.folder, self.program, house.broker))

    def command(self, scenario, seconds):
        return [self.program, "client", self.house.broker.url, QUEUE,
                str(scenario.under_way), str(scenario.body_bytes), str(seconds)]
