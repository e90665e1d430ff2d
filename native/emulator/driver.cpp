// libcuda.so.1: the calls of the driver.
#include <string.h>

#include <map>
#include <memory>
#include <vector>

#include "image.h"
#include "stream.h"

using namespace emulator;

namespace {

constexpr int VERSION = 13000;

struct State {
  bool initialised = false;
  CUresult sticky = CUDA_SUCCESS;
  std::map<int, int> retained; // primary contexts by device
};

State state;
thread_local CUcontext currentContext;

CUdevice deviceOf(CUcontext context) { return (CUdevice)((uintptr_t)context / 16 - 1); }

CUcontext contextOf(CUdevice device) { return (CUcontext)(uintptr_t)(16 * (device + 1)); }

bool isDevice(CUdevice device) { return device >= 0 && device < setting("devices"); }

// What a call checks that may not be made while a stream is being captured.
CUresult readyOutsideCapture() {
  CUresult result = ready();
  if (result == CUDA_SUCCESS && capturing()) {
    invalidateCapture();
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  }
  return result;
}

CUresult copy(
    CUstream stream, CUdeviceptr to, CUdeviceptr from, void* hostTo, const void* hostFrom,
    size_t bytes) {
  count("copy");
  return enqueue(stream, [=]() -> CUresult {
    std::string why;
    if (fails("fail_copy_at")) {
      report("a copy that was to fail");
      return CUDA_ERROR_LAUNCH_FAILED;
    }
    bool good = (to == 0 || inside(to, bytes, &why)) && (from == 0 || inside(from, bytes, &why)) &&
                guarded(
                    [&] {
                      memmove(to ? (void*)to : hostTo, from ? (void*)from : hostFrom, bytes);
                    },
                    &why);
    if (!good) {
      report("copy: " + why);
      return CUDA_ERROR_ILLEGAL_ADDRESS;
    }
    return CUDA_SUCCESS;
  });
}

}  // namespace

namespace emulator {

CUresult sticky() { return state.sticky; }

void makeSticky(CUresult result) { state.sticky = result; }

bool initialised() { return state.initialised; }

CUresult ready() {
  if (!state.initialised) {
    return CUDA_ERROR_NOT_INITIALIZED;
  }
  if (!currentContext || !state.retained[deviceOf(currentContext)]) {
    return CUDA_ERROR_INVALID_CONTEXT;
  }
  return state.sticky;
}

}  // namespace emulator

#define CALL extern "C" EMULATOR_API CUresult
#define LOCKED std::lock_guard<std::recursive_mutex> hold(lock())
#define REQUIRE(condition, error)                                                                  \
  if (!(condition)) {                                                                              \
    return error;                                                                                  \
  }
#define READY()                                                                                    \
  LOCKED;                                                                                          \
  if (CUresult notReady = ready()) {                                                               \
    return notReady;                                                                               \
  }
#define READY_OUTSIDE_CAPTURE()                                                                    \
  LOCKED;                                                                                          \
  if (CUresult notReady = readyOutsideCapture()) {                                                 \
    return notReady;                                                                               \
  }

CALL cuInit(unsigned int flags) {
  LOCKED;
  REQUIRE(flags == 0, CUDA_ERROR_INVALID_VALUE);
  REQUIRE(setting("fail_init") == 0, (CUresult)setting("fail_init"));
  REQUIRE(setting("devices") > 0, CUDA_ERROR_NO_DEVICE);
  state.initialised = true;
  return CUDA_SUCCESS;
}

CALL cuDriverGetVersion(int* version) {
  REQUIRE(version, CUDA_ERROR_INVALID_VALUE);
  *version = VERSION;
  return CUDA_SUCCESS;
}

