package llada.cuda;

import java.io.File;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Looks for the libraries that the CUDA backend needs. An absent library is a line of a report and
 * never an exception: most machines have none.
 */
public final class CudaLibraries {
  /** Every library by purpose, with the file names to try in turn: newest first. */
  private static final List<Wanted> WANTED =
      List.of(
          new Wanted("driver", "install NVIDIA's driver", List.of("libcuda.so.1")),
          new Wanted(
              "cuBLAS",
              "install the CUDA toolkit, or add its folder to LD_LIBRARY_PATH",
              List.of("libcublas.so.13", "libcublas.so.12")),
          new Wanted(
              "cuDNN",
              "install cuDNN 9, or add its folder to LD_LIBRARY_PATH",
              List.of("libcudnn.so.9")),
          new Wanted(
              "NVRTC",
              "install the CUDA toolkit, or add its folder to LD_LIBRARY_PATH",
              List.of("libnvrtc.so.13", "libnvrtc.so.12")));

  private static final List<String> USUAL_FOLDERS =
      List.of(
          "/usr/local/cuda/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib/wsl/lib");

  private record Wanted(String purpose, String remedy, List<String> names) {}

  /**
   * What became of one library.
   *
   * @param purpose driver, cuBLAS, cuDNN or NVRTC
   * @param path the file that was loaded; empty if none could be
   * @param detail why not, with the remedy; empty if it was loaded
   */
  public record Found(String purpose, Optional<Path> path, String detail) {
    /** As a line for the user. */
    @Override
    public String toString() {
      return purpose + ": " + path.map(Path::toString).orElse(detail);
    }
  }

  private CudaLibraries() {}

  /** Looks in the folders of LD_LIBRARY_PATH, then in the usual ones. */
  public static List<Found> find() {
    List<Path> folders = new ArrayList<>();
    String given = System.getenv("LD_LIBRARY_PATH");
    if (given != null) {
      for (String folder : given.split(File.pathSeparator)) {
        if (!folder.isBlank()) {
          folders.add(Path.of(folder));
        }
      }
    }
    USUAL_FOLDERS.forEach(folder -> folders.add(Path.of(folder)));
    return find(folders);
  }

  /** Looks in these folders, in turn. Loading a library runs its start-up code. */
  public static List<Found> find(List<Path> folders) {
    return WANTED.stream().map(wanted -> find(wanted, folders)).toList();
  }

  private static Found find(Wanted wanted, List<Path> folders) {
    String reason = "not found (" + String.join(", ", wanted.names) + "); " + wanted.remedy;
    for (String name : wanted.names) {
      for (Path folder : folders) {
        Path file = folder.resolve(name);
        if (!Files.isRegularFile(file)) {
          continue;
        }
        try (Arena arena = Arena.ofConfined()) {
          var _ = SymbolLookup.libraryLookup(file, arena);
          return new Found(wanted.purpose, Optional.of(file), "");
        } catch (IllegalArgumentException e) {
          reason = "%s cannot be loaded (%s); %s".formatted(file, e.getMessage(), wanted.remedy);
        }
      }
    }
    return new Found(wanted.purpose, Optional.empty(), reason);
  }
}
