package llada.kernel.machine;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import llada.kernel.Parallel;
import llada.kernel.scalar.AttentionMask;
import llada.kernel.scalar.AttentionShape;
import llada.tensor.Tensor;

/**
 * The gradients of {@link llada.kernel.scalar.Attention} in machine code: a panel of queries at a
 * time against all keys, whose probabilities are computed again. Memory is keys x width; no T x T
 * matrix exists at any time.
 *
 * <p>Five products by {@link DotCode} with {@link SoftmaxBackwardCode} between them: in scores, dp
 * and dq the queries are lanes, in dk and dv the channels of a head are. A task is one key-value
 * head of one sequence with all its queries, so every sum has one order.
 */
final class AttentionBackward {
  /** Keys whose transposed rows lie together: the stride of a product is part of its code. */
  private static final int KEYS = 128;

  private final Program program;
  private final Block.Owner blocks;
  private final Parallel parallel;
  private final Geometry g;
  private final int tileRows;
  private final Worker[] workers;

  /** One worker's memory. */
  private final class Worker {
    final Block keys = blocks.block();
    final Block keysByChannel = blocks.block();
    final Block values = blocks.block();
    final Block queries = blocks.block();
    final Block queryRows = blocks.block();
    final Block gradients = blocks.block();
    final Block gradientRows = blocks.block();
    final Block p = blocks.block();
    final Block dp = blocks.block();
    final Block dq = blocks.block();
    final Block dk = blocks.block();
    final Block dv = blocks.block();
    final Block bias = blocks.block();
    final Block zeros = blocks.block();
    final Block arguments = blocks.block();
  }

  AttentionBackward(Program program, Parallel parallel, Block.Owner blocks) {
    this.program = program;
    this.blocks = blocks;
    this.parallel = parallel;
    this.g = new Geometry(program.bits(), 2);
    this.tileRows = g.wide() ? 8 : 4; // heads are a multiple of it
    this.workers = new Worker[parallel.workers()];
    for (int i = 0; i < workers.length; i++) {
      workers[i] = new Worker();
    }
  }

  /** Whether heads of this size can be had. */
  boolean takes(int d) {
    return d % g.width() == 0 && d <= 256;
  }

  void backward(
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Tensor dOut,
      Tensor q,
      Tensor k,
      Tensor v,
      AttentionShape shape,
      AttentionMask mask) {
    llada.kernel.scalar.Attention.checkBackward(dq, dk, dv, dOut, q, k, v, shape, mask);
    int kvHeads = shape.kvHeads();
    Tensor[] tensors = {dq, dk, dv, dOut, q, k, v};
    if (q.dim(0) == 0 || k.dim(0) == 0) {
      dq.data().fill((byte) 0);
      return;
    }
    parallel.forEach(
        shape.batch() * kvHeads,
        (task, worker) ->
            new Task(
                    tensors, mask.visible(), shape, task / kvHeads, task % kvHeads, workers[worker])
                .run());
  }

  /** One head of keys and values of one sequence, and all queries that read it. */
  private final class Task {
    private final Tensor dq;
    private final Tensor dk;
    private final Tensor dv;
    private final Tensor dOut;
    private final Tensor q;
    private final Tensor k;
    private final Tensor v;
    private final boolean[] visible;
    private final int queries;
    private final int keys;
    private final int d;
    private final int group;
    private final int sequence;
    private final int kvHead;
    private final Worker memory;
    private final MemorySegment arguments;
    private final int wholeKeys; // in whole tiles, and in whole rounds of a product
    private final long panelBytes; // of a number for each key and lane
    private final CodePage.Code byKeys;
    private final CodePage.Code byChannels;
    private final CodePage.Code byQueries;

    Task(
        Tensor[] tensors,
        boolean[] visible,
        AttentionShape shape,
        int sequence,
        int kvHead,
        Worker memory) {
      dq = tensors[0];
      dk = tensors[1];
      dv = tensors[2];
      dOut = tensors[3];
      q = tensors[4];
      k = tensors[5];
      v = tensors[6];
      this.visible = visible;
      group = shape.heads() / shape.kvHeads();
      this.sequence = sequence;
      this.kvHead = kvHead;
      this.memory = memory;
      queries = q.dim(0) / shape.batch();
      keys = k.dim(0) / shape.batch();
      d = q.dim(1) / shape.heads();
      arguments = memory.arguments.atLeast(TransposeCode.arguments(g) + 4L * d);
      wholeKeys = (keys + DotCode.UNROLL - 1) / DotCode.UNROLL * DotCode.UNROLL;
      panelBytes = (long) wholeKeys * g.step();
      byKeys = program.attentionDot(tileRows, 4 * d, false);
      byChannels = program.attentionDot(tileRows, 4 * KEYS, true);
      byQueries = program.attentionDot(tileRows, g.step(), true);
    }

