package llada.kernel.machine;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import llada.kernel.Parallel;
import llada.kernel.scalar.AttentionMask;
import llada.kernel.scalar.AttentionShape;
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
 * tiles that it has alone; a panel reads them up to the furthest reach of its queries, and the
 * others give what lies between a weight of 0.
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
    final Block productArguments = blocks.block();
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

  /** What a call asks for; within as in {@link AttentionMask#within}. */
  private record Call(
      Tensor out,
      Tensor q,
      Tensor k,
      Tensor v,
      AttentionShape shape,
      int[][] visibleKeys,
      int[] within) {}

  /** Of a mask that hides. */
  void forward(Tensor out, Tensor q, Tensor k, Tensor v, AttentionShape shape, AttentionMask mask) {
    llada.kernel.scalar.Attention.check(out, q, k, v, shape, mask);
    int queries = q.dim(0) / shape.batch();
    int panels = (queries + g.width() - 1) / g.width();
    int kvHeads = shape.kvHeads();
    int units = shape.heads() / kvHeads * panels;
    int chunks = (units + UNITS - 1) / UNITS;
    int[][] visibleKeys =
        llada.kernel.scalar.Attention.visibleKeys(
            mask.visible(), shape.batch(), k.dim(0) / shape.batch());
    Call call = new Call(out, q, k, v, shape, visibleKeys, mask.within(visibleKeys));
    parallel.forEach(
        shape.batch() * kvHeads * chunks,
        (task, worker) -> {
          int sequence = task / (kvHeads * chunks);
          int kvHead = task / chunks % kvHeads;
          int first = task % chunks * UNITS;
          int count = Math.min(UNITS, units - first);
          Task all = new Task(call, sequence, kvHead, 0, queries, workers[worker]);
          if (all.mayShare(first, count, panels)) {
            all.run(first, count, panels);
            return;
          }
          for (int i = first * g.width(); i < (first + count) * g.width(); i++) {
            int query = i % (panels * g.width());
            if (query < queries) {
              new Task(call, sequence, kvHead, query, query + 1, workers[worker])
                  .run(i / (panels * g.width()), 1, 1);
            }
          }
        });
  }

  /** Panels of some queries of a sequence, which read one head of its keys and values. */
  private final class Task {
    private final Tensor out;
    private final Tensor q;
    private final Tensor k;
    private final Tensor v;
    private final int[] visibleKeys;
    private final int[] within;
    private final int firstRow; // of the sequence's queries
    private final int from; // the queries of this task
    private final int to;
    private final int keys;
    private final int d;
    private final int group;
    private final int sequence;
    private final int kvHead;
    private final Worker memory;
    private final MemorySegment arguments;
    private final MemorySegment product; // the products' arguments
    private final long sumBytes; // of a unit
    private final CodePage.Code keysDot;
    private final CodePage.Code valuesDot;

    Task(Call call, int sequence, int kvHead, int from, int to, Worker memory) {
      this.out = call.out;
      this.q = call.q;
      this.k = call.k;
      this.v = call.v;
      this.visibleKeys = call.visibleKeys[sequence];
      this.within = call.within;
      this.firstRow = q.dim(0) / call.shape.batch() * sequence;
      this.from = from;
      this.to = to;
      this.keys = k.dim(0) / call.shape.batch();
      this.d = q.dim(1) / call.shape.heads();
      this.group = call.shape.heads() / call.shape.kvHeads();
      this.sequence = sequence;
      this.kvHead = kvHead;
      this.memory = memory;
      this.arguments = memory.arguments.atLeast(TransposeCode.arguments(g) + 4L * d);
      this.product = memory.productArguments.atLeast(Fetch.ARGUMENTS);
      Fetch.nothing(product, product.address());
      this.sumBytes = (long) tiles(d) * tileRows * g.step();
      this.keysDot = program.attentionDot(tileRows, 4 * d, false);
      this.valuesDot = program.attentionDot(tileRows, 4 * KEYS, true);
    }

    private int tiles(int rows) {
      return (rows + tileRows - 1) / tileRows;
    }

    /** Whether no query of these units would meet a value beyond its reach that 0 does not hide. */
    boolean mayShare(int first, int count, int panels) {
      boolean oneHead = first / panels == (first + count - 1) / panels;
      int start = oneHead ? first % panels * g.width() : 0;
      int end = oneHead ? Math.min(to, start + count * g.width()) : to;
      return llada.kernel.scalar.Attention.finiteBetween(
          v,
          (long) sequence * keys * k.dim(1) + (long) kvHead * d,
          d,
          visibleKeys,
          within,
          firstRow + start,
          firstRow + end);
    }

    /** How many keys the queries of a panel see, or the furthest of them. */
    private int reach(int panel) {
      int start = from + panel * g.width();
      int reach = within == null ? visibleKeys.length : 0;
      for (int i = start; within != null && i < Math.min(to, start + g.width()); i++) {
        reach = Math.max(reach, within[firstRow + i]);
      }
      return reach;
    }

    void run(int first, int count, int panels) {
      int[] reaches = new int[count];
      int most = 0;
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
        reaches[unit] = reach((first + unit) % panels);
        most = Math.max(most, reaches[unit]);
      }
      for (int s = 0; s < most; s += KEYS) {
        int laidOut = Math.min(KEYS, most - s);
        layOutKeys(s, laidOut);
        layOutValues(s, laidOut);
        for (int unit = 0; unit < count; unit++) {
          int tile = Math.min(laidOut, reaches[unit] - s);
          if (tile > 0) {
            scores(unit, tile);
            hide(s, tile, (first + unit) % panels);
            softmax(unit, tile);
            accumulate(unit, tile);
          }
        }
      }
      for (int unit = 0; unit < count; unit++) {
        store(unit, (first + unit) / panels, (first + unit) % panels);
      }
    }

    /** Element index of a row's head in q or out. */
    private long queryAt(int head, int query) {
      return ((long) firstRow + query) * q.dim(1) + (long) (kvHead * group + head) * d;
    }

    /** Element index of a visible key's or value's head. */
    private long keyAt(int i) {
      return ((long) sequence * keys + visibleKeys[i]) * k.dim(1) + (long) kvHead * d;
    }

    /** Queries of a panel to lanes, (d, width). Those past the end repeat the last. */
    private void packQueries(int head, int panel, long target) {
      for (int vector = 0; vector < 2; vector++) {
        int first = from + panel * g.width() + vector * g.lanes();
        long lanes = memory.queries.atLeast(0).address() + target + 4L * vector * g.lanes();
        boolean even = first + g.lanes() <= to;
        if (even) {
          even(q.data().address() + 4 * queryAt(head, first), 4L * q.dim(1), lanes, g.step());
        }
        for (int i = 0; i < g.lanes() && !even; i++) {
          long row = q.data().address() + 4 * queryAt(head, Math.min(first + i, to - 1));
          transposeRow(i, row, lanes + (long) i * g.step());
        }
        transpose(even, 4L * g.lanes(), (long) g.lanes() * g.step());
      }
    }

    private void transposeRow(int i, long source, long target) {
      Block.set(arguments, TransposeCode.SOURCES + 8 * i, source);
      Block.set(arguments, TransposeCode.targets(g) + 8 * i, target);
    }

    /** In place of {@link #transposeRow} for each of as many rows as lanes. */
    private void even(long source, long sourceRow, long target, long targetRow) {
      Block.set(arguments, TransposeCode.SOURCE, source);
      Block.set(arguments, TransposeCode.SOURCE_ROW, sourceRow);
      Block.set(arguments, TransposeCode.TARGET, target);
      Block.set(arguments, TransposeCode.TARGET_ROW, targetRow);
    }

    private void transpose(boolean even, long sourceStep, long targetStep) {
      Block.set(arguments, TransposeCode.COUNT, d / g.lanes());
      Block.set(arguments, TransposeCode.SOURCE_STEP, sourceStep);
      Block.set(arguments, TransposeCode.TARGET_STEP, targetStep);
      program.code(even ? Program.TRANSPOSE_EVEN : Program.TRANSPOSE).run(arguments);
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
      int lanes = g.lanes();
      for (int key = 0; key < tile; key += lanes) {
        int from = s + key;
        boolean even =
            key + lanes <= tile && visibleKeys[from + lanes - 1] == visibleKeys[from] + lanes - 1;
        if (even) {
          long rows = v.data().address() + 4 * keyAt(from);
          even(rows, 4L * v.dim(1), target + 4L * key, 4L * KEYS);
        }
        for (int i = 0; i < lanes && !even; i++) {
          long source = key + i < tile ? v.data().address() + 4 * keyAt(from + i) : zeros.address();
          transposeRow(i, source, target + 4L * (key + (long) i * KEYS));
        }
        transpose(even, 4L * lanes, 4L * lanes * KEYS);
      }
    }

    private void dot(CodePage.Code code, long to, long weights, long x, int rows, int steps) {
      Block.set(product, DotCode.OUT, to);
      Block.set(product, DotCode.WEIGHTS, weights);
      Block.set(product, DotCode.X, x);
      Block.set(product, DotCode.TILES, tiles(rows));
      Block.set(product, DotCode.STEPS, steps);
      code.run(product);
    }

    /** scores[s, t] = k[s] . q[t]. */
    private void scores(int unit, int tile) {
      long bytes = (long) tiles(KEYS) * tileRows * g.step();
      MemorySegment scores = memory.scores.atLeast(bytes);
      long queries = memory.queries.atLeast(0).address() + (long) unit * d * g.step();
      dot(keysDot, scores.address(), memory.keys.atLeast(0).address(), queries, tile, d);
    }

    /** Scores of minus infinity where a query of a panel does not reach a key of a tile. */
    private void hide(int s, int tile, int panel) {
      MemorySegment scores = memory.scores.atLeast(0);
      int start = from + panel * g.width();
      for (int lane = 0; within != null && lane < Math.min(g.width(), to - start); lane++) {
        for (int i = Math.max(0, within[firstRow + start + lane] - s); i < tile; i++) {
          long at = (long) i * g.width() + lane;
          scores.setAtIndex(ValueLayout.JAVA_FLOAT, at, Float.NEGATIVE_INFINITY);
        }
      }
    }

    private void softmax(int unit, int tile) {
      for (int vector = 0; vector < 2; vector++) {
        long shift = 4L * vector * g.lanes();
        Block.set(arguments, SoftmaxCode.SCORES, memory.scores.atLeast(0).address() + shift);
        Block.set(arguments, SoftmaxCode.KEYS, tile);
        float scale = (float) (1 / Math.sqrt(d));
        Block.set(arguments, SoftmaxCode.SCALE, Float.floatToRawIntBits(scale));
        Block.set(arguments, SoftmaxCode.EXP, ExpCode.TABLE.address());
        run(Program.SOFTMAX, unit, shift);
      }
    }

    /** Code that changes sums by states. */
    private void run(String name, int unit, long shift) {
      long state = memory.states.atLeast(0).address() + 2L * unit * g.step() + shift;
      Block.set(arguments, SoftmaxCode.STATE, state);
      Block.set(arguments, SoftmaxCode.SUMS, sums(unit) + shift);
      Block.set(arguments, SoftmaxCode.ROWS, d);
      program.code(name).run(arguments);
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
      for (int vector = 0; vector < 2; vector++) {
        int first = from + panel * g.width() + vector * g.lanes();
        int count = Math.min(g.lanes(), to - first);
        if (count <= 0) {
          return;
        }
        run(Program.NORMALIZE, unit, 4L * vector * g.lanes());
        boolean even = count == g.lanes();
        if (even) {
          long rows = out.data().address() + 4 * queryAt(head, first);
          even(sums(unit) + 4L * vector * g.lanes(), g.step(), rows, 4L * out.dim(1));
        }
        for (int i = 0; i < g.lanes() && !even; i++) {
          long source = sums(unit) + 4L * vector * g.lanes() + (long) i * g.step();
          long spare = arguments.address() + TransposeCode.arguments(g);
          long row = 4 * queryAt(head, first + Math.min(i, count - 1));
          transposeRow(i, source, i < count ? out.data().address() + row : spare);
        }
        transpose(even, (long) g.lanes() * g.step(), 4L * g.lanes());
      }
    }
  }
}
