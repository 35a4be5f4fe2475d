#!/bin/bash
# The order of the rooms: the tree keeps it, and the check finds every kind of violation in a tree made of them.
. "$(dirname "$0")/lib/script.sh"
check_includes=$ROOT/tests/check_includes.py

check "the tree keeps the order of its rooms" python3 "$check_includes" "$ROOT"

# plant NAME FILE CONTENT PATTERN: a small clean tree with one violation in it.
plant() {
  local name=$1 file=$2 content=$3 pattern=$4 tree=$W/tree
  rm -rf "$tree"
  mkdir -p "$tree"/src/{base,asn1,x509,crypto/openssl,store/sqlite,policy,ca,app} "$tree/tests" "$tree/$(dirname "$file")"
  printf '#pragma once\n#include <string>\n' >"$tree/src/base/bytes.hpp"
  printf '#pragma once\n#include "base/bytes.hpp"\n' >"$tree/src/ca/authority.hpp"
  printf '#pragma once\n' >"$tree/src/store/sqlite/sqlite.hpp"
  printf '#include "store/sqlite/sqlite.hpp"\n' >"$tree/src/app/vouch.cpp"
  if ! python3 "$check_includes" "$tree" >"$W/clean" 2>&1; then no "$name: the clean tree is refused" "$W/clean"; return; fi
  printf '%s\n' "$content" >"$tree/$file"
  expect "finds: $name" 1 "^$file:[0-9]+: .*$pattern" python3 "$check_includes" "$tree"
}
plant "a room that uses one above it" src/asn1/reader.cpp '#include "ca/authority.hpp"' 'asn1 must not use ca'
plant "a room that uses one beside it" src/policy/decide.cpp '#include "store/sqlite/sqlite.hpp"' 'policy must not use store'
plant "a room that uses one above it in the same folder" src/ca/home/home.cpp '#include "ca/authority.hpp"' 'ca/home must not use ca'
plant "an implementation named outside app" src/ca/open.cpp '#include "store/sqlite/sqlite.hpp"' 'only app and tests'
plant "OpenSSL outside its folder" src/x509/name.cpp '#include <openssl/x509.h>' 'belongs into crypto/openssl'
plant "sqlite3.h outside its folder" src/store/rows.cpp '#include <sqlite3.h>' 'belongs into store/sqlite'
plant "Boost.JSON outside its file" src/base/value.cpp '#include <boost/json.hpp>' 'belongs into base/json'
plant "toml++ outside its file" src/policy/template.cpp '#include <toml++/toml.h>' 'belongs into base/toml'
plant "GoogleTest outside tests" src/base/bytes.cpp '#include <gtest/gtest.h>' 'belongs into TEST'
plant "a library that nobody chose" src/base/log.cpp '#include <spdlog/spdlog.h>' 'no library of this project'
plant "a relative include" src/base/hex.cpp '#include "bytes.hpp"' 'its path from src/'
plant "a missing header" src/base/hex.cpp '#include "base/gone.hpp"' 'no such file'
plant "an unknown room" src/attic/old.cpp '#include <string>' 'no room attic'
plant "a header without pragma once" src/base/hex.hpp '#include <string>' 'pragma once'
plant "a coroutine" src/ca/wait.cpp 'int f() { return co_await g(); }' 'no coroutines'
plant "a coroutine in tests" tests/load.cpp 'int f() { co_return 1; }' 'no coroutines'
plant "a link line upwards" src/asn1/CMakeLists.txt 'vouch_module(asn1 DEPENDS vouch::ca)' 'asn1 must not link ca'
plant "a link line upwards in the same folder" src/ca/home/CMakeLists.txt 'vouch_module(ca_home TEST_DEPENDS vouch::ca DEPENDS vouch::ca_setup)' \
  'ca/home must not link ca/setup'
plant "a test that links a room above" src/asn1/CMakeLists.txt 'vouch_module(asn1 TEST_DEPENDS vouch::ca_home)' 'asn1 must not link ca/home'
# the path in two pieces, so that this file has none
plant "a path of one machine" docs/notes.md "see /wor""k/main" 'path of one machine'

# What only looks like a violation.
rm -rf "$W/tree" && mkdir -p "$W/tree/src/base"
mkdir -p "$W/tree/src/ca/home" && printf '#pragma once\n' >"$W/tree/src/ca/test_fixture.hpp"
printf '#include "ca/test_fixture.hpp"\n' >"$W/tree/src/ca/home/home_test.cpp"
printf 'vouch_module(ca_home\n  TEST_DEPENDS vouch::ca_setup)\n' >"$W/tree/src/ca/home/CMakeLists.txt"
printf '// no co_await here\nconst char* text = "co_await";\n#include <sys/stat.h>\n#include <vector>\n' >"$W/tree/src/base/a.cpp"
check "leaves comments, strings and system headers alone, and the tests of a folder to use all of it" python3 "$check_includes" "$W/tree"
expect "refuses a tree without sources" 1 "no sources" python3 "$check_includes" "$W"
summary
