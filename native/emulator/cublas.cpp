// libcublas.so.13: matrix products with cuBLAS's rules. Matrices are stored by columns; a leading
// dimension is at least the number of stored rows; what a type combination does not allow is refused.

#include <set>
#include <vector>

#include "emulator.h"

using namespace emulator;

struct cublasHandle_tObject {
  CUstream stream = nullptr;
  cublasMath_t mode = CUBLAS_DEFAULT_MATH;
};

namespace {

std::set<cublasHandle_t>& handles() {
  static auto* all = new std::set<cublasHandle_t>();
  return *all;
}

// A matrix as it is stored.
struct Stored {
  CUdeviceptr at;
  cudaDataType type;
  long long leading;
  long long rows, columns;
};

size_t size(cudaDataType type) { return type == CUDA_R_32F ? 4 : 2; }

size_t bytes(const Stored& m) {
  return m.columns == 0 ? 0 : (size_t)((m.columns - 1) * m.leading + m.rows) * size(m.type);
}

float bf16(unsigned short bits) {
  unsigned wide = (unsigned)bits << 16;
  float value;
  memcpy(&value, &wide, 4);
  return value;
}

unsigned short toBf16(float value) {
  unsigned bits;
  memcpy(&bits, &value, 4);
  return value != value ? 0x7fff : (unsigned short)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// Rounds to the 10 bits of TensorFloat-32.
float tf32(float value) {
  unsigned bits;
  memcpy(&bits, &value, 4);
  if (value != value || value - value != 0) {
    return value;
  }
  bits = (bits + 0xfff + (bits >> 13 & 1)) & ~0x1fffu;
  memcpy(&value, &bits, 4);
  return value;
}

float load(const Stored& m, long long row, long long column) {
  long long i = column * m.leading + row;
  switch (m.type) {
    case CUDA_R_32F: return ((const float*)m.at)[i];
    case CUDA_R_16F: return (float)((const _Float16*)m.at)[i];
    default: return bf16(((const unsigned short*)m.at)[i]);
  }
}

void store(const Stored& m, long long row, long long column, float value) {
  long long i = column * m.leading + row;
  switch (m.type) {
    case CUDA_R_32F: ((float*)m.at)[i] = value; break;
    case CUDA_R_16F: ((_Float16*)m.at)[i] = (_Float16)value; break;
    default: ((unsigned short*)m.at)[i] = toBf16(value);
  }
}

// count vectors of length, one after another: columns of the matrix, or its rows.
std::vector<float> vectors(
    const Stored& m, bool ofRows, long long count, long long length, bool rounded) {
  std::vector<float> out((size_t)(count * length));
  for (long long v = 0; v < count; v++) {
    for (long long i = 0; i < length; i++) {
      float value = ofRows ? load(m, v, i) : load(m, i, v);
      out[(size_t)(v * length + i)] = rounded ? tf32(value) : value;
    }
  }
  return out;
}

float dot(const float* a, const float* b, long long length) {
  float sums[16] = {};
  long long i = 0;
  for (; i + 16 <= length; i += 16) {
    for (int lane = 0; lane < 16; lane++) {
      sums[lane] += a[i + lane] * b[i + lane];
    }
  }
  float sum = 0;
  for (; i < length; i++) {
    sum += a[i] * b[i];
  }
  for (float part : sums) {
    sum += part;
  }
  return sum;
}

struct Product {
  Stored a, b, c;
  bool transposeA, transposeB;
  long long m, n, k;
  float alpha, beta;
  bool rounded;
};

void multiply(const Product& p) {
  std::vector<float> a = vectors(p.a, !p.transposeA, p.m, p.k, p.rounded);
  std::vector<float> b = vectors(p.b, p.transposeB, p.n, p.k, p.rounded);
  for (long long column = 0; column < p.n; column++) {
    for (long long row = 0; row < p.m; row++) {
      float sum = p.alpha * dot(&a[(size_t)(row * p.k)], &b[(size_t)(column * p.k)], p.k);
      // With beta 0, C is not read: it may hold anything.
      store(p.c, row, column, p.beta == 0 ? sum : sum + p.beta * load(p.c, row, column));
    }
  }
}

bool stored(const Stored& m, const char* which, std::string* why) {
  if (m.at % size(m.type) != 0) {
    *why = std::string(which) + " is not aligned to its type";
    return false;
  }
  if (!inside(m.at, bytes(m), why)) {
    *why = std::string(which) + ": " + *why;
    return false;
  }
  return true;
}

cublasStatus_t refuse(cublasStatus_t status, const std::string& why) {
  report("cublasGemmEx: " + why);
  return status;
}

}  // namespace

#define CALL extern "C" EMULATOR_API cublasStatus_t
#define LOCKED std::lock_guard<std::recursive_mutex> hold(lock())
#define WITH_HANDLE(handle)                                                                        \
  LOCKED;                                                                                          \
  if (!handles().count(handle)) {                                                                  \
    return CUBLAS_STATUS_NOT_INITIALIZED;                                                          \
  }

CALL cublasCreate_v2(cublasHandle_t* handle) {
  LOCKED;
  if (!handle) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  if (setting("devices") == 0 || ready() != CUDA_SUCCESS) {
    return CUBLAS_STATUS_NOT_INITIALIZED;
  }
  *handle = new cublasHandle_tObject();
  handles().insert(*handle);
  return CUBLAS_STATUS_SUCCESS;
}

CALL cublasDestroy_v2(cublasHandle_t handle) {
  WITH_HANDLE(handle);
  handles().erase(handle);
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

CALL cublasGetVersion_v2(cublasHandle_t, int* version) {
  if (!version) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  *version = 130000;
  return CUBLAS_STATUS_SUCCESS;
}

CALL cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  WITH_HANDLE(handle);
  handle->stream = (CUstream)stream;
  return CUBLAS_STATUS_SUCCESS;
}

CALL cublasSetWorkspace_v2(cublasHandle_t handle, void* workspace, size_t bytes) {
  WITH_HANDLE(handle);
  std::string why;
  if ((uintptr_t)workspace % 256 != 0 ||
      (workspace && !inside((CUdeviceptr)workspace, bytes, &why))) {
    return refuse(CUBLAS_STATUS_INVALID_VALUE, "workspace not aligned to 256 bytes, or " + why);
  }
  return CUBLAS_STATUS_SUCCESS;
}

CALL cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
  WITH_HANDLE(handle);
  handle->mode = mode;
  return CUBLAS_STATUS_SUCCESS;
}

