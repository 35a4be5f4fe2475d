#pragma once
// A bench goes on only as long as everything works.

#include <cstdlib>
#include <iostream>

#include "base/result.hpp"

template <class T>
T must(vouch::Result<T> result) {
  if (result) return std::move(*result);
  std::cerr << result.error().report();
  std::exit(1);
}
inline void must(vouch::Status status) {
  if (status) return;
  std::cerr << status.error().report();
  std::exit(1);
}
