// A warp's product of bfloat16 tiles on tensor cores (compute capability 8.0 and later).
// With group = lane / 4 and pair = 2 (lane % 4), a lane holds
//   of A (16, 16): rows group (a[0], a[2]) and group + 8 (a[1], a[3]), columns pair, pair + 1, and 8 more
//   of B (16, 8):  column group, rows pair, pair + 1 (b0), and 8 more (b1)
//   of C (16, 8):  row group (c[0], c[1]) and group + 8 (c[2], c[3]), columns pair, pair + 1
// and of two numbers in a word the lower half is the one with the lower index.
#pragma once

#ifndef LLADA_EMULATOR
// C += A B
__device__ inline void multiplyTiles(
    float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Two numbers as bfloat16 in a word.
__device__ inline unsigned packBf16(float low, float high) {
  unsigned word;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
}
#endif
