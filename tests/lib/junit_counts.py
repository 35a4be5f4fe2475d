#!/usr/bin/python3
"""Prints "PASSED FAILED" for a JUnit report of ctest. A test that was skipped, disabled or not run has not
passed: it counts as failed and is named."""

import sys
import xml.etree.ElementTree as ElementTree


def main() -> int:
    passed = failed = 0
    for case in ElementTree.parse(sys.argv[1]).getroot().iter("testcase"):
        if case.get("status") == "run":
            passed += 1
        else:
            failed += 1
            print(f"{case.get('status')}: {case.get('name')}", file=sys.stderr)
    if passed + failed == 0:
        print("the report holds no test", file=sys.stderr)
        return 1
    print(passed, failed)
    return 0


sys.exit(main())
