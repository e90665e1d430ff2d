// The declarations of CUDA that the emulator implements: ours, made from the bindings, so that no
// header of NVIDIA's is needed. Where those are, agreement.cpp compares.
#pragma once

#include <stddef.h>

#define HANDLE(name) typedef struct name##Object* name;
#define NUMBER(name, is) typedef is name;
#define CONSTANT(name, value) constexpr int name = value;
#define CALL(result, name, parameters) extern "C" result name parameters;
#include "declarations.inc"
#include "more.inc"
#undef HANDLE
#undef NUMBER
#undef CONSTANT
#undef CALL
