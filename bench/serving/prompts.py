"""Prompts of plain words, every one different from its first word on, so that no server knows any of them already."""

import random

WORDS = """time year people way day man thing woman life child world school state family student group country problem
hand part place case week company system program question work number night point home water room mother area money
story fact month lot right study book eye job word business issue side kind head house service friend father power hour
game line end member law car city""".split()


def words(source, count):
    return " ".join(source.choice(WORDS) for _ in range(count))


class Prompts:
    """The same for the same seed, so that all servers get the same; `prefix` words that all of them begin with are the
    same for every seed."""

    def __init__(self, seed, prefix=0):
        self._source = random.Random(seed)
        self._prefix = words(random.Random("prefix"), prefix) + "\n" if prefix else ""

    def next(self, count):
        return self._prefix + words(self._source, count)
