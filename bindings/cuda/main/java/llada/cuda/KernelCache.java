package llada.cuda;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import llada.format.AtomicFile;
import llada.format.FormatException;

/**
 * Machine code on disk, so that only a program's first use on a kind of device waits for the
 * compiler: one file by the source's digest and the architecture, which holds the code's SHA-256
 * and the code. A GPU runs what lies there, so only the user's own files in a folder that nobody
 * else can write are believed. A folder that is missing or not like that costs time and is no
 * error.
 */
final class KernelCache {
  private static final Set<PosixFilePermission> PRIVATE =
      PosixFilePermissions.fromString("rwx------");
  private static final int DIGEST = 32; // bytes of a SHA-256

  private final Optional<Path> folder;

  KernelCache(Path folder) {
    this(Optional.of(folder));
  }

  private KernelCache(Optional<Path> folder) {
    this.folder = folder;
  }

  /**
   * Where a user's caches are. A relative path means nothing (XDG Base Directory Specification, and
   * a user without an entry has the home "?"): then nothing is kept.
   */
  static KernelCache ofUser(Map<String, String> environment, String home) {
    return new KernelCache(
        Stream.of(environment.getOrDefault("XDG_CACHE_HOME", ""), home + "/.cache")
            .map(Path::of)
            .filter(Path::isAbsolute)
            .map(root -> root.resolve("llada").resolve("cuda"))
            .findFirst());
  }

  /** Compiles, unless that was done before. */
  byte[] code(KernelSource source, String architecture) {
    return folder
        .flatMap(f -> read(f, name(source, architecture)))
        .orElseGet(() -> renew(source, architecture));
  }

  /** Compiles again, for code on disk that does not load. */
  byte[] renew(KernelSource source, String architecture) {
    byte[] code = compile(source, architecture);
    folder.ifPresent(f -> keep(f, name(source, architecture), code));
    return code;
  }

  private static byte[] compile(KernelSource source, String architecture) {
    return KernelCompiler.compile(source.name(), source.text(), source.headers(), architecture)
        .cubin();
  }

  private static String name(KernelSource source, String architecture) {
    String stem = source.name().substring(0, source.name().lastIndexOf('.'));
    String digest = source.digest(KernelCompiler.version()).substring(0, 32);
    return "%s-%s-%s.cubin".formatted(stem, architecture, digest);
  }

  private static Optional<byte[]> read(Path folder, String name) {
    Path file = folder.resolve(name);
    try {
      if (!ours(folder) || !ours(file)) {
        return Optional.empty();
      }
      byte[] kept = Files.readAllBytes(file);
      byte[] code = Arrays.copyOfRange(kept, Math.min(DIGEST, kept.length), kept.length);
      boolean whole =
          Arrays.equals(KernelSource.sha256().digest(code), Arrays.copyOf(kept, DIGEST));
      return whole ? Optional.of(code) : Optional.empty();
    } catch (IOException | UnsupportedOperationException e) {
      return Optional.empty();
    }
  }

  /** Whether this is no link, the user's own, and for nobody else to write. */
  private static boolean ours(Path path) throws IOException {
    Set<PosixFilePermission> allowed =
        Files.getPosixFilePermissions(path, LinkOption.NOFOLLOW_LINKS);
    return !Files.isSymbolicLink(path)
        && Files.getOwner(path).equals(Files.getOwner(Path.of("/proc/self")))
        && !allowed.contains(PosixFilePermission.GROUP_WRITE)
        && !allowed.contains(PosixFilePermission.OTHERS_WRITE);
  }

  /** Beside and renamed: several processes may compile the same program at once. */
  private static void keep(Path folder, String name, byte[] code) {
    try {
      if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
        Files.createDirectories(folder, PosixFilePermissions.asFileAttribute(PRIVATE));
      }
      if (ours(folder)) {
        byte[] digest = KernelSource.sha256().digest(code);
        byte[] kept = Arrays.copyOf(digest, DIGEST + code.length);
        System.arraycopy(code, 0, kept, DIGEST, code.length);
        Path file = folder.resolve(name);
        AtomicFile.write(file, kept);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
      }
    } catch (IOException | FormatException | UnsupportedOperationException _) {
      // The next run compiles again.
    }
  }
}
