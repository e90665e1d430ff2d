package llada.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CudaLibrariesTest {
  @TempDir Path folder;

  @Test
  void absentLibrariesAreReportedWithARemedy() {
    List<CudaLibraries.Found> found = CudaLibraries.find(List.of(folder));
    assertThat(found)
        .extracting(CudaLibraries.Found::purpose)
        .containsExactly("driver", "cuBLAS", "cuDNN", "NVRTC");
    assertThat(found).allMatch(f -> f.path().isEmpty() && f.detail().contains("install"));
  }

  @Test
  void aDamagedLibraryIsReportedWithItsPath() throws IOException {
    Path file = Files.writeString(folder.resolve("libcuda.so.1"), "not a library");
    CudaLibraries.Found driver = CudaLibraries.find(List.of(folder)).getFirst();
    assertThat(driver.path()).isEmpty();
    assertThat(driver.toString()).contains(file.toString(), "cannot be loaded");
  }

  @Test
  void theMachinesOwnFoldersNeverThrow() {
    assertThat(CudaLibraries.find()).hasSize(4);
  }
}
