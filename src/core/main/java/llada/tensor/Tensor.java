package llada.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A block of memory with a type and a shape, row-major, innermost dimension contiguous. No
 * mathematics here: see {@code llada.kernel}.
 *
 * <p>The tensor does not own its memory; the {@link Arena} that gave the segment does.
 */
public final class Tensor {
  /** Cache line, and the widest vector: every tensor that we allocate starts on one. */
  public static final long ALIGNMENT = 64;

  /** Little-endian float32 at any address, since tensors in a mapped file need not be aligned. */
  public static final ValueLayout.OfFloat F32 =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(java.nio.ByteOrder.LITTLE_ENDIAN);

  private final DType dtype;
  private final Shape shape;
  private final Storage storage;
  private final MemorySegment data;

  private Tensor(DType dtype, Shape shape, Storage storage, MemorySegment data) {
    this.dtype = dtype;
    this.shape = shape;
    this.storage = storage;
    this.data = data;
  }

  /**
   * A view of {@code data}.
   *
   * @throws IllegalArgumentException if the rows are no whole number of blocks, or the segment is
   *     not exactly as long as type and shape need
   */
  public static Tensor of(DType dtype, Shape shape, MemorySegment data) {
    long bytes = dtype.bytes(shape);
    if (bytes != data.byteSize()) {
      throw new IllegalArgumentException(
          "tensor %s %s needs %d bytes, but %d are given"
              .formatted(dtype, shape, bytes, data.byteSize()));
    }
    return new Tensor(dtype, shape, new Storage(data), data);
  }

  /** A zeroed tensor in memory of {@code arena}. */
  public static Tensor allocate(Arena arena, DType dtype, long... dims) {
    Shape shape = Shape.of(dims);
    long bytes = dtype.bytes(shape);
    return of(dtype, shape, arena.allocate(Math.max(bytes, 1), ALIGNMENT).asSlice(0, bytes));
  }

  /** A float32 tensor in memory of {@code arena} with these values. */
  public static Tensor of(Arena arena, float[] values, long... dims) {
    Tensor tensor = allocate(arena, DType.F32, dims);
    tensor.write(values);
    return tensor;
  }

  public DType dtype() {
    return dtype;
  }

  public Shape shape() {
    return shape;
  }

  /**
   * The memory itself, {@link #bytes} long, for reading and writing. To be asked for anew after a
   * kernel ran: a backend may keep the numbers elsewhere, and this is what fetches them.
   */
  public MemorySegment data() {
    storage.beforeWriting();
    return data;
  }

  /** As {@link #data}, for reading only: a copy elsewhere stays good. */
  public MemorySegment reading() {
    storage.beforeReading();
    return data;
  }

  /** The memory without a look at whether it is up to date: for backends. */
  public MemorySegment memory() {
    return data;
  }

  /** What this tensor is a view of. */
  public Storage storage() {
    return storage;
  }

  /** How many bytes of the storage lie before this tensor. */
  public long offset() {
    return data.address() - storage.memory().address();
  }

  /** Length in bytes. */
  public long bytes() {
    return data.byteSize();
  }

  /** Dimension {@code i} of the shape; negative indices count from the innermost. */
  public int dim(int i) {
    return Math.toIntExact(shape.dim(i));
  }

  /** The first {@code rows} rows of a matrix (rows, C), as a view. */
  public Tensor rows(long rows) {
    return rows(0, rows);
  }

  /** {@code count} rows of a matrix (rows, C) from row {@code first}, as a view. */
  public Tensor rows(long first, long count) {
    if (shape.rank() != 2 || first < 0 || count < 0 || first + count > shape.dim(0)) {
      throw new IllegalArgumentException(
          "rows %d to %d of a tensor %s".formatted(first, first + count, shape));
    }
    Shape view = Shape.of(count, shape.dim(1));
    long rowBytes = dtype.bytes(Shape.of(1, shape.dim(1)));
    return new Tensor(dtype, view, storage, data.asSlice(first * rowBytes, count * rowBytes));
  }

  /** {@code dims} numbers from number {@code first}, a whole number of blocks, as a view. */
  public Tensor slice(long first, long... dims) {
    Shape view = Shape.of(dims);
    return new Tensor(dtype, view, storage, data.asSlice(dtype.bytes(first), dtype.bytes(view)));
  }

  /** Sets everything to 0. */
  public void clear() {
    storage.clear(offset(), bytes());
  }

  /** Element {@code i} in row-major order, decoded to float32. For reading, not for speed. */
  public float get(long i) {
    if (dtype == DType.F32) {
      return reading().get(F32, i * Float.BYTES);
    }
    int block = dtype.blockLength();
    float[] values = new float[block];
    dtype.decode(reading(), i / block * block, values, 0, block);
    return values[(int) (i % block)];
  }

  /** Sets element {@code i} of a float32 tensor. */
  public void set(long i, float value) {
    requireF32("set");
    data().set(F32, i * Float.BYTES, value);
  }

  /** Decodes all elements to a new array. */
  public float[] toArray() {
    float[] values = new float[Math.toIntExact(shape.elements())];
    dtype.decode(reading(), 0, values, 0, values.length);
    return values;
  }

  /** Copies {@code values}, as many as there are elements, into a float32 tensor. */
  public void write(float[] values) {
    requireF32("write");
    if (values.length != shape.elements()) {
      throw new IllegalArgumentException(
          "write: tensor %s takes %d values, but %d are given"
              .formatted(shape, shape.elements(), values.length));
    }
    MemorySegment.copy(values, 0, data(), F32, 0, values.length);
  }

  private void requireF32(String operation) {
    if (dtype != DType.F32) {
      throw new IllegalArgumentException(operation + ": the tensor is " + dtype + ", not F32");
    }
  }

  @Override
  public String toString() {
    return dtype + " " + shape;
  }
}
