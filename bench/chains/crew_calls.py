"""crew-calls: calls of a task from C through libcrew (crew_calls.c), answered by app-worker
with an app that echoes (echo_app.c)."""
from chains.calls import Calls
from programs import LIBCREW, compile_program
from support.worker import Worker

TASK = "echo"


class CrewCalls(Calls):
    name = "crew-calls"

    def __init__(self, testbed):
        super().__init__(testbed)
        self.program = compile_program("crew_calls", ["crew_calls.c", "samples.c"], LIBCREW)
        app = compile_program("echo_app.so", ["echo_app.c"], ["-fPIC", "-shared", *LIBCREW])
        self.worker = testbed.start(Worker(testbed.folder, testbed.broker, "--processes",
                                           str(testbed.wanted.processes), "--prefetch",
                                           str(testbed.wanted.prefetch), app=app))
        testbed.broker.wait_consumers(TASK, 1)

    def command(self, scenario, seconds):
        return [self.program, self.testbed.broker.url, TASK, scenario.way,
                str(scenario.under_way), str(scenario.body_bytes), str(seconds)]
