package llada.cli;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The entry of the jar that holds everything, where no launcher gives the JVM its options: starts
 * the same Java once more with them, and is then nothing but the way to it.
 */
public final class JarMain {
  /** The options that {@code src/cli/main/shell/run-java} gives. */
  static final List<String> OPTIONS =
      List.of(
          "--add-modules",
          "jdk.incubator.vector",
          "--enable-native-access=ALL-UNNAMED",
          "-XX:CompileCommand=quiet",
          "-XX:CompileCommand=CompileThresholdScaling,llada.kernel.simd.*::*,0.01",
          "-XX:CompileCommand=BackgroundCompilation,llada.kernel.simd.*::*,false");

  private static final String NOTICE = "WARNING: Using incubator modules: jdk.incubator.vector";

  private JarMain() {}

  /** Runs one command and ends the process with its exit code. */
  public static void main(String[] args) throws IOException, InterruptedException {
    String more = System.getenv().getOrDefault("LLADA_JAVA_OPTS", "").strip();
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(OPTIONS);
    if (!more.matches("(?s).*-XX:\\+Use\\w+GC.*")) { // two collectors would be an error
      command.add("-XX:+UseSerialGC");
    }
    if (!more.isEmpty()) {
      command.addAll(List.of(more.split("\\s+")));
    }
    String jar = new File(System.getProperty("java.class.path")).getAbsolutePath();
    command.addAll(List.of("-cp", jar, "llada.cli.Main"));
    command.addAll(List.of(args));
    Process java =
        new ProcessBuilder(command).inheritIO().redirectError(ProcessBuilder.Redirect.PIPE).start();
    // A signal ends both; the other one has something to put in order first.
    Runtime.getRuntime().addShutdownHook(new Thread(() -> end(java)));
    hand(java);
    System.exit(java.waitFor());
  }

  /** Hands on what it says on standard error, but for the notice that the JDK begins with. */
  private static void hand(Process java) throws IOException {
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(java.getErrorStream(), StandardCharsets.ISO_8859_1))) {
      in.mark(NOTICE.length() + 2);
      String first = in.readLine();
      if (!NOTICE.equals(first)) {
        in.reset();
      }
      for (int c = in.read(); c >= 0; c = in.read()) {
        System.err.write(c);
        if (!in.ready()) {
          System.err.flush();
        }
      }
    }
  }

  private static void end(Process java) {
    java.destroy();
    try {
      java.waitFor();
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }
}
