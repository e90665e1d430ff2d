// The weight types as llada.tensor.DType defines them: one struct a type, at(data, i) is number i.
// Written with roundings spelled out, so that no fused multiply-add makes a number differ from Java's.
#pragma once

#ifndef LLADA_EMULATOR
__device__ inline float f16ToFloat(unsigned short bits) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
}

__device__ inline unsigned short floatToF16(float value) {
  unsigned short bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
}

__device__ inline unsigned short floatToBf16(float value) {
  unsigned short bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
}
#endif

__device__ inline float bf16ToFloat(unsigned short bits) {
  return __uint_as_float((unsigned)bits << 16);
}

// A float16 inside a block, which starts at an even byte.
__device__ inline float scaleAt(const unsigned char* at) {
  return f16ToFloat(*(const unsigned short*)at);
}

struct F64 {
  __device__ static float at(const void* data, long long i) {
    return (float)((const double*)data)[i];
  }
};

struct F32 {
  __device__ static float at(const void* data, long long i) { return ((const float*)data)[i]; }
};

struct F16 {
  __device__ static float at(const void* data, long long i) {
    return f16ToFloat(((const unsigned short*)data)[i]);
  }
};

struct BF16 {
  __device__ static float at(const void* data, long long i) {
    return bf16ToFloat(((const unsigned short*)data)[i]);
  }
};

struct Q8_0 {
  __device__ static float at(const void* data, long long i) {
    const unsigned char* block = (const unsigned char*)data + i / 32 * 34;
    return scaleAt(block) * (signed char)block[2 + i % 32];
  }
};

// 16 bytes of codes of four bits, as Q4_0 has them; with fifth bits in the 4 bytes before them.
__device__ inline int nibble(const unsigned char* codes, int column) {
  int pair = codes[column % 16];
  return column < 16 ? pair & 15 : pair >> 4;
}

__device__ inline int fiveBits(const unsigned char* fifths, int column) {
  return nibble(fifths + 4, column) | (fifths[column / 8] >> column % 8 & 1) << 4;
}

struct Q4_0 {
  __device__ static float at(const void* data, long long i) {
    const unsigned char* block = (const unsigned char*)data + i / 32 * 18;
    return scaleAt(block) * (nibble(block + 2, (int)(i % 32)) - 8);
  }
};

struct Q4_1 {
  __device__ static float at(const void* data, long long i) {
    const unsigned char* block = (const unsigned char*)data + i / 32 * 20;
    int q = nibble(block + 4, (int)(i % 32));
    return __fadd_rn(__fmul_rn(scaleAt(block), (float)q), scaleAt(block + 2));
  }
};

struct Q5_0 {
  __device__ static float at(const void* data, long long i) {
    const unsigned char* block = (const unsigned char*)data + i / 32 * 22;
    return scaleAt(block) * (fiveBits(block + 2, (int)(i % 32)) - 16);
  }
};

struct Q5_1 {
  __device__ static float at(const void* data, long long i) {
    const unsigned char* block = (const unsigned char*)data + i / 32 * 24;
    int q = fiveBits(block + 4, (int)(i % 32));
    return __fadd_rn(__fmul_rn(scaleAt(block), (float)q), scaleAt(block + 2));
  }
};

__device__ inline int iq4Level(int code) {
  const signed char levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                  1,    13,   25,  38,  53,  69,  89,  113};
  return levels[code];
}

struct IQ4_NL {
  __device__ static float at(const void* data, long long i) {
    const unsigned char* block = (const unsigned char*)data + i / 32 * 18;
    return scaleAt(block) * iq4Level(nibble(block + 2, (int)(i % 32)));
  }
};

// The scale is half of what E8M0 means, the level twice what E2M1 means.
struct MXFP4 {
  __device__ static float at(const void* data, long long i) {
    const unsigned char* block = (const unsigned char*)data + i / 32 * 17;
    int code = nibble(block + 1, (int)(i % 32));
    int exponent = code >> 1 & 3;
    int level = exponent == 0 ? code & 1 : (2 | (code & 1)) << (exponent - 1);
    unsigned e = block[0];
    float scale = __uint_as_float(e < 2 ? 0x00200000u << e : (e - 1) << 23);
    return scale * (code & 8 ? -level : level);
  }
};

// Number i of 256: two bits of it, in 32 bytes a half.
__device__ inline int twoBits(const unsigned char* packed, int i) {
  return packed[32 * (i / 128) + i % 32] >> 2 * (i / 32 % 4) & 3;
}

struct Q2_K {
  __device__ static float at(const void* data, long long i) {
    const unsigned char* block = (const unsigned char*)data + i / 256 * 84;
    int within = (int)(i % 256);
    int packed = block[within / 16];
    float scale = __fmul_rn(scaleAt(block + 80), (float)(packed & 15));
    float min = __fmul_rn(scaleAt(block + 82), (float)(packed >> 4));
    return __fsub_rn(__fmul_rn(scale, (float)twoBits(block + 16, within)), min);
  }
};

