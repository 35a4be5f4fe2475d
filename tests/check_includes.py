#!/usr/bin/python3
"""Checks that the rooms under src/ keep their order: who may include whom, who may include which library, and
that CMake's link lines say the same. `check_includes.py [TREE]`; findings are printed as file:line: sentence.
tests/includes.sh shows with a tree full of violations that each rule can fail."""

import pathlib
import re
import sys

# The table of rooms (README.md has the picture): what each may use, besides itself and what these may use. A folder in
# a room is a part of it, unless it has a line of its own here: then it is a room too.
ROOMS = {
    "base": [],
    "asn1": ["base"],
    "x509": ["asn1"],
    "crypto": ["x509"],
    "cms": ["x509", "crypto"],
    "store": ["x509"],
    "lint": ["x509", "crypto"],
    "policy": ["x509", "crypto", "lint"],
    "challenge": ["x509", "crypto"],
    "directory": ["base"],
    "net": ["base"],
    "validate": ["x509", "crypto"],
    "identity": ["validate"],
    "ca/home": ["store", "crypto"],
    "ca/settings": ["ca/home", "store", "policy"],
    "ca/keys": ["ca/settings", "store", "policy", "crypto"],
    "ca/audit": ["ca/keys", "store", "crypto"],
    "ca/backup": ["ca/audit", "store", "crypto"],
    "ca": ["ca/backup", "store", "policy", "challenge", "crypto", "cms", "directory"],
    "ca/setup": ["ca", "cms"],
    "revocation": ["ca/setup", "store"],
    "enroll": ["ca", "cms", "identity", "net"],
    "relying": ["validate", "net", "directory"],
    "relying/gateway": ["relying"],
    "relying/sync": ["validate", "net"],
    "agent": ["cms", "crypto", "net", "directory", "validate"],
    "diagnose": ["revocation", "net", "relying", "agent", "enroll"],
    "api": ["ca", "revocation", "identity", "net", "diagnose"],
    "api/client": ["api"],
    "console": ["api"],
    "daemon": ["api", "api/client", "diagnose", "relying/gateway", "relying/sync"],
    "cli": ["api", "api/client", "daemon", "console", "diagnose", "enroll", "relying", "relying/gateway", "relying/sync", "agent",
            "revocation", "cms"],
    "app": ["cli"],
}

# Folders that implement an interface of their room. Only the composition root and tests may name them.
IMPLEMENTATIONS = {
    "crypto/openssl", "crypto/pkcs11", "crypto/remote", "store/sqlite", "store/postgres", "store/memory",
    "directory/ldap", "directory/memory", "identity/kerberos", "identity/basic",
    "identity/client_certificate",
}

# Libraries: pattern of the header, the folders (or file stems) that may include it.
LIBRARIES = [
    (r"fmt/", ["*"]),
    (r"openssl/", ["crypto/openssl/", "net/"]),
    (r"sqlite3\.h$", ["store/sqlite/"]),
    (r"libpq-fe\.h$", ["store/postgres/"]),
    (r"(p11-kit/)?pkcs11\.h$", ["crypto/pkcs11/"]),
    (r"ldap\.h$|lber\.h$", ["directory/ldap/"]),
    (r"gssapi/|krb5", ["identity/kerberos/"]),
    (r"boost/json", ["base/json."]),
    (r"boost/", ["net/"]),
    (r"sys/socket\.h$", ["net/", "crypto/remote/"]),
    (r"seccomp\.h$", ["crypto/remote/"]),
    (r"curl/", ["net/"]),
    (r"utf8proc\.h$", ["x509/string_preparation."]),
    (r"toml\+\+/", ["base/toml."]),
    (r"(gtest|gmock)/", ["TEST"]),
    (r"benchmark/", ["BENCH"]),
]
# Headers of the C++ library have no suffix; these are C's and POSIX's.
SYSTEM = re.compile(
    r"^[a-z_]+$|^(arpa/inet|netinet/in|netinet/tcp)\.h$|^(sys|linux)/[a-z_]+\.h$|^(unistd|fcntl|malloc|fnmatch|errno|signal|string|stdlib|stdio|stdint|poll|dirent|"
    r"dlfcn|pthread|sched|termios|time|pwd|grp|netdb|limits|getopt|spawn)\.h$")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
COROUTINE = re.compile(r"\bco_(await|yield|return)\b")
# Paths of somebody's machine. Written in pieces, so that this file does not contain them.
MACHINE_PATH = re.compile("(?<![A-Za-z0-9_.~$}/-])/(" + "|".join(
    ("wor" + "k", "far" + "m", "roo" + "t", "hom" + "e/[a-z]+", "tm" + "p/bash_jobs")) + ")/")
TEST_FILE = re.compile(r"^test_[a-z_]+\.hpp$|_(test|fuzz|bench)\.cpp$")


def closure(room: str) -> set:
    seen, todo = {room}, [room]
    while todo:
        for below in ROOMS[todo.pop()]:
            if below not in seen:
                seen.add(below)
                todo.append(below)
    return seen


def room_of(path: str) -> str:
    """The room that a folder or header is in: the longest line of the table that it lies under, else its first folder."""
    parts = path.split("/")
    return next((room for n in range(len(parts), 0, -1) if (room := "/".join(parts[:n])) in ROOMS), parts[0])


