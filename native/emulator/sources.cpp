#include "sources.h"

#include <string.h>

namespace emulator {

const Source* findSource(const char* file) {
  static const Source SOURCES[] = {
#include "sources.inc"
  };
  for (const Source& source : SOURCES) {
    if (strcmp(source.file, file) == 0) {
      return &source;
    }
  }
  return nullptr;
}

}  // namespace emulator
