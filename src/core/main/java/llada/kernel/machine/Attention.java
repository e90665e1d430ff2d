package llada.kernel.machine;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import llada.kernel.Parallel;
import llada.tensor.Tensor;

/**
 * {@link llada.kernel.scalar.Attention} in machine code, keys in tiles, softmax online. No T x T
 * matrix exists at any time.
 *
 * <p>Queries are lanes, in panels as the matrix product has them. A task takes up to {@link #UNITS}
 * panels that read the same keys; for each tile of {@link #KEYS} keys it lays out keys and
 * transposed values once, and for each panel multiplies keys with queries, turns scores into
 * weights, and multiplies values with weights: two products by {@link DotCode} with {@link
 * SoftmaxCode} between them. Only visible keys are laid out, so that a padded sequence has the
 * tiles that it has alone.
 */
final class Attention {
  /** Keys in a tile. */
  private static final int KEYS = 128;

  /** Panels that share the layout of keys and values. */
  private static final int UNITS = 16;

  private final Program program;
  private final Block.Owner blocks;
  private final Parallel parallel;
  private final Geometry g;
  private final int tileRows;
  private final Worker[] workers;

  /** One worker's memory. */
  private final class Worker {
    final Block keys = blocks.block();
    final Block values = blocks.block();
    final Block queries = blocks.block();
    final Block scores = blocks.block();
    final Block sums = blocks.block();
    final Block states = blocks.block();
    final Block zeros = blocks.block();
    final Block arguments = blocks.block();
  }

  Attention(Program program, Parallel parallel, Block.Owner blocks) {
    this.program = program;
    this.blocks = blocks;
    this.parallel = parallel;
    this.g = new Geometry(program.bits(), 2);
    this.tileRows = g.wide() ? 13 : 6; // 128 channels and 256 keys leave hardly a row over
    this.workers = new Worker[parallel.workers()];
    for (int i = 0; i < workers.length; i++) {
      workers[i] = new Worker();
    }
  }

  /** Whether heads of this size can be had. */
  static boolean takes(int d) {
    return d % 16 == 0 && d <= 256;
  }

  void forward(
      Tensor out,
      Tensor q,
      Tensor k,
      Tensor v,
      boolean[] visible,
      int batch,
      int heads,
      int kvHeads) {
    llada.kernel.scalar.Attention.check(out, q, k, v, visible, batch, heads, kvHeads, false);
    int queries = q.dim(0) / batch;
    int panels = (queries + g.width() - 1) / g.width();
    int group = heads / kvHeads;
    int units = group * panels;
    int chunks = (units + UNITS - 1) / UNITS;
    int[][] visibleKeys =
        llada.kernel.scalar.Attention.visibleKeys(visible, batch, k.dim(0) / batch);
    parallel.forEach(
        batch * kvHeads * chunks,
        (task, worker) -> {
          int sequence = task / (kvHeads * chunks);
          int kvHead = task / chunks % kvHeads;
          int first = task % chunks * UNITS;
          int[] seen = visibleKeys[sequence];
          new Task(out, q, k, v, seen, batch, heads, kvHeads, sequence, kvHead, workers[worker])
              .run(first, Math.min(UNITS, units - first), panels);
        });
  }

  /** Some panels of queries, which read one head of keys and values of one sequence. */
  private final class Task {
    private final Tensor out;
    private final Tensor q;
    private final Tensor k;
    private final Tensor v;
    private final int[] visibleKeys;
    private final int queries;
    private final int keys;
    private final int d;
    private final int group;
    private final int sequence;
    private final int kvHead;
    private final Worker memory;
    private final MemorySegment arguments;
    private final long sumBytes; // of a unit
    private final CodePage.Code keysDot;
    private final CodePage.Code valuesDot;

    Task(
        Tensor out,
        Tensor q,
        Tensor k,
        Tensor v,
        int[] visibleKeys,
        int batch,
        int heads,
        int kvHeads,
        int sequence,
        int kvHead,
        Worker memory) {
      this.out = out;
      this.q = q;
      this.k = k;
      this.v = v;
      this.visibleKeys = visibleKeys;
      this.queries = q.dim(0) / batch;
      this.keys = k.dim(0) / batch;
      this.d = q.dim(1) / heads;
      this.group = heads / kvHeads;
      this.sequence = sequence;
      this.kvHead = kvHead;
      this.memory = memory;
      this.arguments = memory.arguments.atLeast(TransposeCode.arguments(g) + 4L * d);
      this.sumBytes = (long) tiles(d) * tileRows * g.step();
      this.keysDot = program.attentionDot(tileRows, 4 * d, false);
      this.valuesDot = program.attentionDot(tileRows, 4 * KEYS, true);
    }

