package llada.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import llada.cuda.nvrtc.Nvrtc;

/** NVRTC: CUDA C++ in, machine code of one architecture out, no toolkit on the machine. */
final class KernelCompiler {
  /** For every program. No fast maths: what the reference does in float32 is done in float32. */
  static final List<String> OPTIONS = List.of("--std=c++17");

  /**
   * What came out.
   *
   * @param cubin machine code
   * @param log the compiler's warnings, if any
   */
  record Compiled(byte[] cubin, String log) {}

  private KernelCompiler() {}

  /**
   * The version, such as 13.0.
   *
   * @throws CudaException if the library is missing
   */
  static String version() {
    CudaLibraries.ofProcess().load(CudaLibraries.Library.NVRTC);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment major = arena.allocate(Nvrtc.C_INT);
      MemorySegment minor = arena.allocate(Nvrtc.C_INT);
      Status.nvrtc("nvrtcVersion", Nvrtc.nvrtcVersion(major, minor));
      return major.get(Nvrtc.C_INT, 0) + "." + minor.get(Nvrtc.C_INT, 0);
    }
  }

  /**
   * Compiles one program.
   *
   * @param name of the file, for messages
   * @param headers text by the name that the source includes them by
   * @param architecture such as sm_90
   * @throws CudaException with the compiler's messages, if it does not compile
   */
  static Compiled compile(
      String name, String source, Map<String, String> headers, String architecture) {
    CudaLibraries.ofProcess().load(CudaLibraries.Library.NVRTC);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(Nvrtc.C_POINTER);
      MemorySegment texts = strings(arena, List.copyOf(headers.values()));
      MemorySegment names = strings(arena, List.copyOf(headers.keySet()));
      Status.nvrtc(
          "nvrtcCreateProgram",
          Nvrtc.nvrtcCreateProgram(
              out,
              arena.allocateFrom(source),
              arena.allocateFrom(name),
              headers.size(),
              texts,
              names));
      MemorySegment program = out.get(Nvrtc.C_POINTER, 0);
      try {
        return compile(arena, program, name, architecture);
      } finally {
        Status.nvrtc("nvrtcDestroyProgram", Nvrtc.nvrtcDestroyProgram(out));
      }
    }
  }

  private static Compiled compile(
      Arena arena, MemorySegment program, String name, String architecture) {
    List<String> options = new ArrayList<>(OPTIONS);
    options.add("--gpu-architecture=" + architecture);
    int status = Nvrtc.nvrtcCompileProgram(program, options.size(), strings(arena, options));
    if (status != Nvrtc.NVRTC_SUCCESS()) {
      String log = log(arena, program);
      Status.nvrtc(
          "nvrtcCompileProgram %s for %s%s"
              .formatted(name, architecture, log.isEmpty() ? "" : ":\n" + log + "\n"),
          status);
    }
    MemorySegment size = arena.allocate(Nvrtc.C_LONG);
    Status.nvrtc("nvrtcGetCUBINSize", Nvrtc.nvrtcGetCUBINSize(program, size));
    MemorySegment cubin = arena.allocate(size.get(Nvrtc.C_LONG, 0));
    Status.nvrtc("nvrtcGetCUBIN", Nvrtc.nvrtcGetCUBIN(program, cubin));
    return new Compiled(cubin.toArray(ValueLayout.JAVA_BYTE), log(arena, program));
  }

  private static String log(Arena arena, MemorySegment program) {
    MemorySegment size = arena.allocate(Nvrtc.C_LONG);
    Status.nvrtc("nvrtcGetProgramLogSize", Nvrtc.nvrtcGetProgramLogSize(program, size));
    long length = size.get(Nvrtc.C_LONG, 0);
    if (length <= 1) {
      return "";
    }
    MemorySegment log = arena.allocate(length);
    Status.nvrtc("nvrtcGetProgramLog", Nvrtc.nvrtcGetProgramLog(program, log));
    return log.getString(0).strip();
  }

  private static MemorySegment strings(Arena arena, List<String> strings) {
    MemorySegment pointers = arena.allocate(Nvrtc.C_POINTER, Math.max(1, strings.size()));
    for (int i = 0; i < strings.size(); i++) {
      pointers.setAtIndex(Nvrtc.C_POINTER, i, arena.allocateFrom(strings.get(i)));
    }
    return pointers;
  }
}
