package llada.cli;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import llada.Golden;

/** One run of the command line without a process of its own. */
record CliRun(int code, String out, String err) {

  /** The small trained model of the repository. */
  static Path model() {
    return Golden.resources().resolve("checkpoints/shakespeare-llada");
  }

  /** Runs with nothing on standard input. */
  static CliRun of(String... args) {
    return withInput("", args);
  }

  /** Runs with this text on standard input. */
  static CliRun withInput(String input, String... args) {
    return withInput(input.getBytes(StandardCharsets.UTF_8), args);
  }

  static CliRun withInput(byte[] input, String... args) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int code = Main.run(args, new ByteArrayInputStream(input), out, err);
    return new CliRun(
        code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  /** Runs a command on the repository's model. */
  static CliRun onModel(String command, String... args) {
    List<String> all = new ArrayList<>(List.of(command, "--model", model().toString()));
    all.addAll(List.of(args));
    return of(all.toArray(String[]::new));
  }
}
