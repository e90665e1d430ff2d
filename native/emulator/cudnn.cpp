// libcudnn.so.9: what the backend asks of cuDNN is its version.
#include "emulator.h"

extern "C" EMULATOR_API size_t cudnnGetVersion() { return 90000; }
