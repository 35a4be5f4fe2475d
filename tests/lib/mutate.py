#!/usr/bin/python3
"""usage: mutate.py IN OUT-FOLDER truncate|flip|both COUNT

Writes COUNT damaged copies of IN, always the same ones: truncated at places spread over the file (the empty
file included), or with one bit turned."""

import pathlib
import random
import sys


def main():
    source, out, kind, count = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    data = source.read_bytes()
    out.mkdir(parents=True, exist_ok=True)
    rng = random.Random(source.name)
    kinds = {"truncate": ["truncate"], "flip": ["flip"], "both": ["truncate", "flip"]}[kind]
    for number in range(count):
        which = kinds[number % len(kinds)]
        if which == "truncate":
            place = len(data) * (number // len(kinds)) // (count // len(kinds))
            changed = data[:place]
        else:
            place = rng.randrange(len(data))
            changed = bytearray(data)
            changed[place] ^= 1 << rng.randrange(8)
        (out / f"{which}-{place}{source.suffix}").write_bytes(bytes(changed))


main()