    private int tiles(int rows) {
      return (rows + tileRows - 1) / tileRows;
    }

    void run(int first, int count, int panels) {
      MemorySegment sums = memory.sums.atLeast(sumBytes * UNITS);
      sums.asSlice(0, sumBytes * count).fill((byte) 0);
      long queryBytes = (long) d * g.step();
      memory.queries.atLeast(queryBytes * UNITS);
      MemorySegment states = memory.states.atLeast(2L * g.step() * UNITS);
      for (int unit = 0; unit < count; unit++) {
        for (int t = 0; t < g.width(); t++) {
          long at = (2L * unit * g.width() + t) * Float.BYTES;
          states.set(ValueLayout.JAVA_FLOAT, at, SoftmaxCode.NOTHING);
          states.set(ValueLayout.JAVA_FLOAT, at + g.step(), 0);
        }
        packQueries((first + unit) / panels, (first + unit) % panels, queryBytes * unit);
      }
      for (int s = 0; s < visibleKeys.length; s += KEYS) {
        int tile = Math.min(KEYS, visibleKeys.length - s);
        layOutKeys(s, tile);
        layOutValues(s, tile);
        for (int unit = 0; unit < count; unit++) {
          scores(unit, tile);
          softmax(unit, tile);
          accumulate(unit, tile);
        }
      }
      for (int unit = 0; unit < count; unit++) {
        store(unit, (first + unit) / panels, (first + unit) % panels);
      }
    }

    /** Element index of a row's head in q or out. */
    private long queryAt(int head, int query) {
      return ((long) sequence * queries + query) * q.dim(1) + (long) (kvHead * group + head) * d;
    }

    /** Element index of a visible key's or value's head. */
    private long keyAt(int i) {
      return ((long) sequence * keys + visibleKeys[i]) * k.dim(1) + (long) kvHead * d;
    }

    /** Queries of a panel to lanes, (d, width). Those past the end repeat the last. */
    private void packQueries(int head, int panel, long target) {
      for (int vector = 0; vector < 2; vector++) {
        int first = panel * g.width() + vector * g.lanes();
        long to = memory.queries.atLeast(0).address() + target + 4L * vector * g.lanes();
        for (int i = 0; i < g.lanes(); i++) {
          int query = Math.min(first + i, queries - 1);
          transposeRow(i, q.data().address() + 4 * queryAt(head, query), to + (long) i * g.step());
        }
        transpose(d / g.lanes(), 4L * g.lanes(), (long) g.lanes() * g.step());
      }
    }

    private void transposeRow(int i, long source, long target) {
      Block.set(arguments, TransposeCode.SOURCES + 8 * i, source);
      Block.set(arguments, TransposeCode.targets(g) + 8 * i, target);
    }

    private void transpose(int squares, long sourceStep, long targetStep) {
      Block.set(arguments, TransposeCode.COUNT, squares);
      Block.set(arguments, TransposeCode.SOURCE_STEP, sourceStep);
      Block.set(arguments, TransposeCode.TARGET_STEP, targetStep);
      program.code(Program.TRANSPOSE).run(arguments);
    }

    /** Keys of a tile one after the other, (tile, d). */
    private void layOutKeys(int s, int tile) {
      long rowBytes = 4L * d;
      MemorySegment rows = memory.keys.atLeast((long) tiles(KEYS) * tileRows * rowBytes);
      for (int i = 0; i < tile; i++) {
        MemorySegment.copy(k.data(), 4 * keyAt(s + i), rows, i * rowBytes, rowBytes);
      }
    }

