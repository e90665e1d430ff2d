// How host-compiled kernels and the emulated driver find each other. No CUDA header here: the
// kernels are compiled without.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <utility>

namespace emulator {

struct Index {
  unsigned x, y, z;
};

// Of the thread that runs.
extern Index threadIndex, blockIndex, blockSize, gridSize;
extern char* dynamicShared;

// Barrier of the block; whether any thread's predicate holds.
int syncThreads(int predicate);
// Barrier of the warp; the values of its lanes, valid until this thread's next exchange.
const uint64_t* exchange(unsigned mask, uint64_t value);
unsigned lane();
unsigned lanes(); // in this warp: 32, or fewer in a block's last
unsigned checkedLane(unsigned lane);

enum class Kind : uint8_t { POINTER, NUMBER };

struct Parameter {
  Kind kind;
  size_t bytes;
};

// A kernel and how to call it with cuLaunchKernel's array of pointers to arguments.
struct Kernel {
  const char* file;
  const char* name;
  void (*function)();
  void (*call)(void (*function)(), void** arguments);
  const Parameter* parameters;
  size_t count;
  Kernel* next;
};

void add(Kernel* kernel); // to those that cuModuleGetFunction finds

template <class... A> struct Signature {
  static inline const Parameter PARAMETERS[sizeof...(A) + 1] = {
      Parameter{std::is_pointer_v<A> ? Kind::POINTER : Kind::NUMBER, sizeof(A)}...,
      Parameter{Kind::NUMBER, 0}};

  template <size_t... I>
  static void spread(void (*function)(A...), void** arguments, std::index_sequence<I...>) {
    function(*(A*)arguments[I]...);
  }

  static void call(void (*function)(), void** arguments) {
    spread((void (*)(A...))function, arguments, std::index_sequence_for<A...>());
  }
};

struct Registration {
  Kernel kernel;

  template <class... A>
  Registration(const char* file, const char* name, void (*function)(A...))
      : kernel{file, name, (void (*)())function, Signature<A...>::call,
               Signature<A...>::PARAMETERS, sizeof...(A), nullptr} {
    add(&kernel);
  }
};

}  // namespace emulator

#define EMULATOR_REGISTER(file, name) static emulator::Registration registered_##name(file, #name, name);
