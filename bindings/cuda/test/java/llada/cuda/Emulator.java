package llada.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import llada.Golden;

/**
 * CUDA's libraries on the CPU, from native/emulator: built by make where g++ is, loaded in place of
 * the real ones, with failures on request. A test that needs it is skipped where it cannot be
 * built, and says so.
 */
public final class Emulator {
  private static final Path NATIVE = Golden.repository().resolve("native");

  private static boolean loaded;

  private Emulator() {}

  /** The folder with its libraries. */
  public static Path folder() {
    return NATIVE.resolve("target/emulator");
  }

  /**
   * For tests that run on a GPU as well: the real libraries with {@code -Dllada.gpu=true}, else the
   * emulator.
   */
  public static void loadOrGpu() {
    if (!Boolean.getBoolean("llada.gpu")) {
      load();
      return;
    }
    Optional<String> reason = new CudaBackend().unavailable();
    assumeTrue(reason.isEmpty(), () -> "no GPU: " + reason.get());
  }

  /** Builds it, if that was not done, and loads it for the life of this JVM. */
  public static synchronized void load() {
    if (loaded) {
      return;
    }
    assertThat(make("emulator")).isEmpty();
    CudaLibraries emulated = new CudaLibraries(Map.of(CudaLibraries.VARIABLE, folder().toString()));
    for (CudaLibraries.Library library : CudaLibraries.Library.values()) {
      assertThat(emulated.load(library)).startsWith(folder());
    }
    loaded = true;
  }

  /** Makes a target of native/Makefile; what was said, which is nothing when all is well. */
  static String make(String target) {
    try {
      if (new ProcessBuilder("sh", "-c", "command -v make && command -v g++").start().waitFor()
          != 0) {
        abort("no g++ or make here: the CUDA emulator cannot be built");
      }
      Process make =
          new ProcessBuilder("make", "-s", "-C", NATIVE.toString(), target)
              .redirectErrorStream(true)
              .start();
      String output =
          new String(make.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      int status = make.waitFor();
      assertThat(status).as(output).isZero();
      return output;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  /** Changes a setting, such as the number of devices; see native/emulator/settings.cpp. */
  public static void set(String name, long value) {
    try (Arena arena = Arena.ofConfined()) {
      int status =
          (int)
              call(
                  "emulatorSet",
                  FunctionDescriptor.of(
                      ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG),
                  arena.allocateFrom(name),
                  value);
      assertThat(status).as(name).isZero();
    }
  }

  /** A new device: no faults, nothing allocated. */
  public static void reset() {
    call("emulatorReset", FunctionDescriptor.ofVoid());
  }

  /** Pieces of device memory that were not freed. */
  public static long liveAllocations() {
    return (long) call("emulatorLiveAllocations", FunctionDescriptor.of(ValueLayout.JAVA_LONG));
  }

  /** How often something was asked for: copy, graph, launch, synchronise. */
  public static long count(String what) {
    try (Arena arena = Arena.ofConfined()) {
      return (long)
          call(
              "emulatorCount",
              FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.ADDRESS),
              arena.allocateFrom(what));
    }
  }

  private static Object call(String name, FunctionDescriptor type, Object... arguments) {
    MemorySegment address = SymbolLookup.loaderLookup().findOrThrow(name);
    try {
      return Linker.nativeLinker().downcallHandle(address, type).invokeWithArguments(arguments);
    } catch (Throwable e) {
      throw new AssertionError(name, e);
    }
  }
}
