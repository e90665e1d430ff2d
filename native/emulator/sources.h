// The kernel sources that the emulator was built from, by hash. A program that the emulator shall
// compile must be one of them, byte for byte, with the same headers.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace emulator {

struct Source {
  const char* file;
  unsigned long long hash;
};

// FNV-1a of 64 bits.
inline unsigned long long hashOf(const char* text, size_t length) {
  unsigned long long hash = 0xcbf29ce484222325ull;
  for (size_t i = 0; i < length; i++) {
    hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3ull;
  }
  return hash;
}

__attribute__((visibility("default"))) const Source* findSource(const char* file);

}  // namespace emulator
