#!/usr/bin/python3
"""Which files of ours each source under src/ includes, itself or through others: "SOURCE FILE..." a line."""

import functools
import pathlib
import re

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


@functools.cache
def included_by(file):
    found = (pathlib.Path("src", name) for name in INCLUDE.findall(file.read_text()))
    return [path for path in found if path.exists()]


for source in sorted(pathlib.Path("src").rglob("*.cpp")):
    seen, waiting = set(), [source]
    while waiting:
        for file in included_by(waiting.pop()):
            if file not in seen:
                seen.add(file)
                waiting.append(file)
    print(source, *sorted(map(str, seen)))
