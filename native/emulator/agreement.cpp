// Whether our declarations are those of the real headers; compiled only where these are.
#include <cublas_v2.h>
#include <cuda.h>
#include <cudnn.h>
#include <nvrtc.h>

#include <type_traits>

// An enumeration is an int to a caller; everything else is what it is.
#define HANDLE(name) static_assert(std::is_pointer<name>::value, #name);
#define NUMBER(name, is)                                                                           \
  static_assert(std::is_same<name, is>::value ||                                                   \
                (std::is_enum<name>::value && sizeof(name) == sizeof(is)), #name);
#define CONSTANT(name, value) static_assert((long long)name == value, #name);
// Declared twice, with the real types: a parameter that differs is an error of the compiler.
#define CALL(result, name, parameters) extern "C" result name parameters;
#include "declarations.inc"
#include "more.inc"
