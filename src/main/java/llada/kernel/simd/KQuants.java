package llada.kernel.simd;

import static llada.kernel.simd.Quants.f16;
import static llada.kernel.simd.Quants.floats;
import static llada.kernel.simd.Quants.unsigned;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The quantised types with blocks of 256, on vectors, exact as in {@link Quants}: {@code
 * llada.tensor.BlockQ4_K}, {@code BlockQ5_K} and {@code BlockQ6_K} describe them.
 */
final class KQuants {
  private KQuants() {}

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
      for (int half = 0; half < 2; half++) {
        int to = at + done + 128 * half;
        int scales =
            in + 192 + 8 * half; // number 32 * quarter + i has the one at 2 * quarter + i / 16
        for (int i = 0; i < 32; i += Lanes.COUNT) {
          IntVector pair0 = unsigned(raw, in + 64 * half + i);
          IntVector pair1 = unsigned(raw, in + 64 * half + 32 + i);
          IntVector high = unsigned(raw, in + 128 + 32 * half + i);
          int s = scales + i / 16;
          six(pair0.and(0xF), high, 0, d * raw[s], out, to + i);
          six(pair1.and(0xF), high, 2, d * raw[s + 2], out, to + 32 + i);
          six(pair0.lanewise(VectorOperators.LSHR, 4), high, 4, d * raw[s + 4], out, to + 64 + i);
          six(pair1.lanewise(VectorOperators.LSHR, 4), high, 6, d * raw[s + 6], out, to + 96 + i);
        }
      }
    }
  }

  /** The low four bits with the two of {@code high} from bit {@code shift}, scaled. */
  private static void six(
      IntVector low, IntVector high, int shift, float scale, float[] out, int at) {
    IntVector bits = high.lanewise(VectorOperators.LSHR, shift).and(3);
    IntVector q = low.or(bits.lanewise(VectorOperators.LSHL, 4)).sub(32);
    floats(q).mul(broadcast(scale)).intoArray(out, at);
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
