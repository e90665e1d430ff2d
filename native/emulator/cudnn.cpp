// libcudnn.so.9: what the backend asks of cuDNN is its version and whether it starts.
#include <cudnn.h>

#include "emulator.h"

using namespace emulator;

extern "C" EMULATOR_API size_t cudnnGetVersion() { return CUDNN_VERSION; }

extern "C" EMULATOR_API const char* cudnnGetErrorString(cudnnStatus_t status) {
  switch ((int)status) {
#include "cudnn_errors.inc"
    default: return "CUDNN_STATUS unknown";
  }
}

extern "C" EMULATOR_API cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  std::lock_guard<std::recursive_mutex> hold(lock());
  if (!handle) {
    return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
  }
  if (setting("devices") == 0 || !initialised()) {
    return CUDNN_STATUS_NOT_INITIALIZED;
  }
  *handle = (cudnnHandle_t)(void*)new char();
  return CUDNN_STATUS_SUCCESS;
}

extern "C" EMULATOR_API cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  if (!handle) {
    return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
  }
  delete (char*)(void*)handle;
  return CUDNN_STATUS_SUCCESS;
}
