"""crew-calls: calls of a task from C through libcrew (crew_calls.c), answered by app-worker
with an app that echoes (echo_app.c)."""
from chains.calls import Calls
from programs import LIBCREW, compile_program
from support.worker import Worker

TASK = "echo"


class CrewCalls(Calls):
    name = "crew-calls"

    def __init__(self, house):
        super().__init__(house)
        self.program = compile_program("crew_calls", ["crew_calls.c", "samples.c"], LIBCREW)
        app = compile_program("echo_app.so", ["echo_app.c"], ["-fPIC", "-shared", *LIBCREW])
        self.worker = house.start(Worker(house.folder, house.broker, "--processes",
                                         str(house.wanted.processes), "--prefetch",
                                         str(house.wanted.prefetch), app=app))
        house.broker.wait_consumers(TASK, 1)

    def command(self, scenario, seconds):
        return [self.program, self.house.broker.url, TASK, scenario.way,
                str(scenario.under_way), str(scenario.body_bytes), str(seconds)]
