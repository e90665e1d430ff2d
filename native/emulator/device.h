// What a .cu file needs to be compiled for the host: CUDA's keywords, indices and intrinsics.
// A block's threads run one after another on fibers (fibers.cpp), and change at barriers only.
#pragma once

#define LLADA_EMULATOR 1

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernel.h"

#define __global__
#define __device__
#define __shared__ static // blocks run one at a time
#define __forceinline__ inline
#define __launch_bounds__(...)
#define DYNAMIC_SHARED(name) float* name = (float*)emulator::dynamicShared

struct alignas(16) float4 {
  float x, y, z, w;
};

#define threadIdx emulator::threadIndex
#define blockIdx emulator::blockIndex
#define blockDim emulator::blockSize
#define gridDim emulator::gridSize

inline void __syncthreads() { emulator::syncThreads(0); }
inline int __syncthreads_or(int predicate) { return emulator::syncThreads(predicate != 0); }
inline void __syncwarp(unsigned mask = 0xffffffffu) { emulator::exchange(mask, 0); }

template <class T> inline T emulatorShuffle(unsigned mask, T value, unsigned lane) {
  static_assert(sizeof(T) <= sizeof(uint64_t), "a lane exchanges at most 8 bytes");
  uint64_t bits = 0;
  memcpy(&bits, &value, sizeof(T));
  const uint64_t* lanes = emulator::exchange(mask, bits);
  memcpy(&value, &lanes[emulator::checkedLane(lane)], sizeof(T));
  return value;
}

template <class T> inline T __shfl_xor_sync(unsigned mask, T value, int bits) {
  return emulatorShuffle(mask, value, emulator::lane() ^ (unsigned)bits);
}

template <class T> inline T __shfl_sync(unsigned mask, T value, int from) {
  return emulatorShuffle(mask, value, (unsigned)from % 32);
}

template <class T> inline T __shfl_down_sync(unsigned mask, T value, unsigned by) {
  unsigned lane = emulator::lane();
  return emulatorShuffle(mask, value, lane + by < 32 ? lane + by : lane);
}

inline unsigned __ballot_sync(unsigned mask, int predicate) {
  const uint64_t* lanes = emulator::exchange(mask, predicate != 0);
  unsigned bits = 0;
  for (unsigned lane = 0; lane < emulator::lanes(); lane++) {
    bits |= (unsigned)lanes[lane] << lane;
  }
  return bits;
}

inline int __ffs(int bits) { return __builtin_ffs(bits); }
inline int __popc(unsigned bits) { return __builtin_popcount(bits); }

// The build forbids contraction, so these round where CUDA's do.
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float a) { return sqrtf(a); }

template <class To, class From> inline To emulatorBits(From from) {
  static_assert(sizeof(To) == sizeof(From), "as many bits");
  To to;
  memcpy(&to, &from, sizeof(To));
  return to;
}

inline float __uint_as_float(unsigned bits) { return emulatorBits<float>(bits); }
inline unsigned __float_as_uint(float value) { return emulatorBits<unsigned>(value); }
inline float __int_as_float(int bits) { return emulatorBits<float>(bits); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline long long __double_as_longlong(double value) { return emulatorBits<long long>(value); }

inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }

inline int __dp4a(int a, int b, int sum) {
  for (int i = 0; i < 4; i++) {
    sum += (int8_t)(a >> 8 * i) * (int8_t)(b >> 8 * i);
  }
  return sum;
}

// See weights.cuh, where a GPU has instructions for these.
inline float f16ToFloat(unsigned short bits) {
  return (float)emulatorBits<_Float16>(bits);
}

inline unsigned short floatToF16(float value) {
  return emulatorBits<unsigned short>((_Float16)value);
}

inline unsigned short floatToBf16(float value) {
  unsigned bits = __float_as_uint(value);
  if (value != value) {
    return 0x7fff;
  }
  return (unsigned short)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// See tensor_core.cuh: who holds what.
inline unsigned packBf16(float low, float high) {
  return floatToBf16(low) | (unsigned)floatToBf16(high) << 16;
}

inline void multiplyTiles(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  unsigned left[4][32];
  unsigned right[2][32];
  const unsigned mine[6] = {a[0], a[1], a[2], a[3], b0, b1};
  for (int word = 0; word < 6; word++) {
    const uint64_t* lanes = emulator::exchange(0xffffffffu, mine[word]);
    for (unsigned lane = 0; lane < 32; lane++) {
      (word < 4 ? left[word] : right[word - 4])[lane] = (unsigned)lanes[lane];
    }
  }
  auto half = [](unsigned word, int high) { return __uint_as_float(high ? word & 0xffff0000u : word << 16); };
  int group = (int)emulator::lane() / 4;
  int pair = (int)emulator::lane() % 4 * 2;
  for (int i = 0; i < 4; i++) {
    int row = group + i / 2 * 8;
    int column = pair + i % 2;
    for (int k = 0; k < 16; k++) {
      float x = half(left[row / 8 + k / 8 * 2][row % 8 * 4 + k % 8 / 2], k % 2);
      float y = half(right[k / 8][column * 4 + k % 8 / 2], k % 2);
      c[i] += x * y;
    }
  }
}
