package llada.train;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Map;
import llada.format.FormatException;
import llada.format.Sha256;
import llada.tensor.Tensor;

/** Hashes that tell whether something is still what it was. */
final class Fingerprint {
  private Fingerprint() {}

  /** Of tensors: names, shapes and bytes. */
  static String of(Map<String, Tensor> tensors) {
    MessageDigest sha = Sha256.digest();
    tensors.forEach(
        (name, tensor) -> {
          sha.update((name + tensor).getBytes(StandardCharsets.UTF_8));
          Sha256.update(sha, tensor.reading());
        });
    return HexFormat.of().formatHex(sha.digest());
  }

  /** Of a corpus as far as a glance tells: names, sizes and times; and how it is to be read. */
  static byte[] key(Corpus corpus, byte[] tokenizer, String how) {
    MessageDigest sha = Sha256.digest();
    sha.update(tokenizer);
    sha.update(how.getBytes(StandardCharsets.UTF_8));
    for (Path file : corpus.files()) {
      try {
        String state =
            "%s %d %s"
                .formatted(
                    file.toAbsolutePath().normalize(),
                    Files.size(file),
                    Files.getLastModifiedTime(file));
        sha.update(state.getBytes(StandardCharsets.UTF_8));
      } catch (IOException e) {
        throw new FormatException(file + ": cannot be read: " + e.getMessage(), e);
      }
    }
    return sha.digest();
  }
}
