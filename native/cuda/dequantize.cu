// Weights of any type as float32, float16 or bfloat16, each number rounded to the nearest once.
// Grid min(65535, ceil(n / 256)), block 256.
#include "block.cuh"
#include "weights.cuh"

#define KERNELS(name, Weight)                                                                      \
  extern "C" __global__ void dequantize_##name##_f32(float* out, const void* in, long long n) {    \
    FOR_EACH_ELEMENT(i, n) { out[i] = Weight::at(in, i); }                                         \
  }                                                                                                \
  extern "C" __global__ void dequantize_##name##_f16(                                              \
      unsigned short* out, const void* in, long long n) {                                          \
    FOR_EACH_ELEMENT(i, n) { out[i] = floatToF16(Weight::at(in, i)); }                             \
  }                                                                                                \
  extern "C" __global__ void dequantize_##name##_bf16(                                             \
      unsigned short* out, const void* in, long long n) {                                          \
    FOR_EACH_ELEMENT(i, n) { out[i] = floatToBf16(Weight::at(in, i)); }                            \
  }

FOR_EACH_WEIGHT(KERNELS)
