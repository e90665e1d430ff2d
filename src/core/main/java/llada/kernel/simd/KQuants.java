package llada.kernel.simd;

import static llada.kernel.simd.Quants.f16;
import static llada.kernel.simd.Quants.floats;
import static llada.kernel.simd.Quants.unsigned;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The quantised types with blocks of 256, on vectors, exact as in {@link Quants}: {@code
 * llada.tensor.BlockQ2_K}, {@code BlockQ3_K}, {@code BlockQ4_K}, {@code BlockQ6_K} and {@code
 * BlockIQ4_XS} describe them.
 */
final class KQuants {
  private KQuants() {}

  static void q2(float[] out, int at, byte[] raw, int count) {
    int in = 0;
    for (int done = 0; done < count; done += 256, in += 84) {
      float d = f16(raw, in + 80);
      float dmin = f16(raw, in + 82);
      for (int run = 0; run < 8; run++) { // of 32 numbers: four in each half
        for (int i = 0; i < 32; i += Lanes.COUNT) {
          int packed = raw[in + 2 * run + i / 16];
          FloatVector scale = broadcast(d * (packed & 0xF));
          FloatVector min = broadcast(dmin * (packed >> 4 & 0xF));
          floats(twoBits(raw, in + 16, run, i))
              .mul(scale)
              .sub(min)
              .intoArray(out, at + done + 32 * run + i);
        }
      }
    }
  }

  static void q3(float[] out, int at, byte[] raw, int count) {
    int in = 0;
    for (int done = 0; done < count; done += 256, in += 110) {
      float d = f16(raw, in + 108);
      for (int run = 0; run < 8; run++) {
        for (int i = 0; i < 32; i += Lanes.COUNT) {
          int sub = 2 * run + i / 16;
          int low = raw[in + 96 + (sub & 7)] >> 4 * (sub >> 3) & 0xF;
          int high = raw[in + 104 + (sub & 3)] >> 2 * (sub >> 2) & 3;
          IntVector third =
              unsigned(raw, in + i)
                  .lanewise(VectorOperators.LSHR, run)
                  .and(1)
                  .lanewise(VectorOperators.LSHL, 2);
          floats(twoBits(raw, in + 32, run, i).or(third).sub(4))
              .mul(broadcast(d * ((low | high << 4) - 32)))
              .intoArray(out, at + done + 32 * run + i);
        }
      }
    }
  }

  private static IntVector twoBits(byte[] raw, int packed, int run, int i) {
    return unsigned(raw, packed + 32 * (run >> 2) + i)
        .lanewise(VectorOperators.LSHR, 2 * (run & 3))
        .and(3);
  }

  /** IQ4_XS. */
  static void levels(float[] out, int at, byte[] raw, int count) {
    int spare = count / 256 * 136;
    int in = 0;
    for (int done = 0; done < count; done += 256, in += 136) {
      float d = f16(raw, in);
      for (int sub = 0; sub < 8; sub++) {
        int low = raw[in + 4 + (sub >> 1)] >> 4 * (sub & 1) & 0xF;
        int high = raw[in + 2 + (sub >> 2)] >> 2 * (sub & 3) & 3;
        float scale = d * ((low | high << 4) - 32);
        Quants.levels(out, at + done + 32 * sub, raw, in + 8 + 16 * sub, spare, scale, Quants.IQ4);
      }
    }
  }