    void run() {
      memory.zeros.atLeast(4L * d); // fresh memory is zero
      layOutKeys();
      int panels = d / g.width();
      memory.p.atLeast(panelBytes);
      memory.dp.atLeast(panelBytes);
      memory.dk.atLeast(panelBytes * panels).asSlice(0, panelBytes * panels).fill((byte) 0);
      memory.dv.atLeast(panelBytes * panels).asSlice(0, panelBytes * panels).fill((byte) 0);
      for (int head = kvHead * group; head < (kvHead + 1) * group; head++) {
        for (int first = 0; first < queries; first += g.width()) {
          panel(head, first, Math.min(g.width(), queries - first));
        }
      }
      for (int panel = 0; panel < panels; panel++) {
        store(memory.dk, dk, panel);
        store(memory.dv, dv, panel);
      }
    }

    private long queryAt(int head, int query) {
      return 4 * (((long) sequence * queries + query) * q.dim(1) + (long) head * d);
    }

    private long keyAt(int key) {
      return 4 * (((long) sequence * keys + key) * k.dim(1) + (long) kvHead * d);
    }

    /** Keys and values one after the other, (keys, d), keys also by channel, and who is hidden. */
    private void layOutKeys() {
      long rowBytes = 4L * d;
      MemorySegment rows = memory.keys.atLeast(wholeKeys * rowBytes);
      MemorySegment values = memory.values.atLeast(wholeKeys * rowBytes);
      MemorySegment bias = memory.bias.atLeast(4L * keys);
      for (int s = 0; s < keys; s++) {
        MemorySegment.copy(k.data(), keyAt(s), rows, s * rowBytes, rowBytes);
        MemorySegment.copy(v.data(), keyAt(s), values, s * rowBytes, rowBytes);
        boolean seen = visible == null || visible[sequence * keys + s];
        bias.setAtIndex(ValueLayout.JAVA_FLOAT, s, seen ? 0 : Float.NEGATIVE_INFINITY);
      }
      int chunks = (keys + KEYS - 1) / KEYS;
      long target = memory.keysByChannel.atLeast((long) chunks * d * KEYS * 4).address();
      for (int s = 0; s < keys; s += g.lanes()) {
        for (int i = 0; i < g.lanes(); i++) {
          long source = s + i < keys ? k.data().address() + keyAt(s + i) : zeros();
          long to = target + 4L * ((long) s / KEYS * d * KEYS + s % KEYS + (long) i * KEYS);
          transposeRow(i, source, to);
        }
        transpose(4L * g.lanes(), 4L * g.lanes() * KEYS);
      }
    }

    private long zeros() {
      return memory.zeros.atLeast(0).address();
    }

    private void transposeRow(int i, long source, long target) {
      Block.set(arguments, TransposeCode.SOURCES + 8 * i, source);
      Block.set(arguments, TransposeCode.targets(g) + 8 * i, target);
    }

    private void transpose(long sourceStep, long targetStep) {
      Block.set(arguments, TransposeCode.COUNT, d / g.lanes());
      Block.set(arguments, TransposeCode.SOURCE_STEP, sourceStep);
      Block.set(arguments, TransposeCode.TARGET_STEP, targetStep);
      program.code(Program.TRANSPOSE).run(arguments);
    }

    private void panel(int head, int first, int count) {
      long query = lanes(memory.queries, q, head, first, count);
      long gradient = lanes(memory.gradients, dOut, head, first, count);
      rows(memory.queryRows, q, head, first, count);
      rows(memory.gradientRows, dOut, head, first, count);
      long p = memory.p.atLeast(0).address();
      long ds = memory.dp.atLeast(0).address();
      int tiles = wholeKeys / tileRows;
      dot(byKeys, p, memory.keys.atLeast(0).address(), query, tiles, d);
      dot(byKeys, ds, memory.values.atLeast(0).address(), gradient, tiles, d);
      softmax(p, ds);
      long padding = (long) keys * g.step();
      memory.p.atLeast(0).asSlice(padding, panelBytes - padding).fill((byte) 0);
      memory.dp.atLeast(0).asSlice(padding, panelBytes - padding).fill((byte) 0);
      long dQuery = memory.dq.atLeast((long) d * g.step()).address();
      memory.dq.atLeast(0).asSlice(0, (long) d * g.step()).fill((byte) 0);
      for (int s = 0; s < wholeKeys; s += KEYS) {
        long chunk = memory.keysByChannel.atLeast(0).address() + 4L * s * d;
        int steps = Math.min(KEYS, wholeKeys - s);
        dot(byChannels, dQuery, chunk, ds + (long) s * g.step(), d / tileRows, steps);
      }
      storeQueries(dQuery, head, first, count);
      for (int i = 0; i < d / g.width(); i++) {
        long x = (long) i * g.width() * g.step();
        long dKey = memory.dk.atLeast(0).address() + i * panelBytes;
        long dValue = memory.dv.atLeast(0).address() + i * panelBytes;
        long queryRows = memory.queryRows.atLeast(0).address() + x;
        long gradientRows = memory.gradientRows.atLeast(0).address() + x;
        dot(byQueries, dKey, ds, queryRows, tiles, g.width());
        dot(byQueries, dValue, p, gradientRows, tiles, g.width());
      }
    }

