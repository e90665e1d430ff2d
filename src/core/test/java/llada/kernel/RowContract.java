package llada.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import llada.backend.ThreadPool;
import llada.kernel.scalar.AttentionMask;
import llada.kernel.scalar.AttentionShape;
import llada.kernel.scalar.Exclusions;
import llada.kernel.scalar.GumbelMax;
import llada.kernel.scalar.RopeLayout;
import llada.kernel.scalar.RopeTables;
import llada.kernel.scalar.SoftmaxStatistics;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The rule on rows of {@link Kernels}: three rows are computed one by one, then among many others,
 * first, in the middle and last, on several numbers of threads, and must have the same bits. The
 * others are normal, huge, tiny, zero, infinite or NaN.
 */
public interface RowContract {
  /** The kernels on trial. */
  Kernels kernels(Parallel parallel);

  /** Numbers of threads; one where the kernels do not care. */
  default List<Integer> threads() {
    return List.of(1, 2, 3, 7);
  }

  int PROBES = 3;

  /**
   * What an op makes of T rows.
   *
   * @see #sameInAnyCompany
   */
  interface RowOp {
    /**
     * Runs the op.
     *
     * @param inputs (T, ·) each
     * @param who (T) which row this is: 0 to 2, or above where it is company
     * @return (T, ·); only the rows below 3 of {@code who} count
     */
    double[][] apply(Kernels kernels, Arena arena, Tensor[] inputs, int[] who);
  }

  private static Tensor input(Arena arena, int i, int columns, int[] who) {
    Tensor input = Numbers.random(arena, 100L + i, i, who.length, columns);
    float[] extremes = {
      1, 1, Float.NaN, 1e30f, 1e-30f, 0, Float.POSITIVE_INFINITY, -7 * Float.MIN_VALUE
    };
    for (int t = 0; t < who.length; t++) {
      Random random = new Random(31L * i + who[t]);
      float factor = who[t] < PROBES ? 1 : extremes[who[t] % extremes.length];
      for (int c = 0; c < columns; c++) {
        input.set((long) t * columns + c, (float) random.nextGaussian() * factor);
      }
    }
    return input;
  }

  private static double[][] run(Kernels kernels, int[] columns, int[] who, RowOp op) {
    try (Arena arena = Arena.ofShared()) {
      Tensor[] inputs = new Tensor[columns.length];
      Arrays.setAll(inputs, i -> input(arena, i, columns[i], who));
      return op.apply(kernels, arena, inputs, who);
    }
  }

  /** The test of an op whose inputs have so many columns. */
  private void sameInAnyCompany(int[] columns, RowOp op) {
    double[][] alone = new double[PROBES][];
    Kernels serial = kernels(Parallel.SERIAL);
    for (int probe = 0; probe < PROBES; probe++) {
      alone[probe] = run(serial, columns, new int[] {probe}, op)[0];
      assertThat(alone[probe]).isNotEmpty().matches(row -> Double.isFinite(row[0]));
    }
    for (int threads : threads()) {
      try (ThreadPool pool = new ThreadPool(threads)) {
        Kernels kernels = kernels(pool);
        int[] few = {9, 33};
        int[] many = {7, 8, 9, 16, 17, 32, 33, 256};
        for (int tokens : threads == 1 ? many : few) {
          int[] who = new int[tokens];
          Arrays.setAll(who, t -> PROBES + t);
          who[0] = 0;
          who[tokens / 2] = 1;
          who[tokens - 1] = 2;
          double[][] found = run(kernels, columns, who, op);
          for (int t : new int[] {0, tokens / 2, tokens - 1}) {
            assertThat(found[t])
                .as("row %d of %d, %d threads", t, tokens, threads)
                .isEqualTo(alone[who[t]]);
          }
        }
      }
    }
  }

