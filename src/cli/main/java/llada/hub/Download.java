package llada.hub;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.net.URI;
import java.net.http.HttpResponse;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongConsumer;
import llada.format.AtomicFile;
import llada.format.Disk;
import llada.format.FormatException;

/**
 * One file on its way to the disk. What has come lies in a file that is named by its digest and is
 * gone on from, also by a later process: whose bytes they are need not be asked, since in the end
 * the digest of all has to be right.
 */
final class Download implements Hub.Attempt<Void> {
  private final Hub hub;
  private final HubFile file;
  private final URI address;
  private final Path part;
  private final LongConsumer listener;
  private Optional<String> tag = Optional.empty(); // of what this process has received

  /**
   * Asks nothing yet.
   *
   * @param parts the folder for what has come
   * @param listener hears of bytes as they come; of those that came to nothing, as a negative
   *     number
   */
  Download(Hub hub, HubFile file, URI address, Path parts, LongConsumer listener) {
    this.hub = hub;
    this.file = file;
    this.address = address;
    this.part = parts.resolve(partName(file));
    this.listener = listener;
  }

  /**
   * Brings all of it, with the right digest.
   *
   * @throws FormatException if the hub refuses or cannot be reached, or sends something else
   * @throws IOException if the disk fails
   */
  void bring() throws IOException {
    hub.retry(file.name(), this);
    if (!file.matches(part)) {
      discard();
      throw new FormatException(
          "%s: what came has not the digest of the listing and was thrown away; pull again, and if that ends so too, the hub's copy is damaged"
              .formatted(file.name()));
    }
  }

  /** Two files may have the same content. */
  static String partName(HubFile file) {
    return "%s.%08x".formatted(file.digest(), file.name().hashCode());
  }

  /** Bytes that have come. */
  @Override
  public long progress() throws IOException {
    return Files.exists(part) ? Files.size(part) : 0;
  }

  @Override
  public Void run() throws IOException {
    long from = progress();
    if (from > 0 && from >= file.size()) {
      return null;
    }
    Map<String, String> headers = new HashMap<>();
    if (from > 0) {
      headers.put("Range", "bytes=%d-".formatted(from));
      tag.ifPresent(text -> headers.put("If-Range", text));
    }
    HttpResponse<InputStream> reply = hub.send(file.name(), address, headers);
    try (InputStream in = reply.body()) {
      if (reply.statusCode() == 200) { // the hub knows no ranges, or the file has changed
        discard();
        from = 0;
      } else if (!reply
          .headers()
          .firstValue("Content-Range")
          .orElse("")
          .startsWith("bytes %d-".formatted(from))) {
        throw new FormatException(
            file.name() + ": the hub sends another part of it than it was asked for");
      }
      tag = reply.headers().firstValue("ETag").filter(text -> text.startsWith("\"")); // not weak
      receive(in, from);
    }
    return null;
  }

  private void receive(InputStream in, long from) throws IOException {
    byte[] buffer = new byte[1 << 18];
    try (FileChannel channel = Disk.current().open(part)) {
      channel.position(from);
      long at = from;
      while (at < file.size()) {
        int n = hub.await(file.name(), () -> in.read(buffer));
        if (n < 0) {
          throw new Hub.Broken("it ended after %,d of %,d bytes".formatted(at, file.size()));
        }
        n = (int) Math.min(n, file.size() - at); // no more is kept
        AtomicFile.writeFully(channel, MemorySegment.ofArray(buffer).asSlice(0, n));
        at += n;
        listener.accept(n);
      }
      channel.force(true);
    }
  }

  private void discard() throws IOException {
    listener.accept(-Math.min(file.size(), progress()));
    Disk.current().delete(part);
  }
}
