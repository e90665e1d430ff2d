// Modules, functions and launches of the driver.
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "image.h"
#include "sources.h"

using namespace emulator;

namespace {

struct Module {
  std::string file;
};

struct Function {
  const Kernel* kernel;
  Module* module;
  size_t sharedLimit = 48 << 10;
};

struct All {
  Kernel* first = nullptr;
  std::set<Module*> modules;
  std::set<Function*> functions;
};

All& all() {
  static auto* a = new All();
  return *a;
}

// A launch outlives the call, so it owns its arguments.
struct Arguments {
  std::vector<uint64_t> values;
  std::vector<void*> pointers;
};

CUresult execute(const Kernel* kernel, Arguments& arguments, Index grid, Index block, size_t shared) {
  std::string why;
  if (fails("lose_device_at")) {
    report("the device was to be lost");
    return CUDA_ERROR_DEVICE_UNAVAILABLE;
  }
  if (fails("fail_launch_at")) {
    report("a launch that was to fail");
    return CUDA_ERROR_LAUNCH_FAILED;
  }
  for (size_t i = 0; i < kernel->count; i++) {
    CUdeviceptr pointer = (CUdeviceptr)arguments.values[i];
    if (kernel->parameters[i].kind == Kind::POINTER && pointer && !inside(pointer, 0, &why)) {
      report(std::string(kernel->name) + ", parameter " + std::to_string(i) + ": " + why);
      return CUDA_ERROR_ILLEGAL_ADDRESS;
    }
  }
  if (!run(Launch{kernel, arguments.pointers.data(), grid, block, shared}, &why)) {
    report(std::string(kernel->name) + ", block (" + std::to_string(blockIndex.x) + ", " +
           std::to_string(blockIndex.y) + ", " + std::to_string(blockIndex.z) + "), thread (" +
           std::to_string(threadIndex.x) + ", " + std::to_string(threadIndex.y) + "): " + why);
    return CUDA_ERROR_ILLEGAL_ADDRESS;
  }
  return CUDA_SUCCESS;
}

}  // namespace

namespace emulator {

void add(Kernel* kernel) {
  kernel->next = all().first;
  all().first = kernel;
}

int sharedLimit() {
  switch (setting("compute_capability")) {
    case 90:
    case 100: return 227 << 10;
    case 80: return 163 << 10;
    default: return 99 << 10;
  }
}

}  // namespace emulator

#define CALL extern "C" EMULATOR_API CUresult
#define READY()                                                                                    \
  std::lock_guard<std::recursive_mutex> hold(lock());                                              \
  if (CUresult notReady = ready()) {                                                               \
    return notReady;                                                                               \
  }

CALL cuModuleLoadData(CUmodule* module, const void* image) {
  READY();
  char file[64];
  unsigned long long hash;
  int architecture;
  if (!module || !image || sscanf((const char*)image, IMAGE_SCAN, file, &hash, &architecture) != 3) {
    return CUDA_ERROR_INVALID_IMAGE;
  }
  if (architecture != setting("compute_capability")) {
    return CUDA_ERROR_NO_BINARY_FOR_GPU;
  }
  const Source* source = findSource(file);
  if (!source || source->hash != hash) {
    report(std::string(file) + " is not the source that the emulator was built from");
    return CUDA_ERROR_INVALID_IMAGE;
  }
  auto* loaded = new Module{file};
  all().modules.insert(loaded);
  *module = (CUmodule)loaded;
  return CUDA_SUCCESS;
}

CALL cuModuleUnload(CUmodule handle) {
  READY();
  auto* module = (Module*)handle;
  if (!all().modules.erase(module)) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  if (CUresult result = flush()) {
    return result;
  }
  for (auto at = all().functions.begin(); at != all().functions.end();) {
    at = (*at)->module == module ? all().functions.erase(at) : std::next(at);
  }
  delete module;
  return CUDA_SUCCESS;
}

CALL cuModuleGetFunction(CUfunction* function, CUmodule handle, const char* name) {
  READY();
  auto* module = (Module*)handle;
  if (!all().modules.count(module)) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  for (const Kernel* kernel = all().first; kernel; kernel = kernel->next) {
    if (module->file == kernel->file && std::string(name) == kernel->name) {
      auto* found = new Function{kernel, module};
      all().functions.insert(found);
      *function = (CUfunction)found;
      return CUDA_SUCCESS;
    }
  }
  return CUDA_ERROR_NOT_FOUND;
}

CALL cuFuncSetAttribute(CUfunction handle, CUfunction_attribute attribute, int value) {
  READY();
  auto* function = (Function*)handle;
  if (!all().functions.count(function)) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES || value < 0 ||
      value > sharedLimit()) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  function->sharedLimit = (size_t)value;
  return CUDA_SUCCESS;
}

CALL cuLaunchKernel(
    CUfunction handle, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
    unsigned blockY, unsigned blockZ, unsigned shared, CUstream stream, void** parameters,
    void** extra) {
  READY();
  count("launch");
  auto* function = (Function*)handle;
  if (!all().functions.count(function)) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  const Kernel* kernel = function->kernel;
  unsigned long long threads = 1ull * blockX * blockY * blockZ;
  bool fits = gridX > 0 && gridY > 0 && gridZ > 0 && gridX <= 0x7fffffff && gridY <= 65535 &&
              gridZ <= 65535 && threads > 0 && threads <= 1024 && blockZ <= 64 &&
              shared <= function->sharedLimit && !extra && (parameters || kernel->count == 0);
  if (!fits) {
    report(std::string(kernel->name) + ": grid (" + std::to_string(gridX) + ", " +
           std::to_string(gridY) + ", " + std::to_string(gridZ) + "), block (" +
           std::to_string(blockX) + ", " + std::to_string(blockY) + ", " + std::to_string(blockZ) +
           "), " + std::to_string(shared) + " bytes of dynamic shared memory: over a limit");
    return CUDA_ERROR_INVALID_VALUE;
  }
  auto arguments = std::make_shared<Arguments>();
  arguments->values.assign(kernel->count + 1, 0);
  for (size_t i = 0; i < kernel->count; i++) {
    memcpy(&arguments->values[i], parameters[i], kernel->parameters[i].bytes);
    arguments->pointers.push_back(&arguments->values[i]);
  }
  return enqueue(stream, [=] {
    return execute(
        kernel, *arguments, Index{gridX, gridY, gridZ}, Index{blockX, blockY, blockZ}, shared);
  });
}
