package llada.cuda;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** All kernels of a device by file and name, each file compiled and loaded at its first use. */
final class Programs implements AutoCloseable {
  private final KernelCache cache;
  private final String architecture;
  private final Map<String, CudaModule> modules = new HashMap<>();
  private final Map<String, CudaFunction> functions = new HashMap<>();

  Programs(KernelCache cache, CudaDevice device) {
    this.cache = cache;
    this.architecture = device.architecture();
  }

  /**
   * A kernel.
   *
   * @param file without .cu
   */
  CudaFunction function(String file, String name) {
    CudaFunction known = functions.get(name);
    if (known == null) {
      known = modules.computeIfAbsent(file, this::load).function(name);
      functions.put(name, known);
    }
    return known;
  }

  private CudaModule load(String file) {
    KernelSource source = KernelSource.read(file);
    try {
      return new CudaModule(cache.code(source, architecture));
    } catch (CudaException e) {
      if (!e.call().equals("cuModuleLoadData")) {
        throw e;
      }
      return new CudaModule(cache.renew(source, architecture)); // the file was damaged
    }
  }

  @Override
  public void close() {
    List<CudaModule> all = new ArrayList<>(modules.values());
    functions.clear();
    modules.clear();
    all.forEach(CudaModule::close);
  }
}
