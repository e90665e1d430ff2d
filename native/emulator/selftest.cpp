// The emulator against its own rules, through the same calls that Java makes.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "declarations.h"

extern "C" int emulatorSet(const char* name, long long value);
extern "C" const char* emulatorReport();
extern "C" void emulatorReset();
extern "C" long long emulatorLiveAllocations();
extern "C" long long emulatorCount(const char* what);

namespace {

int failures;
int checks;

void check(bool good, const char* what, int line) {
  checks++;
  if (!good) {
    failures++;
    fprintf(stderr, "selftest.cpp:%d: %s (last report: %s)\n", line, what, emulatorReport());
  }
}

#define CHECK(condition) check((condition), #condition, __LINE__)

std::string folder; // of the kernels

std::string read(const std::string& name) {
  std::ifstream in(folder + "/" + name, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}

const char* const HEADERS[] = {"block.cuh", "weights.cuh", "tile.cuh", "choice.cuh", "few.cuh", "tensor_core.cuh"};

nvrtcResult compile(const std::string& name, const std::string& source, int architecture,
                    std::string* image, std::string* log) {
  std::vector<std::string> texts;
  std::vector<const char*> pointers;
  for (const char* header : HEADERS) {
    texts.push_back(read(header));
  }
  for (const std::string& text : texts) {
    pointers.push_back(text.c_str());
  }
  nvrtcProgram program;
  nvrtcCreateProgram(&program, source.c_str(), name.c_str(), (int)texts.size(), pointers.data(), HEADERS);
  std::string option = "--gpu-architecture=sm_" + std::to_string(architecture);
  const char* options[] = {option.c_str(), "--std=c++17"};
  nvrtcResult result = nvrtcCompileProgram(program, 2, options);
  size_t bytes = 0;
  nvrtcGetProgramLogSize(program, &bytes);
  log->resize(bytes);
  nvrtcGetProgramLog(program, log->data());
  if (result == NVRTC_SUCCESS) {
    nvrtcGetCUBINSize(program, &bytes);
    image->resize(bytes);
    nvrtcGetCUBIN(program, image->data());
  }
  nvrtcDestroyProgram(&program);
  return result;
}

// A context, a stream and the kernels of one file.
struct Session {
  CUcontext context = nullptr;
  CUstream stream = nullptr;
  CUmodule module = nullptr;

  explicit Session(const std::string& file = "") {
    emulatorReset();
    CHECK(cuInit(0) == CUDA_SUCCESS);
    CHECK(cuDevicePrimaryCtxRetain(&context, 0) == CUDA_SUCCESS);
    CHECK(cuCtxSetCurrent(context) == CUDA_SUCCESS);
    CHECK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING) == CUDA_SUCCESS);
    if (!file.empty()) {
      std::string image;
      std::string log;
      CHECK(compile(file, read(file), 90, &image, &log) == NVRTC_SUCCESS);
      CHECK(cuModuleLoadData(&module, image.c_str()) == CUDA_SUCCESS);
    }
  }

  ~Session() {
    cuDevicePrimaryCtxRelease_v2(0);
    cuCtxSetCurrent(nullptr);
  }

  CUfunction function(const char* name) {
    CUfunction found = nullptr;
    CHECK(cuModuleGetFunction(&found, module, name) == CUDA_SUCCESS);
    return found;
  }

  template <class... A>
  CUresult launch(CUfunction function, unsigned grid, unsigned block, unsigned shared, A... a) {
    void* pointers[] = {&a...};
    return cuLaunchKernel(function, grid, 1, 1, block, 1, 1, shared, stream, pointers, nullptr);
  }

  CUdeviceptr floats(const std::vector<float>& values) {
    CUdeviceptr at = 0;
    CHECK(cuMemAlloc_v2(&at, 4 * values.size()) == CUDA_SUCCESS);
    CHECK(cuMemcpyHtoDAsync_v2(at, values.data(), 4 * values.size(), stream) == CUDA_SUCCESS);
    return at;
  }

