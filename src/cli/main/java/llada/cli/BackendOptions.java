package llada.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.format.AtomicFile;
import llada.format.Disk;
import llada.kernel.Precision;
import llada.kernel.SharedKernels;
import llada.kernel.machine.MachineKernels;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** What computes; shared by every command that runs the model. */
final class BackendOptions {
  @Option(
      names = "--backend",
      paramLabel = "NAME",
      defaultValue = "auto",
      description =
          "auto, scalar, vector, machine or cuda. auto takes the fastest that works here; a backend"
              + " that is named and cannot run is an error. Default: ${DEFAULT-VALUE}.")
  private String backend;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description =
          "Threads that compute; the result does not depend on it. Default: one per processor.")
  private Integer threads;

  @ArgGroup private Rounding rounding;

  @Option(
      names = "--dump-kernels",
      paramLabel = "DIR",
      description =
          "Write the disassembly of the machine backend's kernels to this folder, a file for each.")
  private Path dump;

  private final CommandContext context;

  BackendOptions(CommandContext context) {
    this.context = context;
  }

  /** At most one of these. */
  private static final class Rounding {
    @Option(
        names = "--exact",
        description =
            "Multiply in float32 only. Else the machine backend rounds activations to bytes for"
                + " quantised and to bfloat16 for bfloat16 weights, which is faster and changes"
                + " logits slightly.")
    private boolean exact;

    @Option(
        names = "--bf16",
        description = "Round float32 and float16 weights and their activations to bfloat16, too.")
    private boolean bf16;

    @Option(
        names = "--tf32",
        description = "Multiply float32 weights in TF32 where the backend is cuda.")
    private boolean tf32;
  }

  /** Starts the backend. */
  Backend start() {
    Backend chosen = Backends.choose(backend, threads(threads), precision());
    try {
      if (precision() == Precision.BF16 && !roundsToBf16(chosen)) {
        context
            .console()
            .message(
                "--bf16 has no effect: the %s backend does not multiply in bfloat16 on this machine, so float32 is kept"
                    .formatted(chosen.name()));
      }
      if (dump != null) {
        dump(chosen);
      }
      return chosen;
    } catch (RuntimeException e) {
      chosen.close();
      throw e;
    }
  }

  /**
   * The number of threads that was asked for, or the default.
   *
   * @param asked null if none was
   */
  static int threads(Integer asked) {
    if (asked != null && asked < 1) {
      throw new UsageException("--threads is " + asked + "; it must be at least 1");
    }
    return asked != null ? asked : Runtime.getRuntime().availableProcessors();
  }

  /** What the options say about rounding. */
  Precision precision() {
    if (rounding == null) {
      return Precision.WEIGHTS;
    }
    if (rounding.exact) {
      return Precision.EXACT;
    }
    return rounding.bf16 ? Precision.BF16 : rounding.tf32 ? Precision.TF32 : Precision.WEIGHTS;
  }

  private static boolean roundsToBf16(Backend chosen) {
    return SharedKernels.inside(chosen.kernels()) instanceof MachineKernels machine
        ? machine.bf16()
        : chosen.name().startsWith("cuda");
  }

  private void dump(Backend chosen) {
    if (!chosen.name().equals("machine")) {
      throw new UsageException(
          "--dump-kernels: only the machine backend assembles code, and this is " + chosen.name());
    }
    try {
      Disk.current().createFolders(dump);
      for (Map.Entry<String, String> listing : MachineKernels.listings().entrySet()) {
        Path file = dump.resolve(listing.getKey().replace(' ', '-') + ".txt");
        AtomicFile.write(file, listing.getValue().getBytes(StandardCharsets.UTF_8));
      }
    } catch (IOException e) {
      throw new UncheckedIOException("--dump-kernels " + dump + ": " + e.getMessage(), e);
    }
  }
}
