// The arg max of a row over the threads of a block, where ids can be left out.
#pragma once

#include "block.cuh"

// Bits of excluded[id].
constexpr int NOT_CHOOSABLE = 1;
constexpr int NOT_COUNTED = 2;

__device__ inline bool isExcluded(const unsigned char* excluded, int id, int bit) {
  return excluded && (excluded[id] & bit);
}

// A token with its value; id -1 is none.
template <class T> struct Choice {
  T value;
  int id;
};

// The larger value, and the lower id of equals.
template <class T> __device__ inline Choice<T> better(Choice<T> a, Choice<T> b) {
  bool second = a.id < 0 || (b.id >= 0 && (b.value > a.value || (b.value == a.value && b.id < a.id)));
  return second ? b : a;
}

template <class T> __device__ inline Choice<T> blockBest(Choice<T> choice) {
  __shared__ Choice<T> partial[32];
  for (int offset = 16; offset > 0; offset /= 2) {
    Choice<T> other;
    other.value = __shfl_xor_sync(WARP, choice.value, offset);
    other.id = __shfl_xor_sync(WARP, choice.id, offset);
    choice = better(choice, other);
  }
  if (threadIdx.x % 32 == 0) {
    partial[threadIdx.x / 32] = choice;
  }
  __syncthreads();
  Choice<T> best = partial[0];
  for (unsigned warp = 1; warp < blockDim.x / 32; warp++) {
    best = better(best, partial[warp]);
  }
  __syncthreads();
  return best;
}