  std::vector<float> back(CUdeviceptr at, size_t count) {
    std::vector<float> values(count);
    CHECK(cuMemcpyDtoHAsync_v2(values.data(), at, 4 * count, stream) == CUDA_SUCCESS);
    CHECK(cuStreamSynchronize(stream) == CUDA_SUCCESS);
    return values;
  }
};

void nothingWorksBeforeItIsSetUp() {
  emulatorReset();
  emulatorSet("devices", 0);
  CHECK(cuInit(0) == CUDA_ERROR_NO_DEVICE);
  cublasHandle_t blas;
  CHECK(cublasCreate_v2(&blas) == CUBLAS_STATUS_NOT_INITIALIZED);
  CUdeviceptr at;
  CHECK(cuMemAlloc_v2(&at, 4) == CUDA_ERROR_NOT_INITIALIZED);
  emulatorReset();
  emulatorSet("fail_init", CUDA_ERROR_SYSTEM_DRIVER_MISMATCH);
  CHECK(cuInit(0) == CUDA_ERROR_SYSTEM_DRIVER_MISMATCH);
  emulatorReset();
  CHECK(cuInit(0) == CUDA_SUCCESS);
  CHECK(cuMemAlloc_v2(&at, 4) == CUDA_ERROR_INVALID_CONTEXT);
  CHECK(emulatorSet("no_such_setting", 1) == -1);
  const char* name;
  CHECK(cuGetErrorName(CUDA_ERROR_OUT_OF_MEMORY, &name) == CUDA_SUCCESS &&
        strcmp(name, "CUDA_ERROR_OUT_OF_MEMORY") == 0);
  CHECK(strcmp(cublasGetStatusName(CUBLAS_STATUS_ALLOC_FAILED), "CUBLAS_STATUS_ALLOC_FAILED") == 0);
  CHECK(strcmp(nvrtcGetErrorString(NVRTC_ERROR_COMPILATION), "NVRTC_ERROR_COMPILATION") == 0);
}

void memoryIsCountedAndGuarded() {
  Session s("residual.cu");
  CUdeviceptr at;
  CHECK(cuMemAlloc_v2(&at, 0) == CUDA_ERROR_INVALID_VALUE);
  emulatorSet("memory", 1000);
  CHECK(cuMemAlloc_v2(&at, 1001) == CUDA_ERROR_OUT_OF_MEMORY);
  emulatorSet("memory", 1 << 20);
  emulatorSet("fail_alloc_at", 2);
  CUdeviceptr first;
  CHECK(cuMemAlloc_v2(&first, 100) == CUDA_SUCCESS);
  CHECK(cuMemAlloc_v2(&at, 100) == CUDA_ERROR_OUT_OF_MEMORY);
  CHECK(cuMemAlloc_v2(&at, 100) == CUDA_SUCCESS);
  CHECK(emulatorLiveAllocations() == 2);
  size_t unused;
  size_t total;
  CHECK(cuMemGetInfo_v2(&unused, &total) == CUDA_SUCCESS && total - unused == 200);
  CHECK(cuMemFree_v2(first) == CUDA_SUCCESS);
  CHECK(cuMemFree_v2(first) == CUDA_ERROR_INVALID_VALUE); // twice
  CHECK(cuMemFree_v2(at + 4) == CUDA_ERROR_INVALID_VALUE);
  CHECK(cuMemFree_v2(at) == CUDA_SUCCESS);
  CHECK(emulatorLiveAllocations() == 0);
}

// Runs residual over n numbers in arrays of 100; false if it breaks off.
bool residual(Session& s, CUdeviceptr out, CUdeviceptr x, CUdeviceptr delta, long long n) {
  CHECK(s.launch(s.function("residual"), 1, 32, 0, out, x, delta, n) == CUDA_SUCCESS);
  return cuStreamSynchronize(s.stream) == CUDA_SUCCESS;
}

