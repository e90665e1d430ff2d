package llada.cuda;

import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Finds and loads the libraries that the CUDA backend calls. Looking for one loads nothing; an
 * absent one is a line of a report, since most machines have none.
 *
 * <p>In this order: the folders of {@code LLADA_CUDA_PATH}, those of the system's loader ({@code
 * LD_LIBRARY_PATH} first), the usual ones, and those of Python's packages, which bring CUDA too.
 */
public final class CudaLibraries {
  /** The environment variable with folders to look in first. */
  public static final String VARIABLE = "LLADA_CUDA_PATH";

  private static final List<String> USUAL_FOLDERS =
      List.of(
          "/usr/local/cuda/lib64",
          "/usr/local/cuda-13/lib64",
          "/usr/local/cuda/compat",
          "/usr/lib/x86_64-linux-gnu",
          "/usr/lib/aarch64-linux-gnu",
          "/usr/lib64",
          "/usr/lib/wsl/lib",
          "/run/opengl-driver/lib");

  /** Where Python keeps packages; * is any version. */
  private static final List<String> PYTHON_FOLDERS =
      List.of(
          "lib/python*/site-packages",
          "local/lib/python*/dist-packages",
          "local/lib/python*/site-packages",
          "lib64/python*/site-packages");

  private static final Map<Library, Path> LOADED = new EnumMap<>(Library.class);

  private final Map<String, String> environment;

  /** A library by what it is for. */
  public enum Library {
    /** The driver, which comes with the kernel module. */
    DRIVER("driver", "libcuda.so.1", "install NVIDIA's driver", List.of()),
    /** Matrix products. */
    CUBLAS("cuBLAS", "libcublas.so.13", toolkit("nvidia-cublas"), List.of("libcublasLt.so.13")),
    /** Reported, and not needed. */
    CUDNN("cuDNN", "libcudnn.so.9", "install cuDNN 9 for CUDA 13", List.of()),
    /** Compiles the kernels. */
    NVRTC(
        "NVRTC",
        "libnvrtc.so.13",
        toolkit("nvidia-cuda-nvrtc"),
        List.of("libnvrtc-builtins.so.13.*"));

    private final String purpose;
    private final String file;
    private final String remedy;
    private final List<String> companions; // which it opens by name and would not find by itself

    Library(String purpose, String file, String remedy, List<String> companions) {
      this.purpose = purpose;
      this.file = file;
      this.remedy = remedy;
      this.companions = companions;
    }

    private static String toolkit(String wheel) {
      return "install the CUDA 13 toolkit or `pip install %s`, or set %s to the library's folder"
          .formatted(wheel, VARIABLE);
    }

    /** For the user. */
    public String purpose() {
      return purpose;
    }
  }

  /**
   * What became of the search for one library.
   *
   * @param path the file; empty if there is none
   * @param detail why not, with the remedy; empty if it was found
   */
  public record Found(Library library, Optional<Path> path, String detail) {
    /** As a line for the user. */
    @Override
    public String toString() {
      return library.purpose + ": " + path.map(Path::toString).orElse(detail);
    }
  }

  /** Looks where this environment says. */
  public CudaLibraries(Map<String, String> environment) {
    this.environment = Map.copyOf(environment);
  }

  /** Looks where the process's environment says. */
  public static CudaLibraries ofProcess() {
    return new CudaLibraries(System.getenv());
  }

  /** Looks for all of them. */
  public List<Found> find() {
    return Stream.of(Library.values()).map(this::find).toList();
  }

  /** Looks for one; what is loaded is what is found. */
  public Found find(Library library) {
    synchronized (LOADED) {
      if (LOADED.containsKey(library)) {
        return new Found(library, Optional.of(LOADED.get(library)), "");
      }
    }
    Optional<Path> path =
        in(split(environment.get(VARIABLE)), library.file)
            .or(() -> in(split(environment.get("LD_LIBRARY_PATH")), library.file))
            .or(() -> byLoader(library.file))
            .or(() -> in(USUAL_FOLDERS.stream().map(Path::of).toList(), library.file))
            .or(() -> in(wheels(), library.file));
    String missing = "no %s; %s".formatted(library.file, library.remedy);
    return new Found(library, path, path.isPresent() ? "" : missing);
  }