CALL cuGetErrorName(CUresult error, const char** text) {
  *text = error ? statusName("CUDA_ERROR_", error) : "CUDA_SUCCESS";
  return *text ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CALL cuGetErrorString(CUresult error, const char** text) { return cuGetErrorName(error, text); }

CALL cuDeviceGetCount(int* count) {
  LOCKED;
  REQUIRE(state.initialised, CUDA_ERROR_NOT_INITIALIZED);
  *count = (int)setting("devices");
  return CUDA_SUCCESS;
}

CALL cuDeviceGet(CUdevice* device, int ordinal) {
  LOCKED;
  REQUIRE(state.initialised, CUDA_ERROR_NOT_INITIALIZED);
  REQUIRE(isDevice(ordinal), CUDA_ERROR_INVALID_DEVICE);
  *device = ordinal;
  return CUDA_SUCCESS;
}

CALL cuDeviceGetName(char* name, int length, CUdevice device) {
  LOCKED;
  REQUIRE(state.initialised, CUDA_ERROR_NOT_INITIALIZED);
  REQUIRE(isDevice(device), CUDA_ERROR_INVALID_DEVICE);
  REQUIRE(name && length > 0, CUDA_ERROR_INVALID_VALUE);
  snprintf(name, (size_t)length, "CUDA emulator on a CPU");
  return CUDA_SUCCESS;
}

CALL cuDeviceTotalMem_v2(size_t* bytes, CUdevice device) {
  LOCKED;
  REQUIRE(state.initialised, CUDA_ERROR_NOT_INITIALIZED);
  REQUIRE(isDevice(device), CUDA_ERROR_INVALID_DEVICE);
  *bytes = (size_t)setting("memory");
  return CUDA_SUCCESS;
}

CALL cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice device) {
  LOCKED;
  REQUIRE(state.initialised, CUDA_ERROR_NOT_INITIALIZED);
  REQUIRE(isDevice(device), CUDA_ERROR_INVALID_DEVICE);
  int capability = (int)setting("compute_capability");
  switch (attribute) {
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *value = capability / 10; break;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *value = capability % 10; break;
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *value = 4; break;
    default: return CUDA_ERROR_INVALID_VALUE; // add here what the caller comes to need
  }
  return CUDA_SUCCESS;
}

CALL cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
  LOCKED;
  REQUIRE(state.initialised, CUDA_ERROR_NOT_INITIALIZED);
  REQUIRE(isDevice(device), CUDA_ERROR_INVALID_DEVICE);
  REQUIRE(state.sticky == CUDA_SUCCESS, state.sticky);
  state.retained[device]++;
  *context = contextOf(device);
  return CUDA_SUCCESS;
}

CALL cuDevicePrimaryCtxRelease_v2(CUdevice device) {
  LOCKED;
  REQUIRE(state.initialised, CUDA_ERROR_NOT_INITIALIZED);
  REQUIRE(state.retained[device] > 0, CUDA_ERROR_INVALID_CONTEXT);
  if (--state.retained[device] == 0) { // the context goes, with all that it owns and its fault
    flush();
    forgetStreams();
    releaseAll();
    state.sticky = CUDA_SUCCESS;
  }
  return CUDA_SUCCESS;
}

CALL cuCtxSetCurrent(CUcontext context) {
  LOCKED;
  REQUIRE(state.initialised, CUDA_ERROR_NOT_INITIALIZED);
  REQUIRE(!context || state.retained[deviceOf(context)], CUDA_ERROR_INVALID_CONTEXT);
  currentContext = context;
  return CUDA_SUCCESS;
}

CALL cuCtxSynchronize() {
  READY_OUTSIDE_CAPTURE();
  count("synchronise");
  return flush();
}

CALL cuMemGetInfo_v2(size_t* unused, size_t* total) {
  READY();
  *total = (size_t)setting("memory");
  *unused = *total - std::min(*total, used());
  return CUDA_SUCCESS;
}

CALL cuMemAlloc_v2(CUdeviceptr* pointer, size_t bytes) {
  READY_OUTSIDE_CAPTURE();
  return allocate(pointer, bytes);
}

CALL cuMemFree_v2(CUdeviceptr pointer) {
  READY_OUTSIDE_CAPTURE();
  if (CUresult result = flush()) { // as the real one, it waits for work that may use the memory
    return result;
  }
  return release(pointer);
}

CALL cuMemAllocHost_v2(void** pointer, size_t bytes) {
  READY_OUTSIDE_CAPTURE();
  return allocateHost(pointer, bytes);
}

CALL cuMemFreeHost(void* pointer) {
  READY_OUTSIDE_CAPTURE();
  if (CUresult result = flush()) {
    return result;
  }
  return releaseHost(pointer);
}

