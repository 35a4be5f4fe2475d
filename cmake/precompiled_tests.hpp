#pragma once
// The same for tests.

#include "precompiled.hpp"

#include <gmock/gmock.h>
