package llada.cli;

import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;

/** The adapter beside a model; shared by every command that opens one. */
public final class AdapterOption {
  @Option(
      names = "--adapter",
      paramLabel = "DIR",
      description =
          "A LoRA adapter of the model, a folder as PEFT and train write it: its terms are added as"
              + " the model runs.")
  private Path adapter;

  /** Its folder, if one is given. */
  public Optional<Path> adapter() {
    return Optional.ofNullable(adapter);
  }
}
