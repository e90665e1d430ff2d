package llada.cuda;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;

/**
 * Device memory that is nobody's for longer than an op: buffers by purpose that grow, small arrays
 * on their way to the device, and arrays that come again and again and so stay there.
 */
final class Scratch implements AutoCloseable {
  private static final int ALIGNMENT = 256;
  private static final int MAX_CONSTANTS = 128;

  private final DeviceTensors tensors;
  private final CudaStream compute;
  private final Map<Slot, DeviceMemory> slots = new EnumMap<>(Slot.class);
  private final Map<ByteBuffer, DeviceMemory> constants = new HashMap<>();
  private Runnable onFree = () -> {};
  private PinnedMemory host = new PinnedMemory(1 << 20);
  private DeviceMemory device;
  private long used;

  /** What a buffer is for; two that are needed at once differ. */
  enum Slot {
    /** A weight in another type. */
    WEIGHT,
    /** An activation in another type. */
    ACTIVATION,
    /** A second activation in another type. */
    GRADIENT,
    /** Logits of some rows. */
    LOGITS,
    /** A context, log-sums of attention and the like. */
    ATTENTION,
    /** Small answers on their way to the host. */
    RESULTS
  }

  Scratch(DeviceTensors tensors, CudaStream compute) {
    this.tensors = tensors;
    this.compute = compute;
    this.device = tensors.allocate(1 << 20);
  }

  /** What to do when memory that a recording may name is freed. */
  void onFree(Runnable action) {
    onFree = action;
  }

  /** At least so many bytes; what they held before may be lost. */
  long at(Slot slot, long bytes) {
    DeviceMemory memory = slots.get(slot);
    if (memory == null || memory.bytes() < bytes) {
      tensors.requireNotRecording("device memory");
      if (memory != null) {
        onFree.run();
        slots.remove(slot);
        memory.close();
      }
      memory = tensors.allocate(round(bytes));
      slots.put(slot, memory);
    }
    return memory.address();
  }

  private static long round(long bytes) {
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  /**
   * Queues the upload of small arrays.
   *
   * @return where each is, good for the ops that are queued before the next call
   */
  long[] upload(MemorySegment... arrays) {
    tensors.requireNotRecording("an upload");
    long bytes = 0;
    for (MemorySegment array : arrays) {
      bytes += round(array.byteSize());
    }
    if (used + bytes > host.segment().byteSize()) {
      compute.synchronize(); // what is there has been read
      used = 0;
      if (bytes > host.segment().byteSize()) {
        host.close();
        device.close();
        host = new PinnedMemory(2 * bytes);
        device = tensors.allocate(2 * bytes);
      }
    }
    long[] addresses = new long[arrays.length];
    long first = used;
    for (int i = 0; i < arrays.length; i++) {
      MemorySegment.copy(arrays[i], 0, host.segment(), used, arrays[i].byteSize());
      addresses[i] = device.address() + used;
      used += round(arrays[i].byteSize());
    }
    if (bytes > 0) {
      compute.upload(device.address() + first, host.segment().asSlice(first, bytes), bytes);
    }
    return addresses;
  }

  /** The same for one array. */
  long upload(int[] ints) {
    return upload(MemorySegment.ofArray(ints))[0];
  }

  /**
   * An array that stays on the device, since it is likely to come again: equal ones share memory.
   */
  long constant(MemorySegment array) {
    ByteBuffer key = ByteBuffer.allocate(Math.toIntExact(array.byteSize()));
    MemorySegment.copy(array, 0, MemorySegment.ofBuffer(key), 0, array.byteSize());
    DeviceMemory memory = constants.get(key);
    if (memory == null) {
      tensors.requireNotRecording("a new constant");
      if (constants.size() == MAX_CONSTANTS) {
        onFree.run();
        compute.synchronize();
        constants.values().forEach(DeviceMemory::close);
        constants.clear();
      }
      memory = tensors.allocate(array.byteSize());
      tensors.transfers().upload(memory.address(), array);
      constants.put(key, memory);
    }
    return memory.address();
  }

  /** Positions, for example. */
  long constant(int[] ints) {
    return constant(MemorySegment.ofArray(ints));
  }

  /** A byte for each; 0 for null. */
  long constant(boolean[] flags) {
    if (flags == null) {
      return 0;
    }
    byte[] bytes = new byte[flags.length];
    for (int i = 0; i < flags.length; i++) {
      bytes[i] = (byte) (flags[i] ? 1 : 0);
    }
    return constant(MemorySegment.ofArray(bytes));
  }

  @Override
  public void close() {
    slots.values().forEach(DeviceMemory::close);
    constants.values().forEach(DeviceMemory::close);
    host.close();
    device.close();
  }
}
