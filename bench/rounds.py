"""The measurements of all scenarios, in interleaved rounds."""
import sys

from chains import CHAINS
from testbed import Testbed


def run_rounds(scenarios, wanted):
    """{scenario: [Load, one for each round]}"""
    used = {scenario.chain: scenario for scenario in scenarios}  # the last one of each
    with Testbed(wanted, scenarios) as testbed:
        testbed.open(CHAINS[name] for name in used)
        for scenario in scenarios:
            testbed.chains[scenario.chain].check(scenario)
        for name, scenario in used.items():
            testbed.chains[name].warm_up(scenario)
        results = {scenario: [] for scenario in scenarios}
        for number in range(wanted.rounds):
            print(f"round {number + 1} of {wanted.rounds}", file=sys.stderr)
            for scenario in scenarios:
                results[scenario].append(
                    testbed.chains[scenario.chain].measure(scenario, wanted.seconds))
        return results
