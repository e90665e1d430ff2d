package llada.train;

import it.unimi.dsi.fastutil.ints.IntArrayList;
import it.unimi.dsi.fastutil.longs.LongArrayList;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import llada.format.AtomicFile;
import llada.format.Disk;
import llada.format.FormatException;
import llada.format.MappedFile;
import llada.format.Sha256;

/**
 * The tokens of a corpus in a file that is mapped into memory: however large it is, only what is
 * read takes memory, and the next run finds it ready.
 *
 * <pre>
 *   0    8 bytes   "LLTOKEN1"
 *   8    32 bytes  key: SHA-256 of what the tokens were made from
 *   40   32 bytes  SHA-256 of the tokens
 *   72   i64       tokens N
 *   80   i64       documents D
 *   88   i32       bytes of a token, 2 or 4
 *   96   N tokens, padded to 8 bytes
 *        D + 1 x i64  where each document begins
 *        D x i32      its prompt's length, 0 in pre-training
 *        D x i32      its dialogue: documents of one dialogue are alternatives
 * </pre>
 */
public final class TokenCache {
  private static final byte[] MAGIC = {'L', 'L', 'T', 'O', 'K', 'E', 'N', '1'};
  private static final int HEADER = 96;
  private static final ValueLayout.OfLong I64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt I32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort I16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final MemorySegment data;
  private final int width;
  private final long tokens;
  private final int documents;
  private final String digest;
  private final long index;

  /** Receives documents while a cache is made. */
  public interface Sink {
    /**
     * Takes the next tokens of the document at hand.
     *
     * @throws IOException if they cannot be written
     */
    void tokens(int[] ids) throws IOException;

    /**
     * Ends the document.
     *
     * @param promptLength tokens of it that are given
     * @param dialogue number of its dialogue
     */
    void endDocument(int promptLength, int dialogue);
  }

  /** Produces the documents. */
  public interface Source {
    /**
     * Hands over all documents.
     *
     * @throws IOException if the sink fails
     */
    void writeTo(Sink sink) throws IOException;
  }

  private TokenCache(Path file, MemorySegment data) {
    if (data.byteSize() < HEADER) {
      throw broken(file);
    }
    this.data = data;
    this.tokens = data.get(I64, 72);
    long count = data.get(I64, 80);
    this.width = data.get(I32, 88);
    long limit = data.byteSize();
    if (tokens < 0
        || count < 0
        || count > Integer.MAX_VALUE
        || tokens > limit
        || width != 2 && width != 4) {
      throw broken(file);
    }
    this.documents = Math.toIntExact(count);
    this.index = HEADER + padded(tokens * width);
    if (limit != index + 8L * (documents + 1) + 8L * documents) {
      throw broken(file);
    }
    this.digest = HexFormat.of().formatHex(data.asSlice(40, 32).toArray(ValueLayout.JAVA_BYTE));
  }

  private static FormatException broken(Path file) {
    return new FormatException(file + ": is no whole token cache; delete it, it is made anew");
  }

  private static long padded(long bytes) {
    return (bytes + 7) / 8 * 8;
  }

  /**
   * Maps the cache of this key, making it first if it is not there.
   *
   * @param key SHA-256 of all that decides the tokens
   * @param vocabulary number of ids
   * @param arena owns the mapping
   * @throws FormatException if it cannot be written
   */
  public static TokenCache open(Path file, byte[] key, int vocabulary, Source source, Arena arena) {
    if (hasKey(file, key)) {
      try {
        TokenCache cache = new TokenCache(file, MappedFile.map(file, arena));
        cache.checkDigest(file);
        return cache;
      } catch (FormatException e) {
        // Made anew, as if it were not there.
      }
    }
    write(file, key, vocabulary <= 1 << 16 ? 2 : 4, source);
    return new TokenCache(file, MappedFile.map(file, arena));
  }

  /**
   * Checks a cache's tokens against the SHA-256 that it carries.
   *
   * @throws FormatException if it is damaged
   */
  public static void check(Path file) {
    try (Arena arena = Arena.ofShared()) {
      new TokenCache(file, MappedFile.map(file, arena)).checkDigest(file);
    }
  }

  private void checkDigest(Path file) {
    MessageDigest sha = Sha256.digest();
    Sha256.update(sha, data.asSlice(HEADER, tokens * width));
    Sha256.update(sha, data.asSlice(index));
    if (!HexFormat.of().formatHex(sha.digest()).equals(digest)) {
      throw broken(file);
    }
  }