CALL cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void* from, size_t bytes, CUstream stream) {
  READY();
  REQUIRE(bytes == 0 || (from && to), CUDA_ERROR_INVALID_VALUE);
  if (bytes == 0 || pinned(from, bytes) || capturing()) {
    return bytes == 0 ? CUDA_SUCCESS : copy(stream, to, 0, nullptr, from, bytes);
  }
  // Pageable memory is read before the call returns.
  auto kept = std::make_shared<std::vector<char>>((const char*)from, (const char*)from + bytes);
  CUresult result = copy(stream, to, 0, nullptr, kept->data(), bytes);
  enqueue(stream, [kept] { return CUDA_SUCCESS; }); // owns the copy until then
  return result;
}

CALL cuMemcpyDtoHAsync_v2(void* to, CUdeviceptr from, size_t bytes, CUstream stream) {
  READY();
  REQUIRE(bytes == 0 || (from && to), CUDA_ERROR_INVALID_VALUE);
  REQUIRE(bytes > 0, CUDA_SUCCESS);
  CUresult result = copy(stream, 0, from, to, nullptr, bytes);
  if (result == CUDA_SUCCESS && !pinned(to, bytes) && !capturing()) {
    return synchronize(stream); // pageable memory is written before the call returns
  }
  return result;
}

CALL cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  READY();
  REQUIRE(bytes == 0 || (from && to), CUDA_ERROR_INVALID_VALUE);
  return bytes == 0 ? CUDA_SUCCESS : copy(stream, to, from, nullptr, nullptr, bytes);
}

CALL cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t bytes, CUstream stream) {
  READY();
  REQUIRE(bytes > 0, CUDA_SUCCESS);
  return enqueue(stream, [=]() -> CUresult {
    std::string why;
    if (!inside(to, bytes, &why)) {
      report("memset: " + why);
      return CUDA_ERROR_ILLEGAL_ADDRESS;
    }
    memset((void*)to, value, bytes);
    return CUDA_SUCCESS;
  });
}

CALL cuStreamCreate(CUstream* stream, unsigned int flags) {
  READY();
  REQUIRE(stream && flags <= CU_STREAM_NON_BLOCKING, CUDA_ERROR_INVALID_VALUE);
  return createStream(stream, flags);
}

CALL cuStreamDestroy_v2(CUstream stream) {
  READY();
  return destroyStream(stream);
}

CALL cuStreamSynchronize(CUstream stream) {
  READY();
  count("synchronise");
  return synchronize(stream);
}

CALL cuStreamWaitEvent(CUstream stream, CUevent event, unsigned int flags) {
  READY();
  REQUIRE(flags == 0, CUDA_ERROR_INVALID_VALUE);
  return waitEvent(stream, event);
}

CALL cuStreamBeginCapture_v2(CUstream stream, CUstreamCaptureMode mode) {
  READY();
  REQUIRE(mode <= CU_STREAM_CAPTURE_MODE_RELAXED, CUDA_ERROR_INVALID_VALUE);
  return beginCapture(stream);
}

CALL cuStreamEndCapture(CUstream stream, CUgraph* graph) {
  READY();
  return endCapture(stream, graph);
}

CALL cuGraphInstantiateWithFlags(CUgraphExec* exec, CUgraph graph, unsigned long long flags) {
  READY();
  REQUIRE(exec && flags == 0, CUDA_ERROR_INVALID_VALUE);
  return instantiate(exec, graph);
}

CALL cuGraphLaunch(CUgraphExec exec, CUstream stream) {
  READY();
  count("graph");
  return launchGraph(exec, stream);
}

CALL cuGraphExecDestroy(CUgraphExec exec) {
  READY();
  return destroyGraph(exec);
}

CALL cuGraphDestroy(CUgraph graph) {
  READY();
  return destroyGraph(graph);
}

CALL cuEventCreate(CUevent* event, unsigned int flags) {
  READY();
  REQUIRE(event && flags <= 7, CUDA_ERROR_INVALID_VALUE);
  return createEvent(event);
}

CALL cuEventDestroy_v2(CUevent event) {
  READY();
  return destroyEvent(event);
}

CALL cuEventRecord(CUevent event, CUstream stream) {
  READY();
  return recordEvent(event, stream);
}

CALL cuEventSynchronize(CUevent event) {
  READY();
  count("synchronise");
  return synchronizeEvent(event);
}
