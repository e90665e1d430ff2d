package llada.converter.cli;

import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Set;
import llada.checkpoint.Checkpoint;
import llada.checkpoint.QuantizationMix;
import llada.cli.AdapterOption;
import llada.converter.Converter;
import llada.converter.Importance;
import llada.converter.Progress;
import llada.model.Part;
import llada.tensor.DType;
import picocli.CommandLine.Mixin;
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

  @Mixin private AdapterOption adapter;

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
    Converter.Settings settings =
        Converter.Settings.DEFAULT.threads(Arguments.threads(spec, threads));
    if (head != null) {
      settings = settings.head(Arguments.choice(spec, "--head", head, DType.written()));
    }
    try (Checkpoint model = Checkpoint.open(source, adapter.adapter())) {
      QuantizationMix mix =
          type == null
              ? Converter.mixOf(model)
              : Arguments.choice(spec, "--type", type, EnumSet.allOf(QuantizationMix.class));
      if (head != null && !Converter.isGguf(target)) {
        throw new ParameterException(
            spec.commandLine(), "--head goes with a GGUF target; a folder has one type for all");
      }
      if (imatrix != null) {
        settings = settings.importance(Importance.read(imatrix));
      }
      warn(spec, model, mix, Converter.isGguf(target));
      ProgressReport report = new ProgressReport(spec);
      Converter.convert(model, target, settings.mix(mix), quiet ? Progress.NONE : report);
      if (!quiet) {
        spec.commandLine().getErr().printf("%s: %s, read %s%n", target, mix, report.finish());
      }
    }
  }

  /** What was rounded once is rounded again, and worse than from the original. */
  private void warn(CommandSpec spec, Checkpoint model, QuantizationMix mix, boolean gguf) {
    DType stored =
        model.namedWeights().stream()
            .filter(w -> w.row().part() == Part.FF_PROJ || w.row().part() == Part.EXPERT_GATE)
            .findFirst()
            .orElseThrow()
            .tensor()
            .dtype();
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
}
