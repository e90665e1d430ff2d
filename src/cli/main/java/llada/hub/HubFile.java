package llada.hub;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import llada.format.FormatException;
import llada.format.Json;
import llada.format.Sha256;

/**
 * A file as a hub lists it.
 *
 * @param name its path in the model, with slashes
 * @param size bytes
 * @param digest of a large file, the SHA-256 of its content; of a small one, which git keeps
 *     itself, the SHA-1 of {@code "blob SIZE\0"} and the content. Hexadecimal
 */
record HubFile(String name, long size, String digest) {
  private static final String PART = "[^/\\\\:*?\"<>|\\p{Cntrl}\\p{Cf}]{1,200}";

  /**
   * Reads an element of {@code siblings}.
   *
   * @throws FormatException if it is malformed, or has no digest: nobody could tell then whether
   *     the file arrives whole
   */
  static HubFile of(Json json) {
    Json lfs = json.get("lfs");
    Json digest = lfs.isNull() ? json.get("blobId") : lfs.get("sha256");
    long size = json.get("size").integer();
    if (size < 0 || !digest.string().matches(lfs.isNull() ? "[0-9a-f]{40}" : "[0-9a-f]{64}")) {
      throw new FormatException(
          "%s: %d bytes, %s is '%s': one of these is none"
              .formatted(json.where(), size, lfs.isNull() ? "SHA-1" : "SHA-256", digest.string()));
    }
    return new HubFile(json.get("rfilename").string(), size, digest.string());
  }

  /**
   * Whether a name stays in the folder that it is resolved against, on any system, and no part of
   * it begins with a dot, as our own files do.
   */
  static boolean isSafe(String name) {
    for (String part : name.split("/", -1)) {
      if (!part.matches(PART) || part.startsWith(".")) {
        return false;
      }
    }
    try {
      return !Path.of(name).isAbsolute();
    } catch (InvalidPathException _) {
      return false; // of characters that the locale lacks
    }
  }

  /** Whether a file has this content. Reads all of it. */
  boolean matches(Path file) throws IOException {
    if (Files.size(file) != size) {
      return false;
    }
    if (digest.length() == 64) {
      return Sha256.of(file).equals(digest);
    }
    try (InputStream in = Files.newInputStream(file)) {
      MessageDigest sha1 = MessageDigest.getInstance("SHA-1");
      sha1.update("blob %d\0".formatted(size).getBytes(StandardCharsets.US_ASCII));
      byte[] buffer = new byte[1 << 16];
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        sha1.update(buffer, 0, n);
      }
      return HexFormat.of().formatHex(sha1.digest()).equals(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-1", e);
    }
  }
}
