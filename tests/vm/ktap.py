#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Read KTAP from stdin, show results as they come, count test cases.

usage: ktap.py PREFIX COUNTS-FILE

Each result line is printed behind PREFIX; of a failed one, also the
diagnostics in front of it. At the end COUNTS-FILE gets the three numbers
"passed failed skipped". What is counted are leaves: a result whose subtests
were listed (deeper indented, before it, as KTAP has it) is their sum, not a
test of its own, unless it failed with none of them failing.

A plan that is not kept, and "Bail out!", are failures.
"""

import re
import sys

RESULT = re.compile(r"^( *)(not ok|ok)\b *(\d+)?(?: *-)? *(.*?)\s*$")
PLAN = re.compile(r"^( *)1\.\.(\d+)\b(.*)$")
SKIP = re.compile(r"#\s*skip\b", re.IGNORECASE)


class Level:
    """The results seen so far on one depth of indentation."""

    def __init__(self, depth):
        self.depth = depth
        self.plan = None
        self.seen = 0
        self.failed = 0


class Counter:
    def __init__(self, prefix):
        self.prefix = prefix
        self.passed = self.failed = self.skipped = 0
        self.levels = []
        self.notes = []

    def show(self, line):
        print(f"{self.prefix}{line}", flush=True)

    def fail(self, text):
        self.failed += 1
        self.show(f"not ok - {text}")

    def close_level(self):
        """The end of a list of tests: was it complete?"""
        level = self.levels.pop()
        if level.plan is not None and level.seen < level.plan:
            self.fail(f"{level.plan} tests planned, {level.seen} seen")
            level.failed += 1
        return level

    def enter(self, depth):
        """Close all deeper levels; return the last one closed, if any."""
        child = None
        while self.levels and self.levels[-1].depth > depth:
            child = self.close_level()
        if not self.levels or self.levels[-1].depth < depth:
            self.levels.append(Level(depth))
        return child

    def result(self, match):
        depth, verdict = len(match[1]), match[2]
        child = self.enter(depth)
        level = self.levels[-1]
        level.seen += 1
        has_children = child is not None and child.seen > 0

        if SKIP.search(match[4]):
            self.skipped += not has_children
        elif verdict == "ok":
            self.passed += not has_children
        else:
            level.failed += 1
            if not has_children or not child.failed:
                self.failed += 1
            for note in self.notes[-60:]:
                self.show(note)
        self.notes = []
        self.show(match[0].rstrip())

    def line(self, line):
        match = RESULT.match(line)
        if match:
            self.result(match)
            return
        match = PLAN.match(line)
        if match:
            depth = len(match[1])
            child = self.enter(depth)
            level = self.levels[-1]
            # A second plan on the same depth begins another list (several
            # KTAP outputs one after the other); behind its results, it is
            # the plan of the list that ends here, as TAP allows.
            if level.plan is not None or (child is None and level.seen == 0):
                if level.plan is not None:
                    self.close_level()
                    self.levels.append(Level(depth))
                self.levels[-1].plan = int(match[2])
            else:
                level.plan = int(match[2])
            if int(match[2]) == 0 and SKIP.search(match[3]):
                self.skipped += 1
            return
        if line.lstrip().startswith("Bail out!"):
            self.fail(line.strip())
            return
        self.notes.append(line)
        del self.notes[:-200]

    def finish(self):
        while self.levels:
            self.close_level()


def main():
    counter = Counter(sys.argv[1])
    for raw in sys.stdin.buffer:
        counter.line(raw.decode("utf-8", "replace").rstrip("\r\n"))
    counter.finish()
    with open(sys.argv[2], "w", encoding="ascii") as out:
        print(counter.passed, counter.failed, counter.skipped, file=out)


if __name__ == "__main__":
    main()
