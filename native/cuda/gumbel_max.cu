// tokens[r] = argmax_v logits[r, v] - T ln(-ln u[r, v]) in double: a sample of softmax(logits / T).
// Logarithms are taken for tokens only that may win: with w = 1 - u = 2^k (1 + m), -ln u >= w and
// log2(1 + m) >= m, so the noise is at most -(k + m) ln 2; and k + m is what the bits of w spell, read
// as an integer, but for a constant. A bound that is above all roundings leaves nothing to chance.
// A block a row. Grid (R), block min(1024, V rounded up to 32).
#include "choice.cuh"

constexpr double LN2 = 0.69314718055994530942;
constexpr double SLACK = 1e-9; // more than the roundings of bound and logarithms

__device__ inline double largestNoise(double u) {
  double bits = (double)__double_as_longlong(1 - u); // 2^52 (k + m + 1023)
  return (1023 - bits / 4503599627370496.0) * LN2 + SLACK;
}

// uniform(id) gives the number of a token.
template <class Uniform>
__device__ void choose(
    int* tokens, const float* logits, const unsigned char* excluded, double temperature,
    int vocabulary, Uniform uniform) {
  const float* row = logits + (long long)blockIdx.x * vocabulary;
  Choice<double> choice = {0, -1};
  for (int id = threadIdx.x; id < vocabulary; id += blockDim.x) {
    if (isExcluded(excluded, id, NOT_CHOOSABLE)) {
      continue;
    }
    double logit = row[id];
    double u = uniform(id);
    if (choice.id >= 0 && __dadd_rn(logit, __dmul_rn(temperature, largestNoise(u))) < choice.value) {
      continue;
    }
    // No fused multiply-add: Java has none.
    double value = __dsub_rn(logit, __dmul_rn(temperature, log(-log(u))));
    if (choice.id < 0 || value > choice.value) {
      choice = {value, id};
    }
  }
  choice = blockBest(choice);
  if (threadIdx.x == 0) {
    tokens[blockIdx.x] = choice.id;
  }
}

struct Given {
  const double* u;

  __device__ double operator()(int id) const { return u[id]; }
};

// The numbers of llada.diffusion.RandomSource.seeded: SplitMix64 of a key (Steele, Lea and Flood 2014).
struct Seeded {
  long long key;

  __device__ double operator()(int id) const {
    unsigned long long z = (unsigned long long)key + (unsigned long long)id + 1;
    z += 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    z ^= z >> 31;
    return ((double)(z >> 12) + 0.5) * (1 / 4503599627370496.0); // 2^-52
  }
};

extern "C" __global__ void gumbel_max(
    int* tokens, const float* logits, const double* u, const unsigned char* excluded,
    double temperature, int vocabulary) {
  choose(
      tokens, logits, excluded, temperature, vocabulary,
      Given{u + (long long)blockIdx.x * vocabulary});
}

extern "C" __global__ void gumbel_max_seeded(
    int* tokens, const float* logits, const long long* keys, const unsigned char* excluded,
    double temperature, int vocabulary) {
  choose(tokens, logits, excluded, temperature, vocabulary, Seeded{keys[blockIdx.x]});
}
