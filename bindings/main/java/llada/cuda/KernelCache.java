package llada.cuda;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import llada.format.AtomicFile;
import llada.format.Disk;
import llada.format.FormatException;

/**
 * Machine code on disk, so that only a program's first use on a kind of device waits for the
 * compiler: one file by the source's digest and the architecture. A folder that cannot be written
 * costs time and is no error.
 */
final class KernelCache {
  private final Path folder;

  KernelCache(Path folder) {
    this.folder = folder;
  }

  /** Where a user's caches are. */
  static KernelCache ofUser(Map<String, String> environment) {
    String cache = environment.get("XDG_CACHE_HOME");
    Path root =
        cache != null && !cache.isBlank()
            ? Path.of(cache)
            : Path.of(System.getProperty("user.home"), ".cache");
    return new KernelCache(root.resolve("llada").resolve("cuda"));
  }

  /** Compiles, unless that was done before. */
  byte[] code(KernelSource source, String architecture) {
    Path file = file(source, architecture);
    try {
      if (Files.isRegularFile(file)) {
        return Files.readAllBytes(file);
      }
    } catch (IOException e) {
      return compile(source, architecture);
    }
    byte[] code = compile(source, architecture);
    keep(file, code);
    return code;
  }

  /** Compiles again, for code on disk that does not load. */
  byte[] renew(KernelSource source, String architecture) {
    byte[] code = compile(source, architecture);
    keep(file(source, architecture), code);
    return code;
  }

  private static byte[] compile(KernelSource source, String architecture) {
    return KernelCompiler.compile(source.name(), source.text(), source.headers(), architecture)
        .cubin();
  }

  private Path file(KernelSource source, String architecture) {
    String stem = source.name().substring(0, source.name().lastIndexOf('.'));
    String digest = source.digest(KernelCompiler.version()).substring(0, 32);
    return folder.resolve("%s-%s-%s.cubin".formatted(stem, architecture, digest));
  }

  /** Beside and renamed: several processes may compile the same program at once. */
  private void keep(Path file, byte[] code) {
    try {
      Disk.current().createFolders(folder);
      AtomicFile.write(file, code);
    } catch (IOException | FormatException _) {
      // The next run compiles again.
    }
  }
}
