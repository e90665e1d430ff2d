package llada.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import llada.cuda.CudaLibraries.Library;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CudaLibrariesTest {
  @TempDir Path folder;

  private CudaLibraries at(String variable, Path path) {
    return new CudaLibraries(Map.of(variable, path.toString()));
  }

  @Test
  void lookingLoadsNothingAndNeverThrows() throws IOException {
    Files.writeString(folder.resolve("libcudnn.so.9"), "not a library");
    assertThat(at(CudaLibraries.VARIABLE, folder).find()).hasSize(4);
    assertThat(CudaLibraries.ofProcess().find()).hasSize(4);
  }

  @Test
  void theVariableComesBeforeEverythingElse() throws IOException {
    Path given = Files.writeString(folder.resolve("libcuda.so.1"), "");
    assertThat(at(CudaLibraries.VARIABLE, folder).find(Library.DRIVER).path()).contains(given);
    assertThat(at("LD_LIBRARY_PATH", folder).find(Library.DRIVER).path()).contains(given);
  }

  @Test
  void librariesOfPythonPackagesAreFound() throws IOException {
    Path lib = folder.resolve("lib/python3.13/site-packages/nvidia/cu13/lib");
    Files.createDirectories(lib);
    Path file = Files.writeString(lib.resolve("libcuda.so.1"), "");
    CudaLibraries.Found found = at("VIRTUAL_ENV", folder).find(Library.DRIVER);
    // A machine with a driver has its own in front.
    assertThat(found.path()).isPresent();
    assertThat(found.path().get().equals(file) || !found.path().get().startsWith(folder)).isTrue();
  }

  @Test
  void aDamagedLibraryIsNamedWithTheRemedy() throws IOException {
    Path file = Files.writeString(folder.resolve("libcuda.so.1"), "not a library");
    assertThatThrownBy(() -> at(CudaLibraries.VARIABLE, folder).load(Library.DRIVER))
        .isInstanceOf(CudaException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining("cannot be loaded")
        .hasMessageContaining("install NVIDIA's driver");
  }

  @Test
  void anAbsentLibraryIsNamedWithTheRemedy() {
    CudaLibraries.Found found = at(CudaLibraries.VARIABLE, folder).find(Library.NVRTC);
    if (found.path().isEmpty()) { // else this machine has CUDA
      assertThat(found.toString()).contains("NVRTC: no libnvrtc.so.13; install");
    }
  }

  @Test
  void theReportHasALineForEach() {
    assertThat(new CudaBackend().describe())
        .anyMatch(line -> line.startsWith("GPU"))
        .anyMatch(line -> line.startsWith("driver"))
        .anyMatch(line -> line.startsWith("cuBLAS"))
        .anyMatch(line -> line.startsWith("cuDNN"))
        .anyMatch(line -> line.startsWith("NVRTC"));
  }
}