  static void q4(float[] out, int at, byte[] raw, int count) {
    int in = 0;
    for (int done = 0; done < count; done += 256, in += 144) {
      float d = f16(raw, in);
      float dmin = f16(raw, in + 2);
      for (int j = 0; j < 4; j++) { // 32 bytes are sub-blocks 2j and 2j + 1
        FloatVector lowScale = broadcast(d * scale(raw, in + 4, 2 * j));
        FloatVector lowMin = broadcast(dmin * min(raw, in + 4, 2 * j));
        FloatVector highScale = broadcast(d * scale(raw, in + 4, 2 * j + 1));
        FloatVector highMin = broadcast(dmin * min(raw, in + 4, 2 * j + 1));
        int to = at + done + 64 * j;
        for (int i = 0; i < 32; i += Lanes.COUNT) {
          IntVector pair = unsigned(raw, in + 16 + 32 * j + i);
          floats(pair.and(0xF)).mul(lowScale).sub(lowMin).intoArray(out, to + i);
          floats(pair.lanewise(VectorOperators.LSHR, 4))
              .mul(highScale)
              .sub(highMin)
              .intoArray(out, to + 32 + i);
        }
      }
    }
  }

  static void q5(float[] out, int at, byte[] raw, int count) {
    int in = 0;
    for (int done = 0; done < count; done += 256, in += 176) {
      float d = f16(raw, in);
      float dmin = f16(raw, in + 2);
      for (int j = 0; j < 4; j++) {
        FloatVector lowScale = broadcast(d * scale(raw, in + 4, 2 * j));
        FloatVector lowMin = broadcast(dmin * min(raw, in + 4, 2 * j));
        FloatVector highScale = broadcast(d * scale(raw, in + 4, 2 * j + 1));
        FloatVector highMin = broadcast(dmin * min(raw, in + 4, 2 * j + 1));
        int to = at + done + 64 * j;
        for (int i = 0; i < 32; i += Lanes.COUNT) {
          IntVector pair = unsigned(raw, in + 48 + 32 * j + i);
          IntVector fifths = unsigned(raw, in + 16 + i).lanewise(VectorOperators.LSHR, 2 * j);
          IntVector low = pair.and(0xF).or(fifths.and(1).lanewise(VectorOperators.LSHL, 4));
          IntVector high =
              pair.lanewise(VectorOperators.LSHR, 4)
                  .or(fifths.and(2).lanewise(VectorOperators.LSHL, 3));
          floats(low).mul(lowScale).sub(lowMin).intoArray(out, to + i);
          floats(high).mul(highScale).sub(highMin).intoArray(out, to + 32 + i);
        }
      }
    }
  }

  static void q6(float[] out, int at, byte[] raw, int count) {
    int in = 0;
    for (int done = 0; done < count; done += 256, in += 210) {
      float d = f16(raw, in + 208);
      for (int quarters = 0; quarters < 8; quarters++) { // of 32 numbers: four in each half
        int half = quarters >> 2;
        int quarter = quarters & 3;
        int lows = in + 64 * half + 32 * (quarter & 1);
        int shift = 4 * (quarter >> 1);
        int highs = in + 128 + 32 * half;
        for (int i = 0; i < 32; i += Lanes.COUNT) {
          FloatVector scale = broadcast(d * raw[in + 192 + 2 * quarters + i / 16]);
          IntVector low = unsigned(raw, lows + i).lanewise(VectorOperators.LSHR, shift).and(0xF);
          IntVector high =
              unsigned(raw, highs + i)
                  .lanewise(VectorOperators.LSHR, 2 * quarter)
                  .and(3)
                  .lanewise(VectorOperators.LSHL, 4);
          floats(low.or(high).sub(32)).mul(scale).intoArray(out, at + done + 32 * quarters + i);
        }
      }
    }
  }

  /** As in {@code BlockQ4_K}. */
  private static int scale(byte[] raw, int packed, int sub) {
    return sub < 4
        ? raw[packed + sub] & 63
        : raw[packed + sub + 4] & 0xF | (raw[packed + sub - 4] & 0xFF) >> 6 << 4;
  }

  private static int min(byte[] raw, int packed, int sub) {
    return sub < 4
        ? raw[packed + sub + 4] & 63
        : (raw[packed + sub + 4] & 0xFF) >> 4 | (raw[packed + sub] & 0xFF) >> 6 << 4;
  }

  private static FloatVector broadcast(float value) {
    return FloatVector.broadcast(Lanes.F32, value);
  }
}