    /** Values of a tile transposed, (d, KEYS); keys past the end are zero. */
    private void layOutValues(int s, int tile) {
      MemorySegment zeros = memory.zeros.atLeast(4L * d); // fresh memory is zero
      long target = memory.values.atLeast((long) tiles(d) * tileRows * 4 * KEYS).address();
      for (int key = 0; key < tile; key += g.lanes()) {
        for (int i = 0; i < g.lanes(); i++) {
          long source =
              key + i < tile ? v.data().address() + 4 * keyAt(s + key + i) : zeros.address();
          transposeRow(i, source, target + 4L * (key + (long) i * KEYS));
        }
        transpose(d / g.lanes(), 4L * g.lanes(), 4L * g.lanes() * KEYS);
      }
    }

    private void dot(CodePage.Code code, long to, long weights, long x, int rows, int steps) {
      Block.set(arguments, DotCode.OUT, to);
      Block.set(arguments, DotCode.WEIGHTS, weights);
      Block.set(arguments, DotCode.X, x);
      Block.set(arguments, DotCode.TILES, tiles(rows));
      Block.set(arguments, DotCode.STEPS, steps);
      Fetch.nothing(arguments, weights);
      code.run(arguments);
    }

    /** scores[s, t] = k[s] . q[t]. */
    private void scores(int unit, int tile) {
      long bytes = (long) tiles(KEYS) * tileRows * g.step();
      MemorySegment scores = memory.scores.atLeast(bytes);
      long queries = memory.queries.atLeast(0).address() + (long) unit * d * g.step();
      dot(keysDot, scores.address(), memory.keys.atLeast(0).address(), queries, tile, d);
    }

    private void softmax(int unit, int tile) {
      for (int vector = 0; vector < 2; vector++) {
        long shift = 4L * vector * g.lanes();
        Block.set(arguments, SoftmaxCode.SCORES, memory.scores.atLeast(0).address() + shift);
        Block.set(arguments, SoftmaxCode.KEYS, tile);
        long state = memory.states.atLeast(0).address() + 2L * unit * g.step() + shift;
        Block.set(arguments, SoftmaxCode.STATE, state);
        Block.set(arguments, SoftmaxCode.SUMS, sums(unit) + shift);
        Block.set(arguments, SoftmaxCode.ROWS, d);
        float scale = (float) (1 / Math.sqrt(d));
        Block.set(arguments, SoftmaxCode.SCALE, Float.floatToRawIntBits(scale));
        Block.set(arguments, SoftmaxCode.EXP, ExpCode.TABLE.address());
        program.code(Program.SOFTMAX).run(arguments);
      }
    }

    private long sums(int unit) {
      return memory.sums.atLeast(0).address() + unit * sumBytes;
    }

    /** sums[i, t] += sum_s v[s, i] * weights[s, t]; the steps are rounded up, over zero weights. */
    private void accumulate(int unit, int tile) {
      int steps = (tile + DotCode.UNROLL - 1) / DotCode.UNROLL * DotCode.UNROLL;
      MemorySegment scores = memory.scores.atLeast(0);
      scores.asSlice((long) tile * g.step(), (long) (steps - tile) * g.step()).fill((byte) 0);
      dot(valuesDot, sums(unit), memory.values.atLeast(0).address(), scores.address(), d, steps);
    }

    /** sums / total to rows; a query that saw no key gets zeros. */
    private void store(int unit, int head, int panel) {
      MemorySegment states = memory.states.atLeast(0);
      long total = 2L * unit * g.step() + g.step();
      for (int vector = 0; vector < 2; vector++) {
        int first = panel * g.width() + vector * g.lanes();
        int count = Math.min(g.lanes(), queries - first);
        if (count <= 0) {
          return;
        }
        for (int i = 0; i < g.lanes(); i++) {
          long source = sums(unit) + 4L * vector * g.lanes() + (long) i * g.step();
          long spare = arguments.address() + TransposeCode.arguments(g);
          long row = 4 * queryAt(head, first + Math.min(i, count - 1));
          transposeRow(i, source, i < count ? out.data().address() + row : spare);
        }
        transpose(d / g.lanes(), (long) g.lanes() * g.step(), 4L * g.lanes());
        for (int i = 0; i < count; i++) {
          long lane = 4L * (vector * g.lanes() + i);
          float sum = states.get(ValueLayout.JAVA_FLOAT, total + lane);
          scale(queryAt(head, first + i), sum == 0 ? 0 : 1 / sum);
        }
      }
    }

    private void scale(long at, float factor) {
      for (int i = 0; i < d; i++) {
        out.set(at + i, out.get(at + i) * factor);
      }
    }
  }
}
