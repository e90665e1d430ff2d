package llada.kernel.machine;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Memory that holds assembled code and may be executed. It is first writable, then executable,
 * never both. Pages live until the process ends, as the code may be running on any thread.
 */
final class CodePage {
  private static final int READ = 1;
  private static final int WRITE = 2;
  private static final int EXECUTE = 4;
  private static final int PRIVATE_ANONYMOUS = 0x22; // Linux

  private CodePage() {}

  /** A kernel that can be called. */
  static final class Code {
    private final MethodHandle handle;

    private Code(MethodHandle handle) {
      this.handle = handle;
    }

    /**
     * Runs it. The call is made without telling the JVM ("critical"), so a garbage collection waits
     * for its end: callers give it microseconds of work.
     *
     * @param arguments the block of 64-bit numbers that the kernel documents, in native memory
     */
    void run(MemorySegment arguments) {
      try {
        handle.invokeExact(arguments.address());
      } catch (Throwable t) { // a call without Java in it throws nothing
        throw new AssertionError(t);
      }
    }
  }

  /**
   * Maps a kernel.
   *
   * @throws MachineException if this system gives no executable memory
   */
  static Code map(Assembler kernel) {
    String os = System.getProperty("os.name");
    String architecture = System.getProperty("os.arch");
    if (!os.equals("Linux") || !architecture.equals("amd64")) {
      throw new MachineException(
          "machine code is made for Linux on x86-64, and this is %s on %s"
              .formatted(os, architecture));
    }
    byte[] bytes = kernel.toBytes();
    MemorySegment page = writable(bytes.length);
    page.copyFrom(MemorySegment.ofArray(bytes));
    makeExecutable(page);
    FunctionDescriptor signature = FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG);
    return new Code(
        Linker.nativeLinker().downcallHandle(page, signature, Linker.Option.critical(false)));
  }

  private static MemorySegment writable(long size) {
    MethodHandle mmap =
        function(
            "mmap",
            FunctionDescriptor.of(
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_LONG));
    try {
      long address = (long) mmap.invokeExact(0L, size, READ | WRITE, PRIVATE_ANONYMOUS, -1, 0L);
      if (address == -1) {
        throw new MachineException("the system gave no memory for machine code (mmap)");
      }
      return MemorySegment.ofAddress(address).reinterpret(size, Arena.global(), null);
    } catch (MachineException e) {
      throw e;
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }

  private static void makeExecutable(MemorySegment page) {
    MethodHandle mprotect =
        function(
            "mprotect",
            FunctionDescriptor.of(
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_INT));
    int result;
    try {
      result = (int) mprotect.invokeExact(page.address(), page.byteSize(), READ | EXECUTE);
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
    if (result != 0) {
      throw new MachineException("the system refuses to execute generated code (mprotect)");
    }
  }

  private static MethodHandle function(String name, FunctionDescriptor signature) {
    Linker linker = Linker.nativeLinker();
    return linker
        .defaultLookup()
        .find(name)
        .map(address -> linker.downcallHandle(address, signature))
        .orElseThrow(() -> new MachineException("the C library has no " + name));
  }
}
