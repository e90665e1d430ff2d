// Names of statuses.
#include <string.h>

#include "emulator.h"

namespace {

struct Named {
  const char* name;
  long long value;
};

const Named ALL[] = {
#define HANDLE(name)
#define NUMBER(name, is)
#define CONSTANT(name, value) {#name, value},
#define CALL(result, name, parameters)
#include "declarations.inc"
#include "more.inc"
};

}  // namespace

const char* emulator::statusName(const char* prefix, int value) {
  for (const Named& named : ALL) {
    if (named.value == value && strncmp(named.name, prefix, strlen(prefix)) == 0) {
      return named.name;
    }
  }
  return nullptr;
}
