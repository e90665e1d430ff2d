package llada.format;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

/**
 * A disk for tests. Operations take effect at once, nothing is really forced, and all are noted: so
 * it can be asked what would be there if the power had failed after any of them. Only what was
 * forced is sure then. Of the rest, names in folders (made, renamed, deleted) are there or not,
 * each for itself, and written bytes are there, missing, torn or zero.
 *
 * <p>It can also fail: one operation, by its number, throws.
 */
public final class PowerCut implements Disk {
  private final Path root;
  private final Map<String, byte[]> before; // files by relative path; folders are null
  private final List<Op> journal = new ArrayList<>();
  private final int failing;
  private boolean failed;

  /** What was not forced. */
  public enum Unforced {
    LOST,
    KEPT,
    RANDOM
  }

  private sealed interface Op {}

  private record Open(Path path, Object handle) implements Op {}

  private record Write(Object handle, long at, byte[] bytes) implements Op {}

  private record Truncate(Object handle, long size) implements Op {}

  private record Force(Object handle) implements Op {}

  private record CreateFolder(Path path) implements Op {}

  private record Rename(Path from, Path to) implements Op {}

  private record Delete(Path path) implements Op {}

  private record ForceFolder(Path path) implements Op {}

  /** All below {@code root}, where what is there already is on the disk for sure. */
  public PowerCut(Path root) {
    this(root, Integer.MAX_VALUE);
  }

  /** The operation of number {@code failing}, from 0, throws an IOException. */
  public PowerCut(Path root, int failing) {
    this.root = root.toAbsolutePath().normalize();
    this.failing = failing;
    this.before = tree(this.root);
  }

  /** Operations so far. */
  public int operations() {
    return journal.size();
  }

  /** Whether the operation that is to fail was reached. */
  public boolean failed() {
    return failed;
  }

  private synchronized void note(Op op) throws IOException {
    if (journal.size() == failing && !failed) {
      failed = true;
      throw new IOException("injected fault at operation %d, %s".formatted(failing, name(op)));
    }
    journal.add(op);
  }

  private static String name(Op op) {
    return op instanceof Write write ? "Write of " + write.bytes.length + " bytes" : op.toString();
  }

  private Path whole(Path path) {
    return path.toAbsolutePath().normalize();
  }

  @Override
  public FileChannel create(Path file) throws IOException {
    Object handle = new Object();
    note(new Open(whole(file), handle));
    return new Channel(LocalDisk.INSTANCE.create(file), handle);
  }

  @Override
  public FileChannel open(Path file) throws IOException {
    Object handle = new Object();
    note(new Open(whole(file), handle));
    return new Channel(LocalDisk.INSTANCE.open(file), handle);
  }

  @Override
  public void createFolder(Path folder) throws IOException {
    note(new CreateFolder(whole(folder)));
    LocalDisk.INSTANCE.createFolder(folder);
  }

  @Override
  public void rename(Path from, Path to) throws IOException {
    note(new Rename(whole(from), whole(to)));
    LocalDisk.INSTANCE.rename(from, to);
  }

  @Override
  public void delete(Path path) throws IOException {
    if (Files.exists(path)) {
      note(new Delete(whole(path)));
      LocalDisk.INSTANCE.delete(path);
    }
  }

  @Override
  public void forceFolder(Path folder) throws IOException {
    note(new ForceFolder(whole(folder)));
  }