ALLOWED = {room: closure(room) for room in ROOMS}
ALLOWED["app"] = set(ROOMS)
# Tests that may use a room may use all rooms in the same folder: who tests with a CA sets one up.
ALLOWED_TO_TESTS = {room: set().union(*(ALLOWED[other] for other in ROOMS for below in ALLOWED[room]
                                        if other.split("/")[0] == below.split("/")[0])) for room in ROOMS}
TARGETS = {room.replace("/", "_"): room for room in ROOMS}


def without_comments(text: str) -> str:
    """Comments and string literals blanked, line numbers kept."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


class Check:
    def __init__(self, tree: pathlib.Path):
        self.tree = tree
        self.src = tree / "src"
        self.findings = []
        self.files = 0

    def finding(self, path: pathlib.Path, line: int, sentence: str) -> None:
        self.findings.append(f"{path.relative_to(self.tree)}:{line}: {sentence}")

    def own_header(self, path, line, folder, header) -> None:
        room, target = room_of(folder), room_of(header)
        allowed = (ALLOWED_TO_TESTS if TEST_FILE.search(path.name) else ALLOWED)[room]
        if ".." in header.split("/") or "/" not in header:
            self.finding(path, line, f'"{header}": name a header by its path from src/')
        elif target not in ROOMS:
            self.finding(path, line, f'"{header}": there is no room {target}')
        elif not (self.src / header).is_file():
            self.finding(path, line, f'"{header}": there is no such file under src/')
        elif target not in allowed:
            self.finding(path, line, f'"{header}": {room} must not use {target}')
        else:
            hidden = next((i for i in IMPLEMENTATIONS if header.startswith(i + "/")), None)
            if hidden and not (folder + "/").startswith(hidden + "/") and room != "app" and not TEST_FILE.search(path.name):
                self.finding(path, line, f'"{header}": only app and tests name an implementation; use the interface in {target}')

    def library_header(self, path, line, folder, header) -> None:
        for pattern, places in LIBRARIES:
            if not re.match(pattern, header):
                continue
            where = f"{folder}/{path.name}"
            for place in places:
                if place == "*" or where.startswith(place):
                    return
                if place == "TEST" and TEST_FILE.search(path.name):
                    return
                if place == "BENCH" and path.name.endswith("_bench.cpp"):
                    return
            self.finding(path, line, f"<{header}> belongs into {', '.join(places)} only")
            return
        if not SYSTEM.match(header):
            self.finding(path, line, f"<{header}>: no library of this project (tests/check_includes.py lists them)")

    def source(self, path: pathlib.Path) -> None:
        folder = path.parent.relative_to(self.src).as_posix()
        room = room_of(folder)
        if room not in ROOMS:
            self.finding(path, 1, f"there is no room {room}")
            return
        text = path.read_text()
        if path.suffix == ".hpp" and not re.search(r"^#pragma once$", text, re.M):
            self.finding(path, 1, "a header begins with #pragma once")
        for number, line in enumerate(text.splitlines(), 1):
            found = INCLUDE.match(line)
            if found and found[1] == '"':
                self.own_header(path, number, folder, found[2])
            elif found:
                self.library_header(path, number, folder, found[2])
        self.coroutines(path, text)

    def coroutines(self, path, text) -> None:
        for number, line in enumerate(without_comments(text).splitlines(), 1):
            if COROUTINE.search(line):
                self.finding(path, number, "no coroutines (docs/decisions/0001-no-coroutines-on-gcc-12.md)")

    def link_lines(self, path: pathlib.Path) -> None:
        room = room_of(path.parent.relative_to(self.src).as_posix())
        if room not in ROOMS:
            return
        allowed = ALLOWED[room]
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for keyword, target in re.findall(r"\b([A-Z_]{5,})\b|\bvouch(?:::|_)([a-z0-9_]+)", line.split("#")[0]):
                if keyword:
                    allowed = (ALLOWED_TO_TESTS if keyword == "TEST_DEPENDS" else ALLOWED)[room]
                elif target in TARGETS and TARGETS[target] not in allowed:
                    self.finding(path, number, f"{room} must not link {TARGETS[target]}")

    def machine_paths(self) -> None:
        skipped = {"build", ".git", "__pycache__"}
        for path in sorted(self.tree.rglob("*")):
            parts = path.relative_to(self.tree).parts
            if skipped & set(parts) or not path.is_file() or path.is_symlink():
                continue
            try:
                text = path.read_text()
            except UnicodeDecodeError:
                continue
            for number, line in enumerate(text.splitlines(), 1):
                found = MACHINE_PATH.search(line)
                if found:
                    self.finding(path, number, f"'{found[0]}' is a path of one machine")

    def run(self) -> int:
        for path in sorted(self.src.rglob("*")):
            if path.suffix in (".cpp", ".hpp", ".def", ".inc"):
                self.files += 1
                self.source(path)
            elif path.name == "CMakeLists.txt":
                self.link_lines(path)
        for path in sorted((self.tree / "tests").rglob("*.cpp")):
            self.coroutines(path, path.read_text())
        self.machine_paths()
        for sentence in self.findings:
            print(sentence)
        if self.files == 0:
            print(f"{self.src}: no sources here")
            return 1
        print(f"{self.files} files, {len(self.findings)} findings")
        return 1 if self.findings else 0


if __name__ == "__main__":
    here = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
    sys.exit(Check(here).run())
