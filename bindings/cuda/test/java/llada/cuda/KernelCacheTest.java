package llada.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A GPU runs what lies in the cache: only what this user wrote, whole, is taken from there. */
final class KernelCacheTest {
  private static final String SM = "sm_90";

  @TempDir Path root;

  private KernelSource source;
  private KernelCache cache;
  private Path folder;

  @BeforeEach
  void load() {
    Emulator.load();
    Emulator.reset();
    source = KernelSource.read("residual");
    cache = KernelCache.ofUser(Map.of("XDG_CACHE_HOME", root.toString()), "?");
    folder = root.resolve("llada/cuda");
  }

  private Path kept() throws IOException {
    cache.code(source, SM);
    try (Stream<Path> files = Files.list(folder)) {
      return files.findFirst().orElseThrow();
    }
  }

  /** Asks for the code where the compiler fails: what comes is what was kept. */
  private byte[] withoutCompiler() {
    Emulator.set("fail_compile_at", 1);
    try {
      return cache.code(source, SM);
    } finally {
      Emulator.reset();
    }
  }

  private void isNotBelieved() {
    assertThatThrownBy(this::withoutCompiler)
        .isInstanceOf(CudaException.class)
        .hasMessageContaining("nvrtcCompileProgram");
  }

  @Test
  void theFolderIsForItsUserAlone() throws IOException {
    byte[] code = cache.code(source, SM);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder)))
        .isEqualTo("rwx------");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(kept())))
        .isEqualTo("rw-------");
    assertThat(withoutCompiler()).isEqualTo(code);
  }

  @Test
  void aChangedFileIsMadeAnew() throws IOException {
    byte[] code = cache.code(source, SM);
    Path kept = kept();
    byte[] good = Files.readAllBytes(kept);
    byte[] other = good.clone();
    other[good.length - 1] ^= 1;
    for (byte[] bad : new byte[][] {other, code, Arrays.copyOf(good, 20), {}}) {
      Files.write(kept, bad);
      isNotBelieved();
      assertThat(cache.code(source, SM)).isEqualTo(code);
      assertThat(Files.readAllBytes(kept)).isEqualTo(good);
    }
  }

  @Test
  void whatOthersMayWriteIsNotBelieved() throws IOException {
    Path kept = kept();
    Files.setPosixFilePermissions(kept, PosixFilePermissions.fromString("rw-rw-rw-"));
    isNotBelieved();
    Files.setPosixFilePermissions(kept, PosixFilePermissions.fromString("rw-------"));
    assertThat(withoutCompiler()).isNotEmpty();
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxrwx"));
    isNotBelieved();
    Files.delete(kept);
    assertThat(cache.code(source, SM)).isNotEmpty();
    assertThat(folder).isEmptyDirectory(); // nor is anything left there
  }

  @Test
  void aLinkIsNotBelieved() throws IOException {
    Path kept = kept();
    Path elsewhere = Files.move(kept, root.resolve("elsewhere"));
    Files.createSymbolicLink(kept, elsewhere);
    isNotBelieved();
  }

  @Test
  void anotherUsersFileIsNotBelieved() throws IOException {
    Path kept = kept();
    UserPrincipal other =
        kept.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName("daemon");
    try {
      Files.setAttribute(kept, "posix:owner", other, LinkOption.NOFOLLOW_LINKS);
    } catch (IOException e) {
      assumeTrue(false, "only root gives files to other users");
    }
    isNotBelieved();
  }

  @Test
  void aRelativeFolderMeansNone() throws IOException {
    KernelCache none = KernelCache.ofUser(Map.of("XDG_CACHE_HOME", "target/relative"), "?");
    assertThat(none.code(source, SM)).isEqualTo(none.code(source, SM)).isNotEmpty();
    assertThat(Path.of("target/relative")).doesNotExist();
    assertThat(Path.of("?")).doesNotExist();
    Path home = root.resolve("home");
    KernelCache ofHome = KernelCache.ofUser(Map.of("XDG_CACHE_HOME", "target"), home.toString());
    assertThat(ofHome.code(source, SM)).isNotEmpty();
    assertThat(home.resolve(".cache/llada/cuda")).isNotEmptyDirectory();
  }
}