struct Q3_K {
  __device__ static float at(const void* data, long long i) {
    const unsigned char* block = (const unsigned char*)data + i / 256 * 110;
    int within = (int)(i % 256);
    int sub = within / 16;
    int low = block[96 + sub % 8] >> 4 * (sub / 8) & 15;
    int high = block[104 + sub % 4] >> 2 * (sub / 4) & 3;
    int third = block[within % 32] >> within / 32 & 1;
    float scale = __fmul_rn(scaleAt(block + 108), (float)((low | high << 4) - 32));
    return scale * ((twoBits(block + 32, within) | third << 2) - 4);
  }
};

struct IQ4_XS {
  __device__ static float at(const void* data, long long i) {
    const unsigned char* block = (const unsigned char*)data + i / 256 * 136;
    int sub = (int)(i % 256) / 32;
    int low = block[4 + sub / 2] >> 4 * (sub & 1) & 15;
    int high = block[2 + sub / 4] >> 2 * (sub % 4) & 3;
    float scale = __fmul_rn(scaleAt(block), (float)((low | high << 4) - 32));
    return scale * iq4Level(nibble(block + 8 + 16 * sub, (int)(i % 32)));
  }
};

// Scale and minimum of sub-block 0..7, of Q4_K and Q5_K: 6 bits each, packed into 12 bytes.
__device__ inline int packedScale(const unsigned char* packed, int sub) {
  return sub < 4 ? packed[sub] & 63 : (packed[sub + 4] & 15) | packed[sub - 4] >> 6 << 4;
}

__device__ inline int packedMin(const unsigned char* packed, int sub) {
  return sub < 4 ? packed[sub + 4] & 63 : packed[sub + 4] >> 4 | packed[sub] >> 6 << 4;
}

__device__ inline float scaleTimesQLessMin(const unsigned char* block, int sub, int q) {
  float scale = __fmul_rn(scaleAt(block), (float)packedScale(block + 4, sub));
  float min = __fmul_rn(scaleAt(block + 2), (float)packedMin(block + 4, sub));
  return __fsub_rn(__fmul_rn(scale, (float)q), min);
}

struct Q4_K {
  __device__ static int q(const unsigned char* block, int sub, int column) {
    return block[16 + 32 * (sub / 2) + column] >> 4 * (sub & 1) & 15;
  }

  __device__ static float at(const void* data, long long i) {
    const unsigned char* block = (const unsigned char*)data + i / 256 * 144;
    int sub = (int)(i % 256) / 32;
    return scaleTimesQLessMin(block, sub, q(block, sub, (int)(i % 32)));
  }
};

struct Q5_K {
  __device__ static int q(const unsigned char* block, int sub, int column) {
    int low = block[48 + 32 * (sub / 2) + column] >> 4 * (sub & 1) & 15;
    return low | (block[16 + column] >> sub & 1) << 4;
  }

  __device__ static float at(const void* data, long long i) {
    const unsigned char* block = (const unsigned char*)data + i / 256 * 176;
    int sub = (int)(i % 256) / 32;
    return scaleTimesQLessMin(block, sub, q(block, sub, (int)(i % 32)));
  }
};

struct Q6_K {
  // sub counts groups of 32: half sub / 4, quarter sub % 4.
  __device__ static int q(const unsigned char* block, int sub, int column) {
    int quarter = sub & 3;
    int low = block[64 * (sub / 4) + 32 * (quarter & 1) + column] >> 4 * (quarter / 2) & 15;
    int high = block[128 + 32 * (sub / 4) + column] >> 2 * quarter & 3;
    return (low | high << 4) - 32;
  }

  __device__ static float at(const void* data, long long i) {
    const unsigned char* block = (const unsigned char*)data + i / 256 * 210;
    int within = (int)(i % 256);
    float scale = __fmul_rn(scaleAt(block + 208), (float)(signed char)block[192 + within / 16]);
    return scale * q(block, within / 32, within % 32);
  }
};

// M(name as in a kernel's name, struct)
#define FOR_EACH_WEIGHT(M)                                                                         \
  M(f64, F64)                                                                                      \
  M(f32, F32)                                                                                      \
  M(f16, F16)                                                                                      \
  M(bf16, BF16)                                                                                    \
  M(q8_0, Q8_0)                                                                                    \
  M(q4_0, Q4_0)                                                                                    \
  M(q4_1, Q4_1)                                                                                    \
  M(q5_0, Q5_0)                                                                                    \
  M(q5_1, Q5_1)                                                                                    \
  M(q2_k, Q2_K)                                                                                    \
  M(q3_k, Q3_K)                                                                                    \
  M(q4_k, Q4_K)                                                                                    \
  M(q5_k, Q5_K)                                                                                    \
  M(q6_k, Q6_K)                                                                                    \
  M(iq4_nl, IQ4_NL)                                                                                \
  M(iq4_xs, IQ4_XS)                                                                                \
  M(mxfp4, MXFP4)
