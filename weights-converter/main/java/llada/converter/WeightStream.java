package llada.converter;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import llada.checkpoint.NamedWeight;
import llada.format.FormatException;
import llada.format.GgufWriter;
import llada.format.TensorEntry;
import llada.kernel.Parallel;
import llada.kernel.scalar.RopeLayout;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * Brings the weights of one file in the types and the order of another, some megabytes at a time:
 * rows are decoded, moved and encoded by all threads while the batch before is written. Memory does
 * not grow with the model.
 */
final class WeightStream implements GgufWriter.Data, AutoCloseable {
  private static final int TASK_VALUES = 1 << 16;
  private static final int TASKS_PER_WORKER = 8;

  /** The largest float16, which scales are. */
  private static final float LARGEST_F16 = 65504;

  private final Map<String, NamedWeight> weights;
  private final RopeLayout layout;
  private final Importance importance;
  private final Parallel parallel;
  private final Progress progress;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment[] slots = new MemorySegment[2];
  private final float[][] values;
  private final byte[][] blocks;

  /**
   * @param weights by their name in the target
   * @param layout the order of q's and k's rows in the target
   * @param importance of the columns of each weight; may know nothing
   */
  WeightStream(
      Map<String, NamedWeight> weights,
      RopeLayout layout,
      Importance importance,
      Parallel parallel,
      Progress progress) {
    this.weights = weights;
    this.layout = layout;
    this.importance = importance;
    this.parallel = parallel;
    this.progress = progress;
    values = new float[parallel.workers()][0];
    blocks = new byte[parallel.workers()][0];
  }

  @Override
  public void write(TensorEntry target, GgufWriter.Sink out) throws IOException {
    NamedWeight weight = weights.get(target.name());
    Tensor source = weight.tensor();
    source.storage().check().run();
    DType type = target.dtype().orElseThrow();
    if (type == source.dtype() && weight.sameOrder(layout)) {
      copy(source.data(), out);
    } else {
      convert(weight, type, out);
    }
  }

  /** The very same bytes. */
  private void copy(MemorySegment data, GgufWriter.Sink out) throws IOException {
    long piece = 1L << 22;
    for (long at = 0; at < data.byteSize(); at += piece) {
      MemorySegment part = data.asSlice(at, Math.min(piece, data.byteSize() - at));
      out.write(part);
      progress.read(part.byteSize());
    }
  }

  private void convert(NamedWeight weight, DType type, GgufWriter.Sink out) throws IOException {
    Tensor source = weight.tensor();
    int rowLength = source.dim(-1);
    long rows = source.shape().rows();
    int taskRows = (int) Math.max(1, Math.min(rows, TASK_VALUES / rowLength));
    int tasks = TASKS_PER_WORKER * parallel.workers();
    long rowBytes = type.bytes(rowLength);
    long sourceRowBytes = source.dtype().bytes(rowLength);
    float[] columns = importance.of(weight, rowLength);
    CompletableFuture<Void> writing = CompletableFuture.completedFuture(null);
    int slot = 0;
    try {
      for (long first = 0; first < rows; first += (long) tasks * taskRows) {
        long from = first;
        long count = Math.min(rows - first, (long) tasks * taskRows);
        MemorySegment batch = slot(slot, count * rowBytes);
        parallel.forEach(
            Math.toIntExact(Math.ceilDiv(count, taskRows)),
            (task, worker) -> {
              long begin = (long) task * taskRows;
              int here = (int) Math.min(taskRows, count - begin);
              rows(weight, type, from + begin, here, columns, worker);
              MemorySegment.copy(
                  blocks[worker],
                  0,
                  batch,
                  ValueLayout.JAVA_BYTE,
                  begin * rowBytes,
                  Math.toIntExact(here * rowBytes));
            });
        writing.join();
        writing = CompletableFuture.runAsync(() -> write(batch, out));
        slot = 1 - slot;
        progress.read(count * sourceRowBytes);
      }
    } finally {
      await(writing);
    }
  }

  private static void write(MemorySegment batch, GgufWriter.Sink out) {
    try {
      out.write(batch);
    } catch (IOException e) {
      throw new CompletionException(e);
    }
  }

  private static void await(CompletableFuture<Void> writing) throws IOException {
    try {
      writing.join();
    } catch (CompletionException e) {
      switch (e.getCause()) {
        case IOException io -> throw io;
        case RuntimeException r -> throw r;
        case Error error -> throw error;
        default -> throw e;
      }
    }
  }

  private MemorySegment slot(int slot, long bytes) {
    if (slots[slot] == null || slots[slot].byteSize() < bytes) {
      slots[slot] = arena.allocate(bytes, Tensor.ALIGNMENT);
    }
    return slots[slot].asSlice(0, bytes);
  }

  /** Encodes {@code count} rows of the target from row {@code first} into the worker's blocks. */
  private void rows(
      NamedWeight weight, DType type, long first, int count, float[] columns, int worker) {
    Tensor source = weight.tensor();
    int rowLength = source.dim(-1);
    int all = count * rowLength;
    if (values[worker].length < all) {
      values[worker] = new float[all];
    }
    if (blocks[worker].length < type.bytes(all)) {
      blocks[worker] = new byte[Math.toIntExact(type.bytes(all))];
    }
    float[] decoded = values[worker];
    if (weight.sameOrder(layout)) {
      source.dtype().decode(source.data(), first * rowLength, decoded, 0, all);
    } else {
      for (int row = 0; row < count; row++) {
        long from = weight.sourceRow(layout, first + row) * rowLength;
        source.dtype().decode(source.data(), from, decoded, row * rowLength, rowLength);
      }
    }
    if (type.blockLength() > 1 || type == DType.F16) {
      check(weight, type, decoded, all);
    }
    type.encode(blocks[worker], 0, decoded, 0, all, columns, 0);
  }

  /** A NaN would spoil its block, a number beyond float16 too; float32 and bfloat16 hold all. */
  private static void check(NamedWeight weight, DType type, float[] values, int count) {
    int limit = Float.floatToRawIntBits(LARGEST_F16);
    int beyond = 0;
    for (int i = 0; i < count; i++) {
      beyond |= limit - (Float.floatToRawIntBits(values[i]) & 0x7FFF_FFFF);
    }
    if (beyond >= 0) {
      return;
    }
    Optional<Float> bad = Optional.empty();
    for (int i = 0; i < count && bad.isEmpty(); i++) {
      if (!(Math.abs(values[i]) <= LARGEST_F16)) {
        bad = Optional.of(values[i]);
      }
    }
    throw new FormatException(
        "tensor %s (%s %s) holds %s; %s takes numbers up to 65504: %s"
            .formatted(
                weight.huggingFaceName(),
                weight.tensor().dtype(),
                weight.tensor().shape(),
                bad.map(String::valueOf).orElse("?"),
                type,
                "check the model with verify, or convert it to f32 or bf16"));
  }

  @Override
  public void close() {
    arena.close();
  }
}
