package llada.checkpoint;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.SplittableRandom;
import llada.tensor.DType;
import llada.tensor.Floats;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;

/**
 * Random weights as they lie in a file. The codes are uniform; the scales are set so that the
 * values have mean 0 and the root mean square that is asked for, and vary by a quarter from block
 * to block.
 *
 * <p>The values are made in pieces of {@link #PIECE} numbers, each from a generator of its own, so
 * that they do not depend on who makes which.
 */
final class RandomWeights {
  /** Numbers in a piece: a multiple of every block length. */
  static final int PIECE = 1 << 18;

  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Root mean square of a number that is uniform from 0.75 to 1.25. */
  private static final double SPREAD = Math.sqrt(1 + 1 / 48.0);

  private final long seed;

  /** Weights of this seed. */
  RandomWeights(long seed) {
    this.seed = seed;
  }

  private SplittableRandom generator(String tensor, long piece) {
    long name = 0xcbf29ce484222325L;
    for (int i = 0; i < tensor.length(); i++) {
      name = (name ^ tensor.charAt(i)) * 0x100000001b3L; // FNV-1a
    }
    return RandomStreams.of(seed, Purpose.SYNTHETIC, name, piece);
  }

  /**
   * Fills {@code out} with piece number {@code piece} of a tensor, or its beginning if {@code out}
   * is shorter.
   *
   * @param out whole blocks of {@code type}
   * @param rms root mean square of the values
   */
  void fill(MemorySegment out, DType type, String tensor, long piece, double rms) {
    SplittableRandom random = generator(tensor, piece);
    long blocks = out.byteSize() / type.blockBytes();
    switch (type) {
      case F32, F16, BF16 -> floats(out, type, blocks, random, rms);
      case Q8_0 -> q8(out, blocks, random, rms);
      case Q4_0 -> q4(out, blocks, random, rms);
      case Q4_K -> kQuants(out, blocks, 144, 15, random, rms);
      case Q5_K -> kQuants(out, blocks, 176, 31, random, rms);
      case Q6_K -> q6(out, blocks, random, rms);
      default -> throw new IllegalArgumentException("no weights of type " + type + " are made");
    }
  }

  /** Fills {@code out} with the float32 weights of a norm, 0.9 to 1.1. */
  void fillNorm(MemorySegment out, String tensor) {
    SplittableRandom random = generator(tensor, 0);
    for (long at = 0; at < out.byteSize(); at += Float.BYTES) {
      out.set(FLOAT, at, (float) (1 + 0.1 * uniform(random)));
    }
  }

  /** From -1 to 1. */
  private static double uniform(SplittableRandom random) {
    return (random.nextLong() >> 11) * 0x1p-52;
  }

  private static void floats(
      MemorySegment out, DType type, long count, SplittableRandom random, double rms) {
    double range = Math.sqrt(3) * rms;
    for (long i = 0; i < count; i++) {
      float value = (float) (range * uniform(random));
      switch (type) {
        case F32 -> out.set(FLOAT, 4 * i, value);
        case F16 -> out.set(SHORT, 2 * i, Float.floatToFloat16(value));
        default -> out.set(SHORT, 2 * i, Floats.floatToBf16(value));
      }
    }
  }

  /** Random bits from byte {@code at}; {@code count} is a multiple of 8. */
  private static void bits(MemorySegment out, long at, int count, SplittableRandom random) {
    for (int i = 0; i < count; i += Long.BYTES) {
      out.set(LONG, at + i, random.nextLong());
    }
  }

  /** A block's scale, of root mean square {@code rms} and of random sign if {@code signed}. */
  private static void scale(
      MemorySegment out, long at, double rms, boolean signed, SplittableRandom random) {
    long bits = random.nextLong();
    double value = rms * (0.75 + 0.5 * (bits >>> 12) * 0x1p-52) / SPREAD;
    out.set(SHORT, at, Float.floatToFloat16((float) (signed && (bits & 1) != 0 ? -value : value)));
  }

  /** Root mean square of a code that is uniform from {@code min} to {@code max}. */
  private static double codeRms(int min, int max) {
    double sum = 0;
    for (int code = min; code <= max; code++) {
      sum += (double) code * code;
    }
    return Math.sqrt(sum / (max - min + 1));
  }

  private static void q8(MemorySegment out, long blocks, SplittableRandom random, double rms) {
    double mean = rms / codeRms(-127, 127);
    for (long at = 0; at < 34 * blocks; at += 34) {
      scale(out, at, mean, false, random);
      bits(out, at + 2, 32, random);
      for (int i = 0; i < 32; i++) {
        byte code = out.get(ValueLayout.JAVA_BYTE, at + 2 + i);
        if (code == Byte.MIN_VALUE) { // no quantiser writes it
          out.set(ValueLayout.JAVA_BYTE, at + 2 + i, (byte) -Byte.MAX_VALUE);
        }
      }
    }
  }

  // The codes are -8 to 7, so the sign of the scale is random, as in real files.
  private static void q4(MemorySegment out, long blocks, SplittableRandom random, double rms) {
    double mean = rms / codeRms(-8, 7);
    for (long at = 0; at < 18 * blocks; at += 18) {
      scale(out, at, mean, true, random);
      bits(out, at + 2, 16, random);
    }
  }

  /** Q4_K and Q5_K: scales of 32 to 63, and minima that take half of the range away. */
  private static void kQuants(
      MemorySegment out,
      long blocks,
      int blockBytes,
      int max,
      SplittableRandom random,
      double rms) {
    double centre = max / 2.0;
    double mean = rms / (codeRms(32, 63) * Math.sqrt(((max + 1.0) * (max + 1) - 1) / 12));
    byte[] scales = new byte[12];
    for (long at = 0; at < blockBytes * blocks; at += blockBytes) {
      scale(out, at, mean, false, random);
      float d = Float.float16ToFloat(out.get(SHORT, at));
      out.set(SHORT, at + 2, Float.floatToFloat16((float) (d * centre)));
      packScales(scales, random.nextLong());
      MemorySegment.copy(scales, 0, out, ValueLayout.JAVA_BYTE, at + 4, scales.length);
      bits(out, at + 16, blockBytes - 16, random);
    }
  }

  /** Eight scales of 32 to 63, and minima equal to them, in the packing of {@code Q4_K}. */
  private static void packScales(byte[] out, long bits) {
    for (int sub = 0; sub < 4; sub++) {
      int low = 32 | (int) (bits >>> 5 * sub & 31);
      int high = 32 | (int) (bits >>> 20 + 5 * sub & 31);
      byte first = (byte) (low | high >> 4 << 6);
      out[sub] = first;
      out[4 + sub] = first;
      out[8 + sub] = (byte) (high & 15 | (high & 15) << 4);
    }
  }

  private static void q6(MemorySegment out, long blocks, SplittableRandom random, double rms) {
    double mean = rms / (codeRms(64, 127) * codeRms(-32, 31));
    for (long at = 0; at < 210 * blocks; at += 210) {
      bits(out, at, 192, random);
      long[] words = {random.nextLong(), random.nextLong()};
      for (int i = 0; i < 16; i++) {
        int code = (int) (words[i / 8] >>> 8 * (i % 8) & 127) | 64;
        boolean negative = (words[i / 8] >>> 8 * (i % 8) & 128) != 0;
        out.set(ValueLayout.JAVA_BYTE, at + 192 + i, (byte) (negative ? -code : code));
      }
      scale(out, at + 208, mean, false, random);
    }
  }
}
