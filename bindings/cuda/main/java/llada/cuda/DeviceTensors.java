package llada.cuda;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import llada.tensor.Storage;
import llada.tensor.Tensor;

/**
 * Which tensors have a copy on the device. A kernel asks here for the address of each tensor that
 * it reads or writes; numbers travel only when one side has newer ones, so what only kernels touch
 * stays on the device. A copy is freed after its host memory is: there is no call for it.
 *
 * <p>Kernels ask from one thread at a time, which holds the monitor of this; the host may touch
 * tensors from any, and takes the monitor where that needs the device.
 */
final class DeviceTensors implements AutoCloseable {
  private final CudaContext context;
  private final CudaStream compute;
  private final Transfers transfers;
  private final Set<DeviceCopy> copies = new LinkedHashSet<>();
  private Runnable onFree = () -> {};
  private Touched recording; // null when nothing is being recorded

  /** What a recorded body reads and writes. */
  static final class Touched {
    private final Set<DeviceCopy> copies = new HashSet<>();
    private final List<Written> written = new ArrayList<>();

    /** Uploads what the host changed since. */
    void refresh() {
      copies.forEach(DeviceCopy::refresh);
    }

    /** What a playback leaves newer on the device. */
    void markWritten() {
      written.forEach(w -> w.copy.written(w.first, w.bytes));
    }
  }

  private record Written(DeviceCopy copy, long first, long bytes) {}

  /** A body cannot be recorded: it needs something that is not on the device yet. */
  static final class NotRecordable extends RuntimeException {
    private static final long serialVersionUID = 1L;

    NotRecordable(String what) {
      super(what, null, false, false);
    }
  }

  DeviceTensors(CudaContext context, CudaStream compute) {
    this.context = context;
    this.compute = compute;
    this.transfers = new Transfers(compute);
  }

  /** What to do when device memory that a recording may name is freed. */
  void onFree(Runnable action) {
    onFree = action;
  }

  CudaStream compute() {
    return compute;
  }

  Transfers transfers() {
    return transfers;
  }

  void enter() {
    context.enter();
  }

  /** Device address of a tensor that a kernel reads. */
  long read(Tensor tensor) {
    return address(tensor);
  }

  /** Device address of a tensor that a kernel changes. */
  long update(Tensor tensor) {
    long address = address(tensor);
    mark(tensor);
    return address;
  }

  /** Device address of a tensor that a kernel overwrites: what the host has need not be there. */
  synchronized long write(Tensor tensor) {
    DeviceCopy copy = copy(tensor.storage());
    boolean whole = tensor.bytes() == tensor.storage().memory().byteSize();
    if (copy.stale() && whole) {
      requireNotRecording("a new buffer");
      copy.overwritten();
    }
    return update(tensor);
  }

  /**
   * The same for a product, with a note whether its factors were rounded: what reads it next may
   * then round as well, whichever model it belongs to.
   */
  synchronized long product(Tensor out, boolean rounded) {
    long address = write(out);
    copy(out.storage()).product(rounded);
    return address;
  }

  /** Whether this is a product of rounded factors. */
  synchronized boolean ofRounded(Tensor tensor) {
    return copy(tensor.storage()).ofRounded();
  }

  private synchronized long address(Tensor tensor) {
    DeviceCopy copy = copy(tensor.storage());
    if (copy.stale()) {
      requireNotRecording("an upload");
      copy.refresh();
    }
    if (recording != null) {
      recording.copies.add(copy);
    }
    return copy.address() + tensor.offset();
  }

  private void mark(Tensor tensor) {
    DeviceCopy copy = copy(tensor.storage());
    copy.written(tensor.offset(), tensor.bytes());
    if (recording != null) {
      recording.written.add(new Written(copy, tensor.offset(), tensor.bytes()));
    }
  }

  private DeviceCopy copy(Storage storage) {
    if (storage.copy() instanceof DeviceCopy copy && copy.owner().equals(this)) {
      return copy;
    }
    requireNotRecording("device memory");
    if (storage.copy() != null) {
      storage.copy().beforeWriting(); // another device's: it must give its numbers back
    }
    DeviceCopy copy = new DeviceCopy(this, storage, allocate(storage.memory().byteSize()));
    copies.add(copy);
    storage.keepIn(copy);
    return copy;
  }

  /** Device memory, for which copies are freed whose host memory is gone. */
  DeviceMemory allocate(long bytes) {
    sweep();
    return context.allocate(bytes);
  }

  private void sweep() {
    boolean freed = false;
    for (Iterator<DeviceCopy> all = copies.iterator(); all.hasNext(); ) {
      DeviceCopy copy = all.next();
      if (!copy.alive()) {
        if (!freed) {
          onFree.run();
          freed = true;
        }
        copy.free();
        all.remove();
      }
    }
  }

  /**
   * Takes these tensors to the device, if all of them fit.
   *
   * @throws CudaException that says how much is missing
   */
  synchronized void load(List<Tensor> tensors) {
    sweep();
    Set<Storage> missing = new LinkedHashSet<>();
    for (Tensor tensor : tensors) {
      if (!(tensor.storage().copy() instanceof DeviceCopy copy && copy.owner().equals(this))) {
        missing.add(tensor.storage());
      }
    }
    long bytes = missing.stream().mapToLong(storage -> storage.memory().byteSize()).sum();
    long free = context.freeBytes();
    if (bytes > free) {
      throw new CudaException(
          "the weights need %s of device memory, and %s of %s on %s are free: %s are missing; take a smaller weight type (such as Q8_0 or Q4_K), or use backend machine"
              .formatted(
                  CudaContext.text(bytes),
                  CudaContext.text(free),
                  CudaContext.text(context.device().bytes()),
                  context.device().name(),
                  CudaContext.text(bytes - free)));
    }
    tensors.forEach(this::read);
  }

  /** From now on what kernels touch is noted, and nothing may travel or be allocated. */
  Touched startRecording() {
    recording = new Touched();
    return recording;
  }

  void stopRecording() {
    recording = null;
  }

  /** Throws if this is being recorded. */
  void requireNotRecording(String what) {
    if (recording != null) {
      throw new NotRecordable(what);
    }
  }

  @Override
  public void close() {
    try {
      for (DeviceCopy copy : copies) {
        if (copy.alive()) {
          copy.beforeReading(); // what only the device has must not be lost
        }
      }
    } finally {
      copies.forEach(DeviceCopy::free);
      copies.clear();
      transfers.close();
    }
  }
}
