"""Waiting for a condition, with a time bound. Tests never sleep a fixed time instead."""
import time


def wait_until(condition, bound_s=10.0, every_s=0.02, what=None):
    """The first true value of CONDITION; an AssertionError when the bound is over."""
    end = time.monotonic() + bound_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {bound_s} s: {what or condition}")
        time.sleep(every_s)