  /** Everything below a folder by relative path; of folders, null. */
  public static Map<String, byte[]> tree(Path root) {
    Map<String, byte[]> tree = new TreeMap<>();
    try (Stream<Path> all = Files.walk(root)) {
      for (Path path : all.filter(p -> !p.equals(root)).toList()) {
        tree.put(
            root.relativize(path).toString(),
            Files.isDirectory(path) ? null : Files.readAllBytes(path));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return tree;
  }

  /** Such a tree with hashes in place of contents, to be compared. */
  public static Map<String, Integer> hashes(Map<String, byte[]> tree) {
    Map<String, Integer> hashes = new TreeMap<>();
    tree.forEach((name, bytes) -> hashes.put(name, Arrays.hashCode(bytes)));
    return hashes;
  }

  // ---- what is there after the cut

  private static final class File {
    byte[] durable = new byte[0];
    final List<Op> unforced = new ArrayList<>();
  }

  /** A file or a folder; a folder has entries. */
  private static final class Node {
    final File file; // null for a folder
    final Map<String, Node> now = new TreeMap<>();
    final Map<String, Node> durable = new TreeMap<>();

    Node(File file) {
      this.file = file;
    }
  }

  /** A change of one folder's names: {@code from} becomes {@code to}; null is nowhere. */
  private record Change(Node folder, String from, String to, Node made) {
    void apply(Map<String, Node> names) {
      Node node = made != null ? made : names.remove(from);
      if (to != null && node != null) {
        names.put(to, node);
      }
    }
  }

  /** What a power cut after the first {@code operations} leaves, by relative path. */
  public Map<String, byte[]> cut(int operations, Unforced unforced, RandomGenerator random) {
    Node top = new Node(null);
    before.forEach(
        (name, bytes) -> {
          Node parent = node(top, root.resolve(name).getParent());
          Node node = new Node(bytes == null ? null : new File());
          if (bytes != null) {
            node.file.durable = bytes;
          }
          String last = Path.of(name).getFileName().toString();
          parent.now.put(last, node);
          parent.durable.put(last, node);
        });
    Map<Object, File> handles = new HashMap<>();
    List<Change> changes = new ArrayList<>();
    for (Op op : journal.subList(0, operations)) {
      switch (op) {
        case Open open -> {
          if (node(top, open.path) == null) {
            change(changes, top, open.path, null, name(open.path), new Node(new File()));
          }
          handles.put(open.handle, node(top, open.path).file);
        }
        case CreateFolder made ->
            change(changes, top, made.path, null, name(made.path), new Node(null));
        case Rename moved when moved.from.getParent().equals(moved.to.getParent()) ->
            change(changes, top, moved.to, name(moved.from), name(moved.to), null);
        case Rename moved -> { // each of the two folders may keep its change or lose it
          change(changes, top, moved.to, null, name(moved.to), node(top, moved.from));
          change(changes, top, moved.from, name(moved.from), null, null);
        }
        case Delete gone -> change(changes, top, gone.path, name(gone.path), null, null);
        case Write write -> handles.get(write.handle).unforced.add(write);
        case Truncate cut -> handles.get(cut.handle).unforced.add(cut);
        case Force force -> {
          File file = handles.get(force.handle);
          file.durable = content(file, Unforced.KEPT, random);
          file.unforced.clear();
        }
        case ForceFolder force -> {
          Node folder = node(top, force.path);
          for (Iterator<Change> all = changes.iterator(); all.hasNext(); ) {
            Change change = all.next();
            if (change.folder == folder) {
              change.apply(folder.durable);
              all.remove();
            }
          }
        }
      }
    }
    for (Change change : changes) {
      if (unforced == Unforced.KEPT || unforced == Unforced.RANDOM && random.nextBoolean()) {
        change.apply(change.folder.durable);
      }
    }
    Map<String, byte[]> left = new TreeMap<>();
    collect(top, "", left, unforced, random);
    return left;
  }

  private static String name(Path path) {
    return path.getFileName().toString();
  }

  private Node node(Node top, Path path) {
    Node node = top;
    for (Path part : path.equals(root) ? List.<Path>of() : root.relativize(path)) {
      node = node == null ? null : node.now.get(part.toString());
    }
    return node;
  }

  private void change(
      List<Change> changes, Node top, Path path, String from, String to, Node made) {
    Change change = new Change(node(top, path.getParent()), from, to, made);
    change.apply(change.folder.now);
    changes.add(change);
  }

  private static void collect(
      Node folder,
      String prefix,
      Map<String, byte[]> left,
      Unforced unforced,
      RandomGenerator random) {
    folder.durable.forEach(
        (name, node) -> {
          left.put(prefix + name, node.file == null ? null : content(node.file, unforced, random));
          collect(node, prefix + name + "/", left, unforced, random);
        });
  }

  private static byte[] content(File file, Unforced unforced, RandomGenerator random) {
    byte[] bytes = file.durable;
    for (Op op : file.unforced) {
      int fate = unforced == Unforced.RANDOM ? random.nextInt(4) : 0;
      if (unforced == Unforced.LOST || fate == 1) {
        continue;
      }
      if (op instanceof Truncate cut) {
        bytes = Arrays.copyOf(bytes, (int) Math.min(bytes.length, cut.size));
      } else if (op instanceof Write write) {
        byte[] part = write.bytes;
        if (fate == 2) {
          part = Arrays.copyOf(part, random.nextInt(part.length + 1));
        } else if (fate == 3) {
          part = new byte[part.length];
        }
        bytes = Arrays.copyOf(bytes, (int) Math.max(bytes.length, write.at + part.length));
        System.arraycopy(part, 0, bytes, (int) write.at, part.length);
      }
    }
    return bytes;
  }

  /** Writes such a tree to an empty folder. */
  public static void restore(Map<String, byte[]> tree, Path folder) throws IOException {
    Files.createDirectories(folder);
    for (Map.Entry<String, byte[]> entry : tree.entrySet()) {
      Path path = folder.resolve(entry.getKey());
      if (entry.getValue() == null) {
        Files.createDirectory(path);
      } else {
        Files.write(path, entry.getValue());
      }
    }
  }

  /** Notes what is written and forced. */
  private final class Channel extends FileChannel {
    private final FileChannel real;
    private final Object handle;

    Channel(FileChannel real, Object handle) {
      this.real = real;
      this.handle = handle;
    }

    @Override
    public int write(ByteBuffer from) throws IOException {
      int written = write(from, real.position());
      real.position(real.position() + written);
      return written;
    }

    @Override
    public int write(ByteBuffer from, long position) throws IOException {
      byte[] bytes = new byte[from.remaining()];
      from.duplicate().get(bytes);
      note(new Write(handle, position, bytes));
      return real.write(from, position);
    }

    @Override
    public long write(ByteBuffer[] from, int offset, int length) throws IOException {
      long all = 0;
      for (int i = offset; i < offset + length; i++) {
        all += write(from[i]);
      }
      return all;
    }

    @Override
    public FileChannel truncate(long size) throws IOException {
      note(new Truncate(handle, size));
      real.truncate(size);
      return this;
    }

    @Override
    public void force(boolean metaData) throws IOException {
      note(new Force(handle));
    }

    @Override
    public int read(ByteBuffer into) throws IOException {
      return real.read(into);
    }

    @Override
    public long read(ByteBuffer[] into, int offset, int length) throws IOException {
      return real.read(into, offset, length);
    }

    @Override
    public int read(ByteBuffer into, long position) throws IOException {
      return real.read(into, position);
    }

    @Override
    public long position() throws IOException {
      return real.position();
    }

    @Override
    public FileChannel position(long position) throws IOException {
      real.position(position);
      return this;
    }

    @Override
    public long size() throws IOException {
      return real.size();
    }

    @Override
    public FileLock tryLock(long position, long size, boolean shared) throws IOException {
      return real.tryLock(position, size, shared);
    }

    @Override
    public FileLock lock(long position, long size, boolean shared) {
      throw new UnsupportedOperationException();
    }

    @Override
    public long transferTo(long position, long count, WritableByteChannel to) {
      throw new UnsupportedOperationException();
    }

    @Override
    public long transferFrom(ReadableByteChannel from, long position, long count) {
      throw new UnsupportedOperationException();
    }

    @Override
    public MappedByteBuffer map(MapMode mode, long position, long size) {
      throw new UnsupportedOperationException();
    }

    @Override
    public MemorySegment map(MapMode mode, long offset, long size, Arena arena) {
      throw new UnsupportedOperationException();
    }

    @Override
    protected void implCloseChannel() throws IOException {
      real.close();
    }
  }
}
