// What the emulated NVRTC gives instead of machine code: a line that names a kernel file, the hash of
// the source that it was compiled from and the architecture.
#pragma once

#include "emulator.h"

namespace emulator {

constexpr char IMAGE[] = "LLaDA emulated kernels: file %s hash %016llx architecture %d\n";
constexpr char IMAGE_SCAN[] = "LLaDA emulated kernels: file %63s hash %llx architecture %d";

// Largest dynamic shared memory of the emulated device's blocks.
int sharedLimit();

}  // namespace emulator
