// Sums and choices over the threads of a block or a warp, always in the same order.
#pragma once

constexpr unsigned WARP = 0xffffffffu; // all lanes take part

// NVRTC knows no math.h.
#define INFINITE __int_as_float(0x7f800000)
#define NOT_A_NUMBER __int_as_float(0x7fffffff)

// The emulator has its own way of giving a block its memory.
#ifndef DYNAMIC_SHARED
#define DYNAMIC_SHARED(name) extern __shared__ float name[]
#endif

// What a thread of an element-wise kernel walks over: i, i + all threads, ...
#define FOR_EACH_ELEMENT(i, n)                                                                     \
  for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < (n);                    \
       i += (long long)gridDim.x * blockDim.x)

struct Add {
  template <class T> __device__ T operator()(T a, T b) const { return a + b; }
};

struct Max {
  __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
};

struct Min {
  __device__ int operator()(int a, int b) const { return a < b ? a : b; }
};

template <class T> __device__ inline T warpSum(T value) {
  for (int offset = 16; offset > 0; offset /= 2) {
    value += __shfl_xor_sync(WARP, value, offset);
  }
  return value;
}

// Every thread of a one-dimensional block gets the result. The block is a multiple of 32.
template <class T, class Op> __device__ inline T blockReduce(T value, Op op) {
  __shared__ T partial[32];
  for (int offset = 16; offset > 0; offset /= 2) {
    value = op(value, __shfl_xor_sync(WARP, value, offset));
  }
  if (threadIdx.x % 32 == 0) {
    partial[threadIdx.x / 32] = value;
  }
  __syncthreads();
  T result = partial[0];
  for (unsigned warp = 1; warp < blockDim.x / 32; warp++) {
    result = op(result, partial[warp]);
  }
  __syncthreads(); // the next call writes partial again
  return result;
}

template <class T> __device__ inline T blockSum(T value) { return blockReduce(value, Add()); }
