"""The instructions that a request costs, with few and with many of something."""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "fcgi")]  # fcgi.py

# Counts of the same work differ by some per cent, as events are grouped differently by the
# event loops. A scan over thousands of entries costs more than this.
TOLERANCE = 1.3


@pytest.fixture
def compare(capsys):
    """Asserts that MANY cost no more than FEW in each process, and prints the counts."""
    def check(what, few, many):
        for process in few:
            line = f"{what}, {process}: {few[process]} instructions, {many[process]} with many"
            with capsys.disabled():
                print("\n" + line, end="")
            assert many[process] <= TOLERANCE * few[process], line

    return check
