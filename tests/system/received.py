"""Compares what readers have received with what they should have received."""
import itertools
import time

AROUND_S = 1.0
FAULTS_MAX = 3  # reported for each reader
AROUND_MAX = 12  # lines for each fault


class Timeline:
    """The disturbances of a run, with their times."""

    def __init__(self):
        self.began = time.monotonic()
        self.events = []  # (from, to, what)

    def add(self, began, what):
        self.events.append((began, time.monotonic(), what))

    def around(self, first, last, diary):
        """Lines on what happened from FIRST to LAST and shortly before and after."""
        found = [(began, f"** {what}, until {ended - self.began:.2f} s")
                 for began, ended, what in self.events
                 if began < last + AROUND_S and ended > first - AROUND_S]
        found += [(when, what) for when, what in diary
                  if first - AROUND_S < when < last + AROUND_S]
        return [f"      {when - self.began:6.2f} s: {what}"
                for when, what in sorted(found)[:AROUND_MAX]]


def complaints(reader, expected, timeline):
    """Lines on each difference between what READER has received and EXPECTED, which maps
    publishers to the numbers they have published for it. Empty when there is none."""
    wrong = [(what, when, when) for when, what in reader.complaints]
    for publisher in sorted(expected.keys() | reader.seen.keys()):
        wrong += [(f"{publisher}: {what}", *times) for what, *times in
                  faults(reader.seen.get(publisher, []), expected.get(publisher, []))]
    lines = [f"{reader}: {len(wrong)} faults"] if wrong else []
    for what, first, last in wrong[:FAULTS_MAX]:
        lines += [f"  {first - timeline.began:6.2f} to {last - timeline.began:.2f} s: {what}",
                  *timeline.around(first, last, reader.diary)]
    return lines


def faults(seen, numbers):
    """(description, begin, end) of each fault; SEEN has pairs of a number and its arrival time."""
    if [number for number, _ in seen] == numbers:
        return
    known = set(numbers)
    for (before, sooner), (number, when) in itertools.pairwise([(0, 0), *seen]):
        if number not in known:
            yield f"{number} was not published for it", when, when
        elif number == before:
            yield f"{number} received twice", sooner, when
        elif number < before:
            yield f"{number} behind {before}", sooner, when
    times = dict(seen)
    for first, last, count, before, behind in missing(numbers, times):
        yield (f"missed {count}, {first} to {last}",
               times.get(before, 0), times.get(behind, time.monotonic()))


def missing(numbers, seen):
    """The runs of NUMBERS that are not in SEEN: first, last, count, the neighbours."""
    before = None
    for is_seen, run in itertools.groupby(numbers, seen.__contains__):
        run = list(run)
        if not is_seen:
            behind = next((number for number in numbers if number > run[-1]), None)
            yield run[0], run[-1], len(run), before, behind
        before = run[-1]