  private static double[][] rows(Tensor tensor) {
    double[][] rows = new double[tensor.dim(0)][tensor.dim(1)];
    for (int t = 0; t < rows.length; t++) {
      for (int i = 0; i < rows[t].length; i++) {
        rows[t][i] = tensor.get((long) t * rows[t].length + i);
      }
    }
    return rows;
  }

  private static Tensor out(Arena arena, int[] who, int columns) {
    return Tensor.allocate(arena, DType.F32, who.length, columns);
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  default void matmul(DType dtype) {
    for (int k : dtype.blockLength() > 1 ? new int[] {768} : new int[] {40, 71, 544, 768}) {
      try (Arena shared = Arena.ofShared()) {
        Tensor w = Numbers.randomWeight(shared, 5, dtype, 37, k);
        sameInAnyCompany(
            new int[] {k},
            (kernels, arena, in, who) -> {
              Tensor out = out(arena, who, 37);
              kernels.matmul(out, in[0], w);
              return rows(out);
            });
        sameInAnyCompany(
            new int[] {37},
            (kernels, arena, in, who) -> {
              Tensor dx = out(arena, who, k);
              kernels.matmulBackwardInput(dx, in[0], w);
              return rows(dx);
            });
      }
    }
  }

  @Test
  default void matmulBackwardInputInMachineCode() {
    try (Arena shared = Arena.ofShared()) {
      Tensor w = Numbers.random(shared, 6, 0, 48, 64);
      sameInAnyCompany(
          new int[] {48},
          (kernels, arena, in, who) -> {
            Tensor dx = out(arena, who, 64);
            kernels.matmulBackwardInput(dx, in[0], w);
            return rows(dx);
          });
    }
  }

  @Test
  default void embedding() {
    for (DType dtype : DType.values()) {
      try (Arena shared = Arena.ofShared()) {
        Tensor table = Numbers.randomWeight(shared, 6, dtype, 300, 256);
        sameInAnyCompany(
            new int[] {},
            (kernels, arena, in, who) -> {
              Tensor out = out(arena, who, 256);
              kernels.embedding(out, who, table);
              return rows(out);
            });
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"5", "64", "257", "1040"})
  default void rmsNorm(int c) {
    try (Arena shared = Arena.ofShared()) {
      Tensor weight = Numbers.random(shared, 7, 0, c);
      sameInAnyCompany(
          new int[] {c},
          (kernels, arena, in, who) -> {
            Tensor out = out(arena, who, c);
            kernels.rmsNorm(out, in[0], weight, 1e-5f);
            return rows(out);
          });
      sameInAnyCompany(
          new int[] {c, c},
          (kernels, arena, in, who) -> {
            Tensor dx = out(arena, who, c);
            Tensor dWeight = Tensor.allocate(arena, DType.F32, c);
            kernels.rmsNormBackward(dx, dWeight, in[0], in[1], weight, 1e-5f);
            return rows(dx);
          });
    }
  }

  @ParameterizedTest
  @EnumSource(RopeLayout.class)
  default void rope(RopeLayout layout) {
    for (int d : new int[] {2, 20, 64, 128}) {
      try (Arena shared = Arena.ofShared()) {
        Tensor cos = Tensor.allocate(shared, DType.F32, 300, d / 2);
        Tensor sin = Tensor.allocate(shared, DType.F32, 300, d / 2);
        llada.kernel.scalar.Rope.fillTables(cos, sin, 500000);
        RopeTables tables = new RopeTables(cos, sin, d == 64 ? 96 : d, layout);
        sameInAnyCompany(
            new int[] {3 * tables.headDim()},
            (kernels, arena, in, who) -> {
              kernels.rope(in[0], who, tables);
              return rows(in[0]);
            });
        sameInAnyCompany(
            new int[] {3 * tables.headDim()},
            (kernels, arena, in, who) -> {
              kernels.ropeBackward(in[0], who, tables);
              return rows(in[0]);
            });
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"5", "24", "176", "1000"})
  default void swiGluAndResidual(int f) {
    sameInAnyCompany(
        new int[] {f, f},
        (kernels, arena, in, who) -> {
          kernels.swiGlu(in[0], in[0], in[1]);
          return rows(in[0]);
        });
    sameInAnyCompany(
        new int[] {f, f, f},
        (kernels, arena, in, who) -> {
          kernels.swiGluBackward(in[0], in[1], in[2], in[0], in[1]);
          return rows(in[0]);
        });
    sameInAnyCompany(
        new int[] {f, f, f},
        (kernels, arena, in, who) -> {
          kernels.swiGluBackward(in[0], in[1], in[2], in[0], in[1]);
          return rows(in[1]);
        });
    sameInAnyCompany(
        new int[] {f, f},
        (kernels, arena, in, who) -> {
          kernels.residual(in[0], in[0], in[1]);
          return rows(in[0]);
        });
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16", "Q8_0"})
  default void cacheRows(DType dtype) {
    sameInAnyCompany(
        new int[] {96},
        (kernels, arena, in, who) -> {
          Tensor cache = Tensor.allocate(arena, dtype, 300, 96);
          kernels.storeCacheRows(cache, who, in[0]);
          Tensor out = Tensor.allocate(arena, DType.F32, 300, 96);
          kernels.loadCacheRows(out, cache);
          double[][] all = rows(out);
          return Arrays.stream(who).mapToObj(row -> all[row]).toArray(double[][]::new);
        });
  }

  @ParameterizedTest
  @CsvSource({"17", "1209", "5003"})
  default void vocabulary(int v) {
    Exclusions exclusions = new Exclusions(v - 1, new int[] {3}, new int[] {5, 9});
    sameInAnyCompany(
        new int[] {v},
        (kernels, arena, in, who) -> {
          SoftmaxStatistics.Rows s = new SoftmaxStatistics.Rows(who.length);
          kernels.softmaxStatistics(s, in[0], exclusions);
          double[][] rows = new double[who.length][];
          Arrays.setAll(
              rows,
              r ->
                  new double[] {
                    s.argMax[r], s.argMaxLogit[r], s.max[r], s.sum[r], s.entropy[r], s.margin[r]
                  });
          return rows;
        });
    sameInAnyCompany(
        new int[] {v},
        (kernels, arena, in, who) -> {
          GumbelMax.Noise noise =
              (u, row, first, count) -> {
                for (int i = 0; i < count; i++) {
                  u[i] = ((who[row] * 7919L + (first + i) * 104729L) % 999983 + 0.5) / 999983;
                }
              };
          int[] tokens = new int[who.length];
          kernels.gumbelMax(tokens, in[0], exclusions, 0.8, noise);
          return Arrays.stream(tokens).mapToObj(id -> new double[] {id}).toArray(double[][]::new);
        });
    sameInAnyCompany(
        new int[] {v},
        (kernels, arena, in, who) -> {
          double[] losses = new double[who.length];
          int[] targets = Arrays.stream(who).map(row -> row % v).toArray();
          kernels.maskedCrossEntropy(losses, in[0], targets, weights(who));
          return Arrays.stream(losses).mapToObj(l -> new double[] {l}).toArray(double[][]::new);
        });
  }

  private static double[] weights(int[] who) {
    return Arrays.stream(who).mapToDouble(row -> 1 + row % 4).toArray();
  }

  @Test
  default void maskedCrossEntropyBackward() {
    try (Arena shared = Arena.ofShared()) {
      Tensor head = Numbers.random(shared, 8, 0, 96, 64);
      sameInAnyCompany(
          new int[] {64},
          (kernels, arena, in, who) -> {
            double[] losses = new double[who.length];
            Tensor dHidden = out(arena, who, 64);
            Tensor dHead = Tensor.allocate(arena, DType.F32, 96, 64);
            int[] targets = Arrays.stream(who).map(row -> row % 96).toArray();
            kernels.maskedCrossEntropyBackward(
                losses, dHidden, dHead, in[0], head, targets, weights(who));
            double[][] rows = rows(dHidden);
            for (int r = 0; r < rows.length; r++) {
              rows[r] = Arrays.copyOf(rows[r], 65);
              rows[r][64] = losses[r];
            }
            return rows;
          });
    }
  }

  /** Keys, heads, key-value heads, head size: around tiles, and what machine code does not take. */
  @ParameterizedTest
  @CsvSource({"1,2,2,16", "37,4,2,64", "130,3,1,20", "257,2,1,32", "300,2,2,128"})
  default void attention(int keys, int heads, int kvHeads, int d) {
    try (Arena arena = Arena.ofShared()) {
      Tensor q = Numbers.random(arena, 1, 1, keys, heads * d);
      Tensor k = Numbers.random(arena, 2, 2, keys, kvHeads * d);
      Tensor v = Numbers.random(arena, 3, 3, keys, kvHeads * d);
      for (int block : new int[] {0, 1, 4, 32}) {
        Sequence alone = new Sequence(q, k, v, new AttentionShape(1, heads, kvHeads), block);
        float[] expected = alone.attend(kernels(Parallel.SERIAL), new int[0]);
        for (int threads : threads()) {
          try (ThreadPool pool = new ThreadPool(threads)) {
            Kernels kernels = kernels(pool);
            assertThat(alone.attend(kernels, new int[0])).isEqualTo(expected);
            int[][] one = {{130, 7, 2}};
            int[][] many = {{1, 0}, {5, 0}, {100, 0}, {256, 0}, {0, 33}, {130, 7, 2}};
            for (int[] hidden : threads == 1 ? many : one) {
              assertThat(alone.attend(kernels, hidden))
                  .as("%s, %d threads, blocks of %d", Arrays.toString(hidden), threads, block)
                  .isEqualTo(expected);
            }
            for (int count : new int[] {1, 7, 8, 9, 32, 33}) {
              if (count <= keys) {
                alone.someQueries(kernels, keys - count, count, expected);
                alone.someQueries(kernels, (keys - count) / 2, count, expected);
                alone.someQueries(kernels, 0, count, expected);
              }
            }
            alone.againstACache(kernels, expected);
          }
        }
      }
    }
  }

  /**
   * A sequence whose attention is asked for in many ways.
   *
   * @param block tokens of a block, to whose end a query sees; 0 where it sees all
   */
  record Sequence(Tensor q, Tensor k, Tensor v, AttentionShape shape, int block) {
    private int reach(int t) {
      return block == 0 ? q.dim(0) : Math.min(q.dim(0), t / block * block + block);
    }

    private AttentionMask mask() {
      return block == 0 ? AttentionMask.FULL : AttentionMask.blocks(null, 1, q.dim(0), block);
    }

    /**
     * The sequence as the second of three.
     *
     * @param hidden how many keys are hidden before it, after it, and after each of its tokens;
     *     alone in its batch if empty
     * @return the rows of its tokens
     */
    float[] attend(Kernels kernels, int[] hidden) {
      try (Arena arena = Arena.ofShared()) {
        int tokens = q.dim(0);
        if (hidden.length == 0) {
          Tensor out = Tensor.allocate(arena, DType.F32, tokens, q.dim(1));
          kernels.attention(out, q, k, v, shape, mask());
          return out.toArray();
        }
        int stride = hidden.length > 2 ? 1 + hidden[2] : 1;
        int length = hidden[0] + tokens * stride + hidden[1];
        boolean[] visible = new boolean[3 * length];
        Arrays.fill(visible, 0, length, true);
        Tensor[] wide = {
          spread(arena, q, length), spread(arena, k, length), spread(arena, v, length)
        };
        int[] reach = new int[3 * length];
        Arrays.setAll(reach, row -> 7 * row % (length + 1));
        for (int t = 0; t < tokens; t++) {
          int row = length + hidden[0] + t * stride;
          visible[row] = true;
          copy(q, t, wide[0], row);
          copy(k, t, wide[1], row);
          copy(v, t, wide[2], row);
          reach[row] = hidden[0] + (reach(t) - 1) * stride + 1;
        }
        AttentionMask mask =
            block == 0
                ? AttentionMask.padded(visible)
                : stride == 1
                    ? AttentionMask.blocks(visible, 3, length, block)
                    : new AttentionMask(visible, reach, false);
        Tensor out = Tensor.allocate(arena, DType.F32, 3 * length, q.dim(1));
        AttentionShape three = new AttentionShape(3, shape.heads(), shape.kvHeads());
        kernels.attention(out, wide[0], wide[1], wide[2], three, mask);
        Tensor found = Tensor.allocate(arena, DType.F32, tokens, q.dim(1));
        for (int t = 0; t < tokens; t++) {
          copy(out, length + hidden[0] + t * stride, found, t);
        }
        return found.toArray();
      }
    }

    /** The queries of some tokens over all keys, as a cached pass asks for them. */
    void someQueries(Kernels kernels, int first, int count, float[] expected) {
      try (Arena arena = Arena.ofShared()) {
        Tensor out = Tensor.allocate(arena, DType.F32, count, q.dim(1));
        int[] rows = IntStream.range(first, first + count).toArray();
        kernels.attention(out, q.rows(first, count), k, v, shape, mask().queries(rows));
        assertThat(out.toArray())
            .as("queries %d to %d, blocks of %d", first, first + count, block)
            .isEqualTo(Arrays.copyOfRange(expected, first * q.dim(1), (first + count) * q.dim(1)));
      }
    }

    /** Some blocks: among all, with NaN behind; with NaN behind alone; and where their keys end. */
    void againstACache(Kernels kernels, float[] expected) {
      int c = q.dim(1);
      for (int t : new int[] {0, q.dim(0) / 3, q.dim(0) - 1}) {
        try (Arena arena = Arena.ofShared()) {
          int first = block == 0 ? 0 : t / block * block;
          int count = reach(t) - first;
          float[] wanted = Arrays.copyOfRange(expected, first * c, (first + count) * c);
          int[] rows = IntStream.range(first, first + count).toArray();
          Tensor keys = Numbers.copy(arena, k);
          Tensor values = Numbers.copy(arena, v);
          for (long i = (long) reach(t) * k.dim(1); i < k.shape().elements(); i++) {
            keys.set(i, Float.NaN);
            values.set(i, i % 2 == 0 ? Float.NaN : Float.NEGATIVE_INFINITY);
          }
          Tensor all = Tensor.allocate(arena, DType.F32, q.dim(0), c);
          kernels.attention(all, q, keys, values, shape, mask());
          assertThat(all.rows(first, count).toArray()).as("row %d", t).isEqualTo(wanted);
          Tensor out = Tensor.allocate(arena, DType.F32, count, c);
          Tensor some = q.rows(first, count);
          kernels.attention(out, some, keys, values, shape, mask().queries(rows));
          assertThat(out.toArray()).as("block of row %d", t).isEqualTo(wanted);
          out.set(0, Float.NaN);
          Tensor seen = k.rows(reach(t));
          kernels.attention(out, some, seen, v.rows(reach(t)), shape, AttentionMask.FULL);
          assertThat(out.toArray()).as("cut at the reach of row %d", t).isEqualTo(wanted);
        }
      }
    }

    /** Three sequences of this length: one of random numbers, and NaN where nobody may look. */
    private static Tensor spread(Arena arena, Tensor like, int length) {
      Tensor wide = Numbers.random(arena, 9, 0, 3L * length, like.dim(1));
      for (long i = (long) length * like.dim(1); i < wide.shape().elements(); i++) {
        wide.set(i, Float.NaN);
      }
      return wide;
    }

    private static void copy(Tensor from, int row, Tensor to, int target) {
      int columns = from.dim(1);
      for (int c = 0; c < columns; c++) {
        to.set((long) target * columns + c, from.get((long) row * columns + c));
      }
    }
  }
}
