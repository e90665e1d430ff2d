package llada.converter.cli;

import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import llada.backend.ThreadPool;
import llada.checkpoint.Checkpoint;
import llada.checkpoint.QuantizationMix;
import llada.cli.ProgressLine;
import llada.converter.Converter;
import llada.converter.Importance;
import llada.converter.Progress;
import llada.format.SafetensorsShards;
import llada.tensor.DType;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** What {@code convert} and {@code quantize} have in common beside the arguments. */
final class ConvertOptions {
  private static final Set<QuantizationMix> HALF =
      EnumSet.of(QuantizationMix.F16, QuantizationMix.BF16);

  @Option(
      names = "--head",
      paramLabel = "TYPE",
      description = "Type of the output matrix. Default: what llama.cpp's quantiser takes.")
  private String head;

  @Option(
      names = "--imatrix",
      paramLabel = "FILE",
      description =
          "Importance of the columns, made by llada imatrix: q4_0 and the K types then put their"
              + " errors where they matter least.")
  private Path imatrix;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads; the result does not depend on it. Default: one per processor.")
  private Integer threads;

  @Option(
      names = {"-q", "--quiet"},
      description = "Say nothing while working.")
  private boolean quiet;

  void run(CommandSpec spec, Path source, Path target, String type) {
    int workers = Arguments.threads(spec, threads);
    Optional<DType> headType =
        Optional.ofNullable(head)
            .map(text -> Arguments.choice(spec, "--head", text, DType.written()));
    try (Checkpoint model = Checkpoint.open(source);
        ThreadPool pool = new ThreadPool(workers)) {
      QuantizationMix mix =
          type == null
              ? ownType(model)
              : Arguments.choice(spec, "--type", type, EnumSet.allOf(QuantizationMix.class));
      if (headType.isPresent() && !Converter.isGguf(target)) {
        throw new ParameterException(
            spec.commandLine(), "--head goes with a GGUF target; a folder has one type for all");
      }
      Importance importance = imatrix == null ? Importance.NONE : Importance.read(imatrix);
      warn(spec, model, mix, Converter.isGguf(target));
      ProgressLine line = quiet ? null : ProgressLine.of(spec, Converter.bytes(model));
      Converter.run(
          model,
          target,
          new Converter.Options(mix, headType, importance, SafetensorsShards.SHARD_BYTES),
          pool,
          line == null ? Progress.NONE : line::add);
      if (line != null) {
        spec.commandLine().getErr().printf("%s: %s, %s%n", target, mix, line.finish());
      }
    }
  }

  /** What was rounded once is rounded again, and worse than from the original. */
  private void warn(CommandSpec spec, Checkpoint model, QuantizationMix mix, boolean gguf) {
    DType stored = model.weights().blocks().getFirst().ffProj().dtype();
    if (stored.blockLength() > 1 && !gguf && HALF.contains(mix) && !quiet) {
      spec.commandLine()
          .getErr()
          .printf(
              "llada: %s is quantised (%s) and is rounded again to %s; --type f32 keeps every"
                  + " number%n",
              model.path(), stored, mix);
    } else if (stored.blockLength() > 1 && mix.quantised() && !quiet) {
      spec.commandLine()
          .getErr()
          .printf(
              "llada: %s is quantised already (%s); the original weights would give a better %s%n",
              model.path(), stored, mix);
    }
  }

  private static QuantizationMix ownType(Checkpoint model) {
    Set<DType> types = EnumSet.noneOf(DType.class);
    model.namedWeights().stream()
        .filter(weight -> !weight.norm())
        .forEach(weight -> types.add(weight.tensor().dtype()));
    if (types.equals(Set.of(DType.F16))) {
      return QuantizationMix.F16;
    }
    types.removeIf(type -> type == DType.BF16 || type.blockLength() > 1);
    return types.isEmpty() ? QuantizationMix.BF16 : QuantizationMix.F32;
  }
}