void wrongAddressesAreFound() {
  for (int which = 0; which < 4; which++) {
    Session s("residual.cu");
    CUdeviceptr x = s.floats(std::vector<float>(100, 1));
    CUdeviceptr delta = s.floats(std::vector<float>(100, 2));
    CUdeviceptr out = s.floats(std::vector<float>(100));
    if (which == 0) { // all in order
      CHECK(residual(s, out, x, delta, 100) && s.back(out, 100)[99] == 3);
      continue;
    }
    if (which == 1) { // too far
      CHECK(!residual(s, out, x, delta, 101));
      CHECK(strstr(emulatorReport(), "0 bytes after the end of allocation"));
    } else if (which == 2) { // freed
      CHECK(cuMemFree_v2(delta) == CUDA_SUCCESS);
      CHECK(!residual(s, out, x, delta, 100));
      CHECK(strstr(emulatorReport(), "of freed allocation"));
    } else { // never allocated
      CHECK(!residual(s, out, x, 4096, 100));
      CHECK(strstr(emulatorReport(), "which is no device memory"));
    }
    // After a fault the context is lost.
    CUdeviceptr more;
    CHECK(cuMemAlloc_v2(&more, 4) == CUDA_ERROR_ILLEGAL_ADDRESS);
    CHECK(cuCtxSynchronize() == CUDA_ERROR_ILLEGAL_ADDRESS);
  }
  Session s("residual.cu"); // a write before the start shows when it is freed
  CUdeviceptr x = s.floats(std::vector<float>(100, 1));
  CHECK(residual(s, x - 4, x, x, 1) == false);
  Session t;
  CUdeviceptr small = t.floats({1, 2, 3});
  float four[4] = {1, 2, 3, 4};
  CHECK(cuMemcpyHtoDAsync_v2(small, four, 16, t.stream) == CUDA_SUCCESS);
  CHECK(cuStreamSynchronize(t.stream) == CUDA_ERROR_ILLEGAL_ADDRESS);
}

void whatWasNeverWrittenIsNan() {
  Session s;
  CUdeviceptr at;
  CHECK(cuMemAlloc_v2(&at, 40) == CUDA_SUCCESS);
  CHECK(isnan(s.back(at, 10)[9]));
  CHECK(cuMemsetD8Async(at, 0, 40, s.stream) == CUDA_SUCCESS);
  CHECK(s.back(at, 10)[9] == 0);
}

void workIsDoneNoSoonerThanAskedFor() {
  Session s("residual.cu");
  CUdeviceptr x = s.floats(std::vector<float>(100, 1));
  void* host;
  CHECK(cuMemAllocHost_v2(&host, 400) == CUDA_SUCCESS);
  float* result = (float*)host;
  result[0] = -1;
  long long n = 100;
  CHECK(s.launch(s.function("residual"), 1, 32, 0, x, x, x, n) == CUDA_SUCCESS);
  CHECK(cuMemcpyDtoHAsync_v2(result, x, 400, s.stream) == CUDA_SUCCESS);
  CHECK(result[0] == -1); // not yet
  CUstream other;
  CUevent event;
  CHECK(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING) == CUDA_SUCCESS);
  CHECK(cuEventCreate(&event, CU_EVENT_DEFAULT) == CUDA_SUCCESS);
  CHECK(cuStreamSynchronize(other) == CUDA_SUCCESS);
  CHECK(result[0] == -1); // another stream
  CHECK(cuEventRecord(event, s.stream) == CUDA_SUCCESS);
  CHECK(cuStreamWaitEvent(other, event, 0) == CUDA_SUCCESS);
  CHECK(cuStreamSynchronize(other) == CUDA_SUCCESS);
  CHECK(result[0] == 2);
  CHECK(cuEventSynchronize(event) == CUDA_SUCCESS);
  CHECK(cuEventDestroy_v2(event) == CUDA_SUCCESS && cuStreamDestroy_v2(other) == CUDA_SUCCESS);
  CHECK(cuMemFreeHost(host) == CUDA_SUCCESS && cuMemFreeHost(host) == CUDA_ERROR_INVALID_VALUE);
}

