package llada.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import llada.Golden;
import llada.cuda.CudaLibraries.Library;
import llada.cuda.cublas.CuBlas;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** NVIDIA's own libraries, with or without a GPU; skipped where they are not installed. */
final class RealLibrariesTest {
  private static void assumeInstalled(Library library) {
    CudaLibraries.Found found = CudaLibraries.ofProcess().find(library);
    assumeTrue(found.path().isPresent(), found.toString());
  }

  @Test
  void versionsAreReported() {
    for (Library library : List.of(Library.CUBLAS, Library.CUDNN, Library.NVRTC)) {
      assumeInstalled(library);
    }
    assertThat(new CudaBackend().describe())
        .anyMatch(line -> line.matches("cuBLAS 13\\..*: /.*libcublas\\.so\\.13"))
        .anyMatch(line -> line.matches("cuDNN 9\\..*: /.*libcudnn\\.so\\.9"))
        .anyMatch(line -> line.matches("NVRTC 13\\..*: /.*libnvrtc\\.so\\.13"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"sm_80", "sm_90", "sm_120"})
  void everyKernelCompilesWithoutWarnings(String architecture) throws IOException {
    assumeInstalled(Library.NVRTC);
    List<Path> files;
    try (Stream<Path> all = Files.list(Golden.repository().resolve("native/cuda"))) {
      files = all.filter(f -> f.toString().endsWith(".cu")).sorted().toList();
    }
    assertThat(files).isNotEmpty();
    for (Path file : files) {
      String name = file.getFileName().toString().replace(".cu", "");
      KernelSource source = KernelSource.read(name);
      KernelCompiler.Compiled compiled =
          KernelCompiler.compile(source.name(), source.text(), source.headers(), architecture);
      assertThat(compiled.log()).as(name).isEmpty();
      assertThat(new String(compiled.cubin(), 1, 3, StandardCharsets.US_ASCII))
          .as(name)
          .isEqualTo("ELF");
    }
  }

  @Test
  void aBadSourceGivesTheCompilersWords() {
    assumeInstalled(Library.NVRTC);
    String source = "extern \"C\" __global__ void broken() { undefined(); }";
    assertThatThrownBy(() -> KernelCompiler.compile("broken.cu", source, Map.of(), "sm_90"))
        .isInstanceOf(CudaException.class)
        .hasMessageContaining("broken.cu")
        .hasMessageContaining("undefined")
        .hasMessageContaining("NVRTC_ERROR_COMPILATION");
  }

  /** Without a driver cuBLAS cannot start, and says so by a status that we name. */
  @Test
  void cuBlasWithoutADriverFailsWithItsName() {
    assumeInstalled(Library.CUBLAS);
    assumeTrue(
        CudaLibraries.ofProcess().find(Library.DRIVER).path().isEmpty(), "there is a driver");
    CudaLibraries.ofProcess().load(Library.CUBLAS);
    try (Arena arena = Arena.ofConfined()) {
      var out = arena.allocate(CuBlas.C_POINTER);
      assertThatThrownBy(() -> Status.cublas("cublasCreate", CuBlas.cublasCreate_v2(out)))
          .hasMessageContaining("cublasCreate: CUBLAS_STATUS_NOT_INITIALIZED");
    }
    assertThatThrownBy(CudaDevice::list)
        .isInstanceOf(CudaException.class)
        .hasMessageContaining("libcuda.so.1");
    assertThat(new CudaBackend().unavailable()).contains("no NVIDIA driver (libcuda.so.1)");
  }
}
