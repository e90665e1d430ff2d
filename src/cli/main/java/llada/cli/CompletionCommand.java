package llada.cli;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import llada.backend.Backends;
import llada.checkpoint.PublishedShape;
import llada.checkpoint.QuantizationMix;
import llada.diffusion.Remasking;
import llada.diffusion.SamplerMode;
import llada.evaluation.Preset;
import llada.experiments.Size;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Spec;

/** The script that lets a shell complete commands, options and the values that they take. */
@Command(
    name = "completion",
    description = "Write a completion script for bash and zsh to standard output.",
    footer = {
      "  source <(llada completion)",
      "  llada completion > ~/.local/share/bash-completion/completions/llada"
    })
final class CompletionCommand implements Runnable {
  private final CommandContext context;
  @Spec private CommandSpec spec;

  /** By option: what it takes, in the spelling that it takes. */
  static final Map<String, List<String>> VALUES =
      Map.of(
          "--backend", Backends.NAMES,
          "--remasking", words(Remasking.values()),
          "--mode", words(SamplerMode.values()),
          "--cache", List.of("none", "prefix", "dual", "dkv", "dkv-pd", "dllm"),
          "--cache-type", List.of("f32", "bf16", "q8_0"),
          "--commit", rules(),
          "--type", words(QuantizationMix.values()),
          "--shape", shapes(),
          "--preset", Arrays.stream(Preset.values()).map(Preset::toString).toList(),
          "--size", words(Size.values()));

  CompletionCommand(CommandContext context) {
    this.context = context;
  }

  private static List<String> words(Enum<?>[] choices) {
    return Arrays.stream(choices).map(SamplerFlags::text).toList();
  }

  private static List<String> rules() {
    return List.of(
        "quota",
        "threshold",
        "factor",
        "eb",
        "klass",
        "remdm-cap",
        "remdm-rescale",
        "remdm-conf",
        "remdm-loop");
  }

  private static List<String> shapes() {
    Stream<String> published =
        Arrays.stream(PublishedShape.values()).map(shape -> SamplerFlags.text(shape));
    return Stream.concat(published.map(name -> name.replace('_', '-')), Stream.of("custom"))
        .toList();
  }

  @Override
  public void run() {
    CommandSpec all = spec.root(); // which has parsed what it had to
    complete(all);
    context.console().out().println(AutoComplete.bash("llada", all.commandLine()));
  }

  private static void complete(CommandSpec command) {
    for (OptionSpec option : new ArrayList<>(command.options())) {
      List<String> values = VALUES.get(option.longestName());
      if (values != null) {
        command.remove(option);
        command.addOption(OptionSpec.builder(option).completionCandidates(values).build());
      }
    }
    command.subcommands().values().forEach(sub -> complete(sub.getCommandSpec()));
  }
}
