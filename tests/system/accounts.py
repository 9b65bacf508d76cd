"""What readers should have got, and where they went wrong."""
import itertools
import time

AROUND_S = 1.0
FAULTS_MAX = 3  # that are told about a reader
AROUND_MAX = 12  # lines about a fault


class Timeline:
    """What was done to the whole, and when."""

    def __init__(self):
        self.began = time.monotonic()
        self.events = []  # (from, to, what)

    def add(self, began, what):
        self.events.append((began, time.monotonic(), what))

    def around(self, first, last, diary):
        """Lines about the time from FIRST to LAST, and shortly before and after."""
        found = [(began, f"** {what}, until {ended - self.began:.2f} s")
                 for began, ended, what in self.events
                 if began < last + AROUND_S and ended > first - AROUND_S]
        found += [(when, what) for when, what in diary
                  if first - AROUND_S < when < last + AROUND_S]
        return [f"      {when - self.began:6.2f} s: {what}"
                for when, what in sorted(found)[:AROUND_MAX]]


def complaints(reader, expected, timeline):
    """Lines about all that is wrong with what READER got; none when all is well. EXPECTED
    maps publishers to the numbers that they have published for it."""
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
    """(what is wrong, from when, to when); SEEN are pairs of a number and when it came."""
    if [number for number, _ in seen] == numbers:
        return
    known = set(numbers)
    for (before, sooner), (number, when) in itertools.pairwise([(0, 0), *seen]):
        if number not in known:
            yield f"{number} was not published for it", when, when
        elif number == before:
            yield f"{number} twice", sooner, when
        elif number < before:
            yield f"{number} behind {before}", sooner, when
    times = dict(seen)
    for first, last, count, before, behind in missing(numbers, times):
        yield (f"missed {count}, {first} to {last}",
               times.get(before, 0), times.get(behind, time.monotonic()))


def missing(numbers, seen):
    """The runs of NUMBERS that are not SEEN: first, last, how many, the neighbours."""
    before = None
    for is_seen, run in itertools.groupby(numbers, seen.__contains__):
        run = list(run)
        if not is_seen:
            behind = next((number for number in numbers if number > run[-1]), None)
            yield run[0], run[-1], len(run), before, behind
        before = run[-1]
