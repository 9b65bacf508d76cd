"""What a request costs, where there are few of something and where there are many."""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "fcgi")]  # fcgi.py

# The counts of one and the same thing differ by some per cent, with what happens to be done
# in one turn of a loop. A walk over thousands of something costs more than this.
ALIKE = 1.3


@pytest.fixture
def alike(capsys):
    """Sees that the many cost no more than the few, process by process, and says so."""
    def check(what, few, many):
        for process in few:
            line = f"{what}, {process}: {few[process]} instructions, {many[process]} with many"
            with capsys.disabled():
                print("\n" + line, end="")
            assert many[process] <= ALIKE * few[process], line

    return check
