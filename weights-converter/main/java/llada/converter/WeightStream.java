package llada.converter;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
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

  /** The largest float16, which scales are: any type holds numbers up to it. */
  private static final float LARGEST_F16 = 65504;

  private final Map<String, List<NamedWeight>> weights;
  private final RopeLayout layout;
  private final Importance importance;
  private final Parallel parallel;
  private final Job job;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment[] slots = new MemorySegment[2];
  private final float[][] values;
  private final byte[][] blocks;

  /**
   * @param weights by their name in the target, all experts of a layer where it stacks them
   * @param layout the order of q's and k's rows in the target
   * @param importance of the columns of each weight; may know nothing
   */
  WeightStream(
      Map<String, List<NamedWeight>> weights,
      RopeLayout layout,
      Importance importance,
      Parallel parallel,
      Job job) {
    this.weights = weights;
    this.layout = layout;
    this.importance = importance;
    this.parallel = parallel;
    this.job = job;
    values = new float[parallel.workers()][0];
    blocks = new byte[parallel.workers()][0];
  }

  @Override
  public void write(TensorEntry target, GgufWriter.Sink out) throws IOException {
    for (NamedWeight weight : weights.get(target.name())) {
      weight.tensor().storage().check().run();
      convert(weight, target.dtype().orElseThrow(), out);
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
        job.add(count * sourceRowBytes);
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
    if (weight.sameOrder(layout) && !weight.adapted()) {
      source.dtype().decode(source.data(), first * rowLength, decoded, 0, all);
    } else {
      for (int row = 0; row < count; row++) {
        long from = weight.sourceRow(layout, first + row);
        source.dtype().decode(source.data(), from * rowLength, decoded, row * rowLength, rowLength);
        weight.addTerm(decoded, row * rowLength, from);
      }
    }
    float largest = largest(weight, decoded, all);
    boolean same = type == source.dtype() && weight.sameOrder(layout) && !weight.adapted();
    if (same) { // the very same bytes
      MemorySegment.copy(
          source.data(),
          ValueLayout.JAVA_BYTE,
          first * type.bytes(rowLength),
          blocks[worker],
          0,
          Math.toIntExact(type.bytes(all)));
      return;
    }
    type.encode(blocks[worker], 0, decoded, 0, all, columns, 0);
    if (largest > LARGEST_F16) {
      requireHeld(weight, type, largest, blocks[worker], decoded, all);
    }
  }

  /** The largest magnitude; a NaN or an infinity is of use in no type. */
  private static float largest(NamedWeight weight, float[] values, int count) {
    int bits = 0; // as bits: of positive floats the larger has the larger bits, a NaN the largest
    for (int i = 0; i < count; i++) {
      bits = Math.max(bits, Float.floatToRawIntBits(values[i]) & 0x7FFF_FFFF);
    }
    float largest = Float.intBitsToFloat(bits);
    if (!Float.isFinite(largest)) {
      throw refusal(weight, "%s, which is no number to compute with: ".formatted(largest));
    }
    return largest;
  }

  /** Scales are float16: where one overflows, its block does not come back as numbers. */
  private static void requireHeld(
      NamedWeight weight, DType type, float largest, byte[] blocks, float[] values, int count) {
    int at = 0;
    while (Math.abs(values[at]) != largest) {
      at++;
    }
    float value = values[at];
    type.decode(MemorySegment.ofArray(blocks), 0, values, 0, count);
    boolean held = Math.abs(values[at] - value) <= largest / 2;
    for (int i = 0; i < count; i++) {
      held &= Float.isFinite(values[i]);
    }
    if (!held) {
      throw refusal(
          weight,
          "%s, more than %s holds%s: convert it to f32 or bf16, or "
              .formatted(
                  value,
                  type,
                  type.blockLength() > 1 ? ", whose scales are float16, at most 65504" : ""));
    }
  }

  private static FormatException refusal(NamedWeight weight, String what) {
    return new FormatException(
        "tensor %s (%s %s) holds %scheck the model with verify"
            .formatted(
                weight.huggingFaceName(), weight.tensor().dtype(), weight.tensor().shape(), what));
  }

  @Override
  public void close() {
    arena.close();
  }
}
