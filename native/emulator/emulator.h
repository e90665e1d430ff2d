// What the emulated libraries share. All of it lives in the emulated libcuda.
#pragma once

#include <functional>
#include <mutex>
#include <string>

#include "declarations.h"
#include "kernel.h"

#define EMULATOR_API __attribute__((visibility("default")))

namespace emulator {

// One lock for every call of every library.
EMULATOR_API std::recursive_mutex& lock();

// ---- settings.cpp: what goes wrong, on request

// A setting's value; from the environment (LLADA_EMULATOR_<NAME>) until emulatorSet changes it.
EMULATOR_API long long setting(const char* name);
// Counts a call of this kind; whether it is the one that shall fail.
EMULATOR_API bool fails(const char* name);
// Counts what was asked for, for emulatorCount: copy, graph, launch, synchronise.
EMULATOR_API void count(const char* what);
// Remembers why something failed, for emulatorReport and, if asked for, on stderr.
EMULATOR_API void report(const std::string& message);

// ---- statuses.cpp

// The name of the status with this value whose name starts so; nullptr if there is none.
EMULATOR_API const char* statusName(const char* prefix, int value);

// ---- context.cpp: whether calls are possible at all

// The error that every call after a fault returns; CUDA_SUCCESS while all is well.
EMULATOR_API CUresult sticky();
EMULATOR_API void makeSticky(CUresult result);
// CUDA_SUCCESS if initialised, with a current context and without a fault.
EMULATOR_API CUresult ready();
EMULATOR_API bool initialised();

// ---- memory.cpp: device memory between guard pages

CUresult allocate(CUdeviceptr* out, size_t bytes);
CUresult release(CUdeviceptr pointer);
void releaseAll();
size_t used();
size_t liveAllocations();
// Whether all of these bytes are in one live allocation; if not, says why.
EMULATOR_API bool inside(CUdeviceptr pointer, size_t bytes, std::string* why);
// Where an address lies relative to what was allocated.
std::string describe(uintptr_t address);
bool onDevice(uintptr_t address);
CUresult allocateHost(void** out, size_t bytes);
CUresult releaseHost(void* pointer);
bool pinned(const void* pointer, size_t bytes);

// ---- fibers.cpp: blocks of threads

struct Launch {
  const Kernel* kernel;
  void** arguments;
  Index grid, block;
  size_t shared;
};

// Runs all blocks. False after a fault, with its description.
bool run(const Launch& launch, std::string* why);
// Runs ordinary code that touches device memory. False after a fault.
EMULATOR_API bool guarded(const std::function<void()>& work, std::string* why);

// ---- stream.cpp: work that waits until somebody synchronises

using Work = std::function<CUresult()>;
// Puts work at the end of a stream, or into the graph that the stream is being captured into.
EMULATOR_API CUresult enqueue(CUstream stream, Work work);
// Does everything that waits in all streams.
EMULATOR_API CUresult flush();
// Whether a stream is being captured, when nothing may synchronise or allocate.
bool capturing();
void invalidateCapture();
void forgetStreams();

}  // namespace emulator