  private static boolean hasKey(Path file, byte[] key) {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] head = in.readNBytes(HEADER);
      return head.length == HEADER
          && Arrays.equals(head, 0, 8, MAGIC, 0, 8)
          && Arrays.equals(head, 8, 40, key, 0, 32);
    } catch (IOException e) {
      return false; // not there yet; if it cannot be read, writing will say so
    }
  }

  private static void write(Path file, byte[] key, int width, Source source) {
    try {
      Disk.current().createFolders(file.toAbsolutePath().getParent());
    } catch (IOException e) {
      throw new FormatException(file + ": its folder cannot be made: " + e.getMessage(), e);
    }
    AtomicFile.write(
        file,
        channel -> {
          channel.position(HEADER);
          Writer writer = new Writer(channel, width);
          try {
            source.writeTo(writer);
          } catch (java.io.UncheckedIOException e) {
            throw e.getCause(); // a full disk, met inside a callback
          }
          writer.finish(key);
        });
  }

  /** Collects tokens and hands them to the file in pieces. */
  private static final class Writer implements Sink {
    private final FileChannel channel;
    private final int width;
    private final MessageDigest sha = Sha256.digest();
    private final ByteBuffer buffer = ByteBuffer.allocate(1 << 20).order(ByteOrder.LITTLE_ENDIAN);
    private final LongArrayList starts = LongArrayList.of(0);
    private final IntArrayList prompts = new IntArrayList();
    private final IntArrayList dialogues = new IntArrayList();
    private long count;

    Writer(FileChannel channel, int width) {
      this.channel = channel;
      this.width = width;
    }

    @Override
    public void tokens(int[] ids) throws IOException {
      for (int id : ids) {
        if (buffer.remaining() < width) {
          flush();
        }
        if (width == 2) {
          buffer.putShort((short) id);
        } else {
          buffer.putInt(id);
        }
        count++;
      }
    }

    @Override
    public void endDocument(int promptLength, int dialogue) {
      starts.add(count);
      prompts.add(promptLength);
      dialogues.add(dialogue);
    }

    private void flush() throws IOException {
      buffer.flip();
      sha.update(buffer.duplicate());
      AtomicFile.writeFully(channel, MemorySegment.ofBuffer(buffer));
      buffer.clear();
    }

    void finish(byte[] key) throws IOException {
      flush();
      long bytes = count * width;
      AtomicFile.writeFully(
          channel, MemorySegment.ofArray(new byte[(int) (padded(bytes) - bytes)]));
      ByteBuffer index =
          ByteBuffer.allocate(8 * starts.size() + 8 * prompts.size())
              .order(ByteOrder.LITTLE_ENDIAN);
      starts.forEach(index::putLong);
      prompts.forEach(index::putInt);
      dialogues.forEach(index::putInt);
      sha.update(index.array());
      AtomicFile.writeFully(channel, MemorySegment.ofArray(index.array()));
      ByteBuffer head = ByteBuffer.allocate(HEADER).order(ByteOrder.LITTLE_ENDIAN);
      head.put(MAGIC).put(key).put(sha.digest());
      head.putLong(count).putLong(prompts.size()).putInt(width);
      channel.position(0);
      AtomicFile.writeFully(channel, MemorySegment.ofArray(head.array()));
    }
  }

  /** N. */
  public long tokens() {
    return tokens;
  }

  /** D. */
  public int documents() {
    return documents;
  }

  /** SHA-256 of tokens and documents, in hexadecimal. */
  public String digest() {
    return digest;
  }

  /** {@code count} tokens from number {@code from} of the whole corpus. */
  public int[] tokens(long from, int count) {
    int[] ids = new int[count];
    for (int i = 0; i < count; i++) {
      long at = HEADER + (from + i) * width;
      ids[i] = width == 2 ? data.get(I16, at) & 0xffff : data.get(I32, at);
    }
    return ids;
  }

  /** The tokens of a document. */
  public int[] document(int d) {
    return tokens(data.get(I64, index + 8L * d), length(d));
  }

  /** How many they are. */
  public int length(int d) {
    return Math.toIntExact(data.get(I64, index + 8L * (d + 1)) - data.get(I64, index + 8L * d));
  }

  /** Tokens of a document that are given and never masked. */
  public int promptLength(int d) {
    return data.get(I32, index + 8L * (documents + 1) + 4L * d);
  }

  /** The dialogue of a document, not falling. */
  public int dialogue(int d) {
    return data.get(I32, index + 8L * (documents + 1) + 4L * documents + 4L * d);
  }
}
