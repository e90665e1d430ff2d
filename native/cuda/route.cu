// Which experts a token goes to, and what each of them counts: the formula stands at
// llada.kernel.scalar.Route. The choice is the same: of equal scores the lower index comes first, and
// NaN before all. Exponentials and their sum are in double, the rest is rounded to float32 as there.
// A warp a token. Grid (T), block 32, shared 8 (E + groups) bytes.
#include "block.cuh"

constexpr int LAST_INDEX = 0x7fffffff;
constexpr long long MOST = 0x7fffffffffffffffLL;
constexpr long long LEAST = -MOST - 1;

struct Larger {
  __device__ long long operator()(long long a, long long b) const { return a > b ? a : b; }
};

// Larger for what comes first: by Float.compare, where -0 is less than 0 and NaN the largest, then by index.
__device__ inline long long place(float score, int index) {
  int bits = (int)__float_as_uint(score);
  int ordered = score != score ? 0x7fc00000 : bits < 0 ? bits ^ 0x7fffffff : bits;
  return ordered * (1LL << 32) + (LAST_INDEX - index);
}

__device__ inline int indexOf(long long place) { return LAST_INDEX - (int)(place & 0x7fffffff); }

// The first of those that come after `before`; the same for all lanes.
__device__ inline long long firstAfter(
    long long before, const float* scores, int count, const int* inUse, int size) {
  long long best = LEAST;
  for (int i = threadIdx.x; i < count; i += 32) {
    long long mine = place(scores[i], i);
    best = mine < before && mine > best && (!inUse || inUse[i / size]) ? mine : best;
  }
  return blockReduce(best, Larger());
}

// Of two or more scores.
__device__ inline float sumOfTwoLargest(const float* scores, int count) {
  long long first = LEAST;
  long long second = LEAST;
  for (int i = 0; i < count; i++) {
    long long mine = place(scores[i], i);
    second = mine > first ? first : mine > second ? mine : second;
    first = mine > first ? mine : first;
  }
  return scores[indexOf(first)] + scores[indexOf(second)];
}

extern "C" __global__ void route(
    int* experts, float* weights, const float* logits, const float* bias, int count, int perToken,
    int sigmoid, int biasInWeight, int normalise, float scale, int groups, int groupsUsed) {
  DYNAMIC_SHARED(scores);
  float* chosenBy = scores + count;
  float* groupScores = chosenBy + count;
  int* inUse = (int*)(groupScores + groups);
  const float* row = logits + (long long)blockIdx.x * count;

  float largest = -INFINITE;
  for (int i = threadIdx.x; i < count; i += 32) {
    largest = fmaxf(largest, row[i]);
  }
  largest = blockReduce(largest, Max());
  double sum = 0;
  for (int i = threadIdx.x; i < count && !sigmoid; i += 32) {
    sum += exp((double)(row[i] - largest));
  }
  sum = blockSum(sum);
  for (int i = threadIdx.x; i < count; i += 32) {
    scores[i] = (float)(sigmoid ? 1 / (1 + exp(-(double)row[i]))
                                : exp((double)(row[i] - largest)) / sum);
    chosenBy[i] = bias ? scores[i] + bias[i] : scores[i];
  }
  __syncthreads();

  int size = count / groups;
  for (int g = threadIdx.x; g < groups; g += 32) {
    groupScores[g] = groups > 1 ? sumOfTwoLargest(chosenBy + g * size, size) : 0;
    inUse[g] = 0;
  }
  __syncthreads();
  long long before = MOST;
  for (int j = 0; j < groupsUsed; j++) {
    before = firstAfter(before, groupScores, groups, nullptr, 1);
    inUse[indexOf(before)] = 1; // every lane writes the same
  }
  __syncthreads();

  long long at = (long long)blockIdx.x * perToken;
  const float* counted = biasInWeight ? chosenBy : scores;
  float total = 0;
  before = MOST;
  for (int j = 0; j < perToken; j++) {
    before = firstAfter(before, chosenBy, count, inUse, size);
    experts[at + j] = indexOf(before);
    total += counted[indexOf(before)];
  }
  float divisor = normalise && perToken > 1 ? total + 1e-20f : 1;
  for (int j = threadIdx.x; j < perToken; j += 32) {
    weights[at + j] = counted[experts[at + j]] / divisor * scale;
  }
}