  /**
   * Loads a library, once in the life of the process: from then on the bindings' calls work.
   *
   * @return the file
   * @throws CudaException if it is missing or broken; the message says what to do
   */
  public synchronized Path load(Library library) {
    synchronized (LOADED) {
      Path loaded = LOADED.get(library);
      if (loaded != null) {
        return loaded;
      }
      Found found = find(library);
      Path file =
          found.path().orElseThrow(() -> new CudaException(library.purpose + ": " + found.detail));
      for (String companion : library.companions) {
        beside(file, companion).ifPresent(other -> load(library, other));
      }
      load(library, file);
      LOADED.put(library, file);
      return file;
    }
  }

  private static void load(Library library, Path file) {
    try {
      System.load(file.toAbsolutePath().toString());
    } catch (UnsatisfiedLinkError e) {
      throw new CudaException(
          "%s: %s cannot be loaded (%s); %s"
              .formatted(library.purpose, file, e.getMessage(), library.remedy));
    }
  }

  private static Optional<Path> in(List<Path> folders, String file) {
    return folders.stream().map(folder -> folder.resolve(file)).filter(Files::exists).findFirst();
  }

  private static List<Path> split(String folders) {
    return folders == null
        ? List.of()
        : Stream.of(folders.split(File.pathSeparator))
            .filter(folder -> !folder.isBlank())
            .map(Path::of)
            .toList();
  }

  /** The system's loader knows folders that we do not; the kernel tells which file it took. */
  private static Optional<Path> byLoader(String file) {
    try {
      var _ = SymbolLookup.libraryLookup(file, Arena.global());
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
    try (Stream<String> maps = Files.lines(Path.of("/proc/self/maps"))) {
      String stem = "/" + file.substring(0, file.indexOf(".so") + 3);
      return maps.filter(line -> line.indexOf('/') >= 0)
          .map(line -> line.substring(line.indexOf('/')))
          .filter(path -> path.contains(stem))
          .map(Path::of)
          .findFirst();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private List<Path> wheels() {
    List<Path> folders = new ArrayList<>();
    for (String name : List.of("VIRTUAL_ENV", "CONDA_PREFIX")) {
      split(environment.get(name)).forEach(prefix -> addWheels(folders, prefix));
    }
    if (environment.get("HOME") != null) {
      addWheels(folders, Path.of(environment.get("HOME"), ".local"));
    }
    addWheels(folders, Path.of("/usr"));
    return folders;
  }

  private static void addWheels(List<Path> folders, Path prefix) {
    for (String pattern : PYTHON_FOLDERS) {
      for (Path packages : glob(prefix, pattern)) {
        folders.addAll(glob(packages, "nvidia/*/lib"));
      }
    }
  }

  /** Paths below {@code start}, name after name. */
  private static List<Path> glob(Path start, String pattern) {
    List<Path> level = List.of(start);
    for (String name : pattern.split("/")) {
      List<Path> next = new ArrayList<>();
      for (Path folder : level) {
        if (Files.isDirectory(folder)) {
          list(folder, name, next);
        }
      }
      level = next.stream().sorted().toList();
    }
    return level;
  }

  private static void list(Path folder, String name, List<Path> into) {
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, name)) {
      entries.forEach(into::add);
    } catch (IOException | DirectoryIteratorException _) {
      // A folder that is not for us has nothing for us.
    }
  }

  private static Optional<Path> beside(Path file, String name) {
    Path folder = file.toAbsolutePath().getParent();
    return folder == null ? Optional.empty() : glob(folder, name).stream().findFirst();
  }
}