void graphsRepeat() {
  Session s("residual.cu");
  CUdeviceptr x = s.floats(std::vector<float>(10, 1));
  CHECK(cuStreamSynchronize(s.stream) == CUDA_SUCCESS);
  CUgraph graph;
  CUgraphExec exec;
  long long n = 10;
  CHECK(cuStreamBeginCapture_v2(s.stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL) == CUDA_SUCCESS);
  CHECK(s.launch(s.function("residual"), 1, 32, 0, x, x, x, n) == CUDA_SUCCESS);
  CHECK(cuStreamEndCapture(s.stream, &graph) == CUDA_SUCCESS);
  CHECK(s.back(x, 10)[0] == 1); // captured, not done
  CHECK(cuGraphInstantiateWithFlags(&exec, graph, 0) == CUDA_SUCCESS);
  CHECK(cuGraphDestroy(graph) == CUDA_SUCCESS);
  CHECK(cuGraphLaunch(exec, s.stream) == CUDA_SUCCESS);
  CHECK(cuGraphLaunch(exec, s.stream) == CUDA_SUCCESS);
  CHECK(s.back(x, 10)[9] == 4);
  CHECK(cuGraphExecDestroy(exec) == CUDA_SUCCESS);
  CHECK(cuGraphLaunch(exec, s.stream) == CUDA_ERROR_INVALID_VALUE);

  CUdeviceptr at;
  CHECK(cuStreamBeginCapture_v2(s.stream, CU_STREAM_CAPTURE_MODE_GLOBAL) == CUDA_SUCCESS);
  CHECK(cuMemAlloc_v2(&at, 4) == CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  CHECK(cuStreamEndCapture(s.stream, &graph) == CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
}

void launchesHaveLimits() {
  Session s("attention.cu");
  CUfunction f = s.function("attention_64");
  void* none[13] = {};
  uint64_t zero = 0;
  for (void*& p : none) {
    p = &zero;
  }
  auto launch = [&](unsigned grid, unsigned block, unsigned shared) {
    return cuLaunchKernel(f, grid, 1, 1, block, 1, 1, shared, s.stream, none, nullptr);
  };
  CHECK(launch(0, 32, 0) == CUDA_ERROR_INVALID_VALUE);
  CHECK(launch(1, 1025, 0) == CUDA_ERROR_INVALID_VALUE);
  CHECK(launch(1, 32, 80 << 10) == CUDA_ERROR_INVALID_VALUE);
  CHECK(cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 80 << 10) == CUDA_SUCCESS);
  CHECK(cuFuncSetAttribute(f, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 1 << 20) ==
        CUDA_ERROR_INVALID_VALUE);
  CUfunction missing;
  CHECK(cuModuleGetFunction(&missing, s.module, "no_such_kernel") == CUDA_ERROR_NOT_FOUND);
  CHECK(cuModuleGetFunction(&missing, s.module, "residual") == CUDA_ERROR_NOT_FOUND); // another file's
}

void sharedMemoryIsAsLargeAsAskedFor() {
  Session s("attention.cu");
  CUdeviceptr q = s.floats(std::vector<float>(64 * 16, 1));
  CUdeviceptr out = s.floats(std::vector<float>(64 * 16));
  CUdeviceptr none = 0;
  int tokens = 64;
  int one = 1;
  int size = 16;
  int added = 0;
  unsigned bytes = 4 * (2 * 64 * 20 + 64 * 68);
  void* p[] = {&out,    &none,   &q,   &q,   &q,   &none, &none, &added,
               &tokens, &tokens, &one, &one, &size};
  for (unsigned less = 0; less <= 256; less += 256) {
    CHECK(cuLaunchKernel(s.function("attention_64"), 1, 1, 1, 16, 16, 1, bytes - less, s.stream, p,
                         nullptr) == CUDA_SUCCESS);
    CUresult result = cuStreamSynchronize(s.stream);
    CHECK(result == (less ? CUDA_ERROR_ILLEGAL_ADDRESS : CUDA_SUCCESS));
  }
  CHECK(strstr(emulatorReport(), "dynamic shared memory"));
}

void barriersAreForAll() {
  // Half of a warp leaves: rms_norm with 48 threads reads lanes that no thread has.
  Session s("rms_norm.cu");
  CUdeviceptr x = s.floats(std::vector<float>(64, 1));
  float eps = 0;
  int channels = 64;
  CHECK(s.launch(s.function("rms_norm"), 1, 48, 0, x, x, x, eps, channels) == CUDA_SUCCESS);
  CHECK(cuStreamSynchronize(s.stream) == CUDA_ERROR_ILLEGAL_ADDRESS);
  CHECK(strstr(emulatorReport(), "a lane without a thread"));
  Session good("rms_norm.cu");
  x = good.floats(std::vector<float>(64, 2));
  CHECK(good.launch(good.function("rms_norm"), 1, 64, 0, x, x, x, eps, channels) == CUDA_SUCCESS);
  CHECK(good.back(x, 64)[63] == 2);
}

void failuresComeWhenAskedFor() {
  for (const char* what : {"fail_launch_at", "lose_device_at", "fail_copy_at"}) {
    Session s("residual.cu");
    CUdeviceptr x = s.floats(std::vector<float>(10, 1));
    CHECK(cuStreamSynchronize(s.stream) == CUDA_SUCCESS);
    CHECK(emulatorSet(what, 2) == 0);
    float host = 0;
    long long n = 10;
    CUresult result = CUDA_SUCCESS;
    for (int i = 0; i < 2; i++) {
      CHECK(result == CUDA_SUCCESS);
      s.launch(s.function("residual"), 1, 32, 0, x, x, x, n);
      cuMemcpyHtoDAsync_v2(x, &host, 4, s.stream);
      result = cuStreamSynchronize(s.stream);
    }
    CHECK(result == (strcmp(what, "lose_device_at") ? CUDA_ERROR_LAUNCH_FAILED
                                                    : CUDA_ERROR_DEVICE_UNAVAILABLE));
  }
}

void productsAreStoredByColumns() {
  Session s;
  cublasHandle_t blas;
  CHECK(cublasCreate_v2(&blas) == CUBLAS_STATUS_SUCCESS);
  CHECK(cublasSetStream_v2(blas, (cudaStream_t)s.stream) == CUBLAS_STATUS_SUCCESS);
  float one = 1;
  float zero = 0;
  auto multiply = [&](cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k, CUdeviceptr a,
                      int lda, CUdeviceptr b, int ldb, float beta, CUdeviceptr c, int ldc) {
    return cublasGemmEx(blas, ta, tb, m, n, k, &one, (void*)a, CUDA_R_32F, lda, (void*)b, CUDA_R_32F,
                        ldb, &beta, (void*)c, CUDA_R_32F, ldc, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
  };
  // By columns: A = [1 3; 2 4], B = [5 7; 6 8].
  CUdeviceptr a = s.floats({1, 2, 3, 4});
  CUdeviceptr b = s.floats({5, 6, 7, 8});
  CUdeviceptr c = s.floats({NAN, NAN, NAN, NAN});
  CHECK(multiply(CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 2, a, 2, b, 2, 0, c, 2) == CUBLAS_STATUS_SUCCESS);
  CHECK(s.back(c, 4) == std::vector<float>({23, 34, 31, 46})); // with beta 0 the NaN do not show
  CHECK(multiply(CUBLAS_OP_T, CUBLAS_OP_N, 2, 2, 2, a, 2, b, 2, 1, c, 2) == CUBLAS_STATUS_SUCCESS);
  CHECK(s.back(c, 4) == std::vector<float>({23 + 17, 34 + 39, 31 + 23, 46 + 53}));
  CHECK(multiply(CUBLAS_OP_N, CUBLAS_OP_T, 2, 2, 2, a, 2, b, 2, 0, c, 2) == CUBLAS_STATUS_SUCCESS);
  CHECK(s.back(c, 4) == std::vector<float>({26, 38, 30, 44}));
  CHECK(multiply(CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 2, a, 1, b, 2, 0, c, 2) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(multiply(CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 2, a, 2, b, 2, 0, c, 1) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(multiply(CUBLAS_OP_N, CUBLAS_OP_N, -1, 2, 2, a, 2, b, 2, 0, c, 2) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(cublasGemmEx(blas, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, (void*)a, CUDA_R_32F, 1, (void*)b,
                     CUDA_R_16BF, 1, &zero, (void*)c, CUDA_R_32F, 1, CUBLAS_COMPUTE_32F,
                     CUBLAS_GEMM_DEFAULT) == CUBLAS_STATUS_NOT_SUPPORTED);
  CUdeviceptr halves = s.floats({0});
  unsigned short bits[2] = {0x3f80, 0x4000}; // 1 and 2 as bfloat16
  cuMemcpyHtoDAsync_v2(halves, bits, 4, s.stream);
  CHECK(cublasGemmEx(blas, CUBLAS_OP_T, CUBLAS_OP_N, 1, 1, 2, &one, (void*)halves, CUDA_R_16BF, 2,
                     (void*)halves, CUDA_R_16BF, 2, &zero, (void*)c, CUDA_R_32F, 1, CUBLAS_COMPUTE_32F,
                     CUBLAS_GEMM_DEFAULT) == CUBLAS_STATUS_SUCCESS);
  CHECK(s.back(c, 1)[0] == 5);
  CUdeviceptr fine = s.floats({1 + 0x1p-12f});
  CHECK(cublasSetMathMode(blas, CUBLAS_TF32_TENSOR_OP_MATH) == CUBLAS_STATUS_SUCCESS);
  CHECK(multiply(CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, fine, 1, fine, 1, 0, c, 1) == CUBLAS_STATUS_SUCCESS);
  CHECK(s.back(c, 1)[0] == 1); // TF32 has 10 bits
  CHECK(cublasSetWorkspace_v2(blas, (void*)(a + 4), 8) == CUBLAS_STATUS_INVALID_VALUE);
  emulatorSet("fail_gemm_at", 1);
  CHECK(multiply(CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, a, 1, b, 1, 0, c, 1) == CUBLAS_STATUS_EXECUTION_FAILED);
  CHECK(multiply(CUBLAS_OP_N, CUBLAS_OP_N, 3, 2, 2, a, 3, b, 2, 0, c, 3) == CUBLAS_STATUS_SUCCESS);
  CHECK(cuStreamSynchronize(s.stream) == CUDA_ERROR_ILLEGAL_ADDRESS); // A has 4 numbers, not 6
  CHECK(cublasDestroy_v2(blas) == CUBLAS_STATUS_SUCCESS);
  CHECK(cublasDestroy_v2(blas) == CUBLAS_STATUS_NOT_INITIALIZED);
}

void onlyKnownSourcesCompile() {
  Session s;
  std::string image;
  std::string log;
  std::string source = read("rope.cu");
  CHECK(compile("rope.cu", source, 90, &image, &log) == NVRTC_SUCCESS);
  CHECK(compile("rope.cu", source + " ", 90, &image, &log) == NVRTC_ERROR_COMPILATION);
  CHECK(log.find("another version of this source") != std::string::npos);
  CHECK(compile("other.cu", source, 90, &image, &log) == NVRTC_ERROR_COMPILATION);
  CHECK(compile("rope.cu", source, 0, &image, &log) == NVRTC_ERROR_INVALID_OPTION);
  CHECK(compile("rope.cu", source, 80, &image, &log) == NVRTC_SUCCESS);
  CUmodule module;
  CHECK(cuModuleLoadData(&module, image.c_str()) == CUDA_ERROR_NO_BINARY_FOR_GPU); // the device has 90
  CHECK(cuModuleLoadData(&module, "ELF") == CUDA_ERROR_INVALID_IMAGE);
  nvrtcProgram program;
  CHECK(nvrtcCreateProgram(&program, source.c_str(), "rope.cu", 0, nullptr, nullptr) == NVRTC_SUCCESS);
  const char* option = "--gpu-architecture=sm_90";
  CHECK(nvrtcCompileProgram(program, 1, &option) == NVRTC_ERROR_COMPILATION); // without block.cuh
  CHECK(nvrtcDestroyProgram(&program) == NVRTC_SUCCESS && program == nullptr);
  emulatorSet("fail_compile_at", 1);
  CHECK(compile("rope.cu", source, 90, &image, &log) == NVRTC_ERROR_COMPILATION);
}

// The same attention by either kernel, on numbers that bfloat16 holds exactly: they differ by the
// rounding of the probabilities only.
void tensorCoresAgree() {
  const int tokens = 70;
  const int size = 40;
  std::vector<float> q;
  std::vector<float> v;
  for (int i = 0; i < tokens * size; i++) {
    q.push_back((float)((i * 37 + i / 7) % 65 - 32) / 16);
    v.push_back((float)((i * 29 + i / 5) % 129 - 64) / 64);
  }
  std::vector<float> results[2];
  for (int which = 0; which < 2; which++) {
    Session s(which ? "attention_bf16.cu" : "attention.cu");
    CUfunction f = s.function(which ? "attention_bf16" : "attention_64");
    CUdeviceptr query = s.floats(q);
    CUdeviceptr value = s.floats(v);
    CUdeviceptr out = s.floats(std::vector<float>(tokens * size, NAN));
    CUdeviceptr logSumExp = s.floats(std::vector<float>(tokens));
    std::vector<float> reaches(tokens); // the bits of whole numbers: a query sees those up to itself
    for (int i = 0; i < tokens; i++) {
      int seen = i + 1;
      memcpy(&reaches[i], &seen, sizeof seen);
    }
    CUdeviceptr reach = s.floats(reaches);
    CUdeviceptr none = 0;
    int one = 1;
    int added = 0;
    unsigned shared = which ? 2 * (64 * 56 + 72 * 48) : 4 * (2 * 64 * 44 + 64 * 68);
    void* p[] = {&out,   &logSumExp, &query, &query, &value, &none, &reach,
                 &added, (void*)&tokens, (void*)&tokens, &one, &one, (void*)&size};
    CHECK(cuLaunchKernel(f, 2, 1, 1, which ? 128 : 16, which ? 1 : 16, 1, shared, s.stream, p,
                         nullptr) == CUDA_SUCCESS);
    results[which] = s.back(out, tokens * size);
    std::vector<float> sums = s.back(logSumExp, tokens);
    results[which].insert(results[which].end(), sums.begin(), sums.end());
  }
  float worst = 0;
  for (size_t i = 0; i < results[0].size(); i++) {
    worst = fmaxf(worst, fabsf(results[0][i] - results[1][i]));
    CHECK(isfinite(results[1][i]));
  }
  CHECK(worst > 0 && worst < 1.0 / 256);
}

}  // namespace

int main(int count, char** arguments) {
  folder = count > 1 ? arguments[1] : "cuda";
  nothingWorksBeforeItIsSetUp();
  memoryIsCountedAndGuarded();
  wrongAddressesAreFound();
  whatWasNeverWrittenIsNan();
  workIsDoneNoSoonerThanAskedFor();
  graphsRepeat();
  launchesHaveLimits();
  sharedMemoryIsAsLargeAsAskedFor();
  barriersAreForAll();
  failuresComeWhenAskedFor();
  productsAreStoredByColumns();
  onlyKnownSourcesCompile();
  tensorCoresAgree();
  printf("emulator: %d checks, %d failures\n", checks, failures);
  return failures != 0;
}
