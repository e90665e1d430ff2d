// What one block of a product of few tokens multiplies: up to 8 rows of x, and the weight that is theirs.
#pragma once

constexpr int TOKENS = 8;

struct Part {
  const void* weight;
  int first, count;
};

// With a list, an entry a blockIdx.y: the rows of an expert. Without, eight after eight of all rows.
__device__ inline Part partOfBlock(const Part* parts, const void* weight, int tokens) {
  if (parts) {
    return parts[blockIdx.y];
  }
  int first = blockIdx.y * TOKENS;
  return {weight, first, min(TOKENS, tokens - first)};
}
