package llada.cuda;

import java.lang.foreign.MemorySegment;
import llada.tensor.Storage;

/**
 * A storage's numbers on the device. Either side may be newer, never both; what the device wrote
 * and the host has not seen is one range of bytes.
 */
final class DeviceCopy implements Storage.Copy {
  private final DeviceTensors owner;
  private final Storage storage;
  private final MemorySegment host;
  private final DeviceMemory memory;

  private volatile boolean hostNewer = true; // the device has nothing yet
  private volatile boolean deviceNewer;
  private boolean freed; // under the owner's monitor
  private long from; // of the range that is newer on the device
  private long to;
  private boolean ofRounded; // see DeviceTensors.product

  DeviceCopy(DeviceTensors owner, Storage storage, DeviceMemory memory) {
    this.owner = owner;
    this.storage = storage;
    this.host = storage.memory();
    this.memory = memory;
  }

  DeviceTensors owner() {
    return owner;
  }

  /** Whether the host's memory still exists. */
  boolean alive() {
    return host.scope().isAlive();
  }

  long address() {
    return memory.address();
  }

  boolean stale() {
    return hostNewer;
  }

  /** Brings the device's numbers up to date. */
  void refresh() {
    if (hostNewer) {
      owner.transfers().upload(memory.address(), host);
      hostNewer = false;
    }
  }

  /** The device will write everything, so that nothing needs to be brought. */
  void overwritten() {
    hostNewer = false;
  }

  boolean ofRounded() {
    return ofRounded;
  }

  /** The device will write a product into it, of factors that were rounded or not. */
  void product(boolean rounded) {
    ofRounded = rounded;
  }

  /** The device will write these bytes. */
  void written(long first, long bytes) {
    if (bytes == 0) {
      return;
    }
    from = deviceNewer ? Math.min(from, first) : first;
    to = deviceNewer ? Math.max(to, first + bytes) : first + bytes;
    deviceNewer = true;
  }

  @Override
  public void beforeReading() {
    if (deviceNewer) {
      synchronized (owner) {
        if (deviceNewer) {
          owner.enter();
          owner.transfers().download(host.asSlice(from, to - from), memory.address() + from);
          deviceNewer = false;
        }
      }
    }
  }

  @Override
  public void beforeWriting() {
    beforeReading();
    hostNewer = true;
    ofRounded = false;
  }

  @Override
  public void clear(long offset, long bytes) {
    synchronized (owner) {
      boolean whole = offset == 0 && bytes == host.byteSize();
      if (freed || hostNewer && !whole) {
        host.asSlice(offset, bytes).fill((byte) 0);
        return;
      }
      owner.enter();
      owner.compute().clear(memory.address() + offset, bytes);
      hostNewer = false;
      written(offset, bytes);
    }
  }

  /** Frees the device's memory; the host's is all there is again. */
  void free() {
    freed = true;
    storage.keepIn(null);
    memory.close();
  }
}