    /** Rows of a panel to lanes, (d, width). Those past the end repeat the last. */
    private long lanes(Block to, Tensor x, int head, int first, int count) {
      long address = to.atLeast((long) d * g.step()).address();
      for (int vector = 0; vector < 2; vector++) {
        for (int i = 0; i < g.lanes(); i++) {
          int query = first + Math.min(vector * g.lanes() + i, count - 1);
          long target = address + 4L * vector * g.lanes() + (long) i * g.step();
          transposeRow(i, x.data().address() + queryAt(head, query), target);
        }
        transpose(4L * g.lanes(), (long) g.lanes() * g.step());
      }
      return address;
    }

    /** Rows of a panel as they are, (d / width, width queries, width channels); then zeros. */
    private void rows(Block to, Tensor x, int head, int first, int count) {
      long bytes = (long) g.width() * g.step();
      int panels = d / g.width();
      MemorySegment target = to.atLeast(panels * bytes);
      for (int panel = 0; panel < panels; panel++) {
        long source = x.data().address() + queryAt(head, first) + panel * g.step();
        Block.set(arguments, PanelCode.SOURCE, source);
        Block.set(arguments, PanelCode.STRIDE, 4L * x.dim(1));
        Block.set(arguments, PanelCode.TARGET, target.address() + panel * bytes);
        Block.set(arguments, PanelCode.COUNT, count);
        program.code(Program.panel(false)).run(arguments);
        long end = panel * bytes + (long) count * g.step();
        target.asSlice(end, (long) (g.width() - count) * g.step()).fill((byte) 0);
      }
    }

    private void softmax(long p, long ds) {
      float scale = (float) (1 / Math.sqrt(d));
      for (int vector = 0; vector < 2; vector++) {
        long shift = 4L * vector * g.lanes();
        Block.set(arguments, SoftmaxBackwardCode.SCORES, p + shift);
        Block.set(arguments, SoftmaxBackwardCode.DP, ds + shift);
        Block.set(arguments, SoftmaxBackwardCode.KEYS, keys);
        Block.set(arguments, SoftmaxBackwardCode.BIAS, memory.bias.atLeast(0).address());
        Block.set(arguments, SoftmaxBackwardCode.SCALE, Float.floatToRawIntBits(scale));
        int least = Float.floatToRawIntBits(SoftmaxCode.NOTHING);
        Block.set(arguments, SoftmaxBackwardCode.LEAST, least);
        Block.set(arguments, SoftmaxBackwardCode.EXP, ExpCode.TABLE.address());
        program.code(Program.SOFTMAX_BACKWARD).run(arguments);
      }
    }

    private void dot(CodePage.Code code, long to, long weights, long x, int tiles, int steps) {
      Block.set(arguments, DotCode.OUT, to);
      Block.set(arguments, DotCode.WEIGHTS, weights);
      Block.set(arguments, DotCode.X, x);
      Block.set(arguments, DotCode.TILES, tiles);
      Block.set(arguments, DotCode.STEPS, steps);
      Block.set(arguments, Fetch.FROM, weights);
      Block.set(arguments, Fetch.ROW, 0);
      Block.set(arguments, Fetch.TILE, 0);
      Block.set(arguments, Fetch.STEP, 0);
      code.run(arguments);
    }

    /** (d, width) to rows of dq. */
    private void storeQueries(long dQuery, int head, int first, int count) {
      long spare = arguments.address() + TransposeCode.arguments(g);
      for (int vector = 0; vector < 2; vector++) {
        for (int i = 0; i < g.lanes(); i++) {
          int query = vector * g.lanes() + i;
          long row = dq.data().address() + queryAt(head, first + Math.min(query, count - 1));
          long source = dQuery + 4L * vector * g.lanes() + (long) i * g.step();
          transposeRow(i, source, query < count ? row : spare);
        }
        transpose((long) g.lanes() * g.step(), 4L * g.lanes());
      }
    }

    private void store(Block sums, Tensor out, int panel) {
      Block.set(arguments, StoreCode.SOURCE, sums.atLeast(0).address() + panel * panelBytes);
      Block.set(arguments, StoreCode.TARGET, out.data().address() + keyAt(0) + panel * g.step());
      Block.set(arguments, StoreCode.STRIDE, 4L * out.dim(1));
      Block.set(arguments, StoreCode.ROWS, keys);
      program.code(Program.store(false)).run(arguments);
    }
  }
}