CALL cublasGemmEx(
    cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m, int n, int k,
    const void* alpha, const void* A, cudaDataType Atype, int lda, const void* B,
    cudaDataType Btype, int ldb, const void* beta, void* C, cudaDataType Ctype, int ldc,
    cublasComputeType_t computeType, cublasGemmAlgo_t) {
  WITH_HANDLE(handle);
  if (fails("fail_gemm_at")) {
    return refuse(CUBLAS_STATUS_EXECUTION_FAILED, "a product that was to fail");
  }
  if (ready() != CUDA_SUCCESS) {
    return refuse(CUBLAS_STATUS_EXECUTION_FAILED, "no context, or a fault before");
  }
  if (m < 0 || n < 0 || k < 0 || !alpha || !beta || transa > CUBLAS_OP_T || transb > CUBLAS_OP_T) {
    return refuse(CUBLAS_STATUS_INVALID_VALUE, "a negative size, no factors or a conjugate");
  }
  bool halves = Atype == CUDA_R_16F || Atype == CUDA_R_16BF;
  bool known = (Atype == CUDA_R_32F || halves) && Atype == Btype &&
               (Ctype == CUDA_R_32F || Ctype == Atype);
  bool tensor = computeType == CUBLAS_COMPUTE_32F_FAST_TF32 && !halves;
  if (!known || (computeType != CUBLAS_COMPUTE_32F && computeType != CUBLAS_COMPUTE_32F_PEDANTIC &&
                 !tensor)) {
    return refuse(CUBLAS_STATUS_NOT_SUPPORTED, "a combination of types that cuBLAS has not, or "
                                               "that the emulator does not know");
  }
  Product p;
  p.transposeA = transa == CUBLAS_OP_T;
  p.transposeB = transb == CUBLAS_OP_T;
  p.m = m;
  p.n = n;
  p.k = k;
  p.alpha = *(const float*)alpha;
  p.beta = *(const float*)beta;
  p.rounded = tensor || (handle->mode == CUBLAS_TF32_TENSOR_OP_MATH && Atype == CUDA_R_32F &&
                         computeType == CUBLAS_COMPUTE_32F);
  p.a = {(CUdeviceptr)A, Atype, lda, p.transposeA ? k : m, p.transposeA ? m : k};
  p.b = {(CUdeviceptr)B, Btype, ldb, p.transposeB ? n : k, p.transposeB ? k : n};
  p.c = {(CUdeviceptr)C, Ctype, ldc, m, n};
  for (const Stored& matrix : {p.a, p.b, p.c}) {
    if (matrix.leading < std::max(1LL, matrix.rows)) {
      return refuse(CUBLAS_STATUS_INVALID_VALUE,
                    "leading dimension " + std::to_string(matrix.leading) + " of a matrix of " +
                        std::to_string(matrix.rows) + " rows by columns");
    }
  }
  if (m == 0 || n == 0) {
    return CUBLAS_STATUS_SUCCESS;
  }
  count("gemm");
  CUresult result = enqueue(handle->stream, [p]() -> CUresult {
    std::string why;
    if (!stored(p.a, "A", &why) || !stored(p.b, "B", &why) || !stored(p.c, "C", &why)) {
      report("cublasGemmEx: " + why);
      return CUDA_ERROR_ILLEGAL_ADDRESS;
    }
    multiply(p);
    return CUDA_SUCCESS;
  });
  return result == CUDA_SUCCESS ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

extern "C" EMULATOR_API const char* cublasGetStatusName(cublasStatus_t status) {
  const char* name = statusName("CUBLAS_STATUS_", status);
  return name ? name : "CUBLAS_STATUS unknown";
}

extern "C" EMULATOR_API const char* cublasGetStatusString(cublasStatus_t status) {
  return cublasGetStatusName(status);
}
