package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import llada.Golden;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The launcher in a tree of its own, with scripts in place of java and Maven: what it starts, what
 * it lets through, and that it becomes the process it starts.
 */
@Timeout(60)
class LauncherTest {
  private static final String NOTICE = "WARNING: Using incubator modules: jdk.incubator.vector";
  private static final List<String> TOOLS =
      List.of(
          "bash",
          "cat",
          "dirname",
          "find",
          "flock",
          "head",
          "mkdir",
          "mktemp",
          "readlink",
          "rm",
          "sed",
          "sleep",
          "tee",
          "touch");

  @TempDir Path temp;
  private Path tree;
  private Path bin;

  @BeforeEach
  void plantTree() throws IOException {
    assumeTrue(Files.isExecutable(Path.of("/bin/bash")), "the launcher is a bash script");
    Path repository = Golden.repository();
    tree = Files.createDirectory(temp.resolve("tree with spaces"));
    Files.createDirectories(tree.resolve("src/cli/main/shell"));
    Files.copy(repository.resolve("llada"), tree.resolve("llada"));
    for (String part : List.of("find-jdk", "run-java", "archive-classes")) {
      Files.copy(
          repository.resolve("src/cli/main/shell").resolve(part),
          tree.resolve("src/cli/main/shell").resolve(part));
    }
    tree.resolve("llada").toFile().setExecutable(true);
    Files.createDirectories(tree.resolve("src/cli/main"));
    Files.writeString(tree.resolve("pom.xml"), "");
    bin = Files.createDirectory(temp.resolve("bin"));
    for (String tool : TOOLS) {
      for (String folder : List.of("/usr/bin/", "/bin/")) {
        if (Files.isExecutable(Path.of(folder + tool)) && Files.notExists(bin.resolve(tool))) {
          Files.createSymbolicLink(bin.resolve(tool), Path.of(folder + tool));
        }
      }
    }
    Path jdk = Files.createDirectories(temp.resolve("jdk/bin")).getParent();
    Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"25.0.1\"\n");
    script(jdk.resolve("bin/javac"), "exit 0");
    java("for a; do printf '[%s]\\n' \"$a\"; done");
  }

  /** JUnit warns of every link out of the folder that it would delete. */
  @AfterEach
  void removeLinks() throws IOException {
    for (String tool : TOOLS) {
      Files.deleteIfExists(bin.resolve(tool));
    }
  }

  private void java(String body) throws IOException {
    script(temp.resolve("jdk/bin/java"), "echo '" + NOTICE + "' >&2\n" + body);
  }

  private static void script(Path file, String body) throws IOException {
    Files.deleteIfExists(file);
    Files.writeString(file, "#!/bin/bash\n" + body + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private void plantJar() throws IOException {
    Files.createDirectories(tree.resolve("src/cli/target/lib"));
    Files.writeString(tree.resolve("src/cli/target/lib/dependency.jar"), "");
    Files.writeString(tree.resolve("src/cli/target/llada-cli-1-tests.jar"), "");
    Files.writeString(tree.resolve("src/cli/target/llada-cli-1.jar"), "");
    Files.createDirectories(tree.resolve("weights-converter/target"));
    Files.writeString(tree.resolve("weights-converter/target/llada-weights-converter-1.jar"), "");
  }

  private final Map<String, String> environment = new HashMap<>();

  private Process start(Path launcher, String... args) throws IOException {
    List<String> command = new ArrayList<>(List.of(launcher.toString()));
    command.addAll(List.of(args));
    ProcessBuilder builder = new ProcessBuilder(command).directory(temp.toFile());
    builder.environment().clear();
    builder
        .environment()
        .putAll(Map.of("JAVA_HOME", temp.resolve("jdk").toString(), "PATH", bin.toString()));
    builder.environment().putAll(environment);
    return builder.start();
  }

  /** Runs to the end, also of the filter, which may outlive the process for a moment. */
  private CliRun run(Path launcher, String... args) throws Exception {
    Path out = temp.resolve("out");
    Path err = temp.resolve("err");
    String script = "\"$@\" 2>&1 >\"$0/out\" | cat >\"$0/err\"; exit \"${PIPESTATUS[0]}\"";
    List<String> all = new ArrayList<>(List.of("-c", script, temp.toString()));
    all.add(launcher.toString());
    all.addAll(List.of(args));
    Process process = start(bin.resolve("bash"), all.toArray(String[]::new));
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    return new CliRun(process.exitValue(), Files.readString(out), Files.readString(err));
  }

  @Test
  void argumentsFlagsAndClassPathAreHandedOn() throws Exception {
    plantJar();
    Path link = Files.createSymbolicLink(temp.resolve("link"), tree.resolve("llada"));
    CliRun run = run(link, "generate", "two words", "", "*");
    assertThat(run.code()).isZero();
    assertThat(run.err()).as("the notice and nothing else is dropped").isEmpty();
    assertThat(run.out())
        .endsWith("[llada.cli.Main]\n[generate]\n[two words]\n[]\n[*]\n")
        .contains("[--add-modules]\n[jdk.incubator.vector]")
        .contains("[--enable-native-access=ALL-UNNAMED]", "[-Dllada.stdout.tty=false]")
        .contains("/src/cli/target/llada-cli-1.jar:", "/src/cli/target/lib/dependency.jar:")
        .contains("/weights-converter/target/llada-weights-converter-1.jar]")
        .doesNotContain("-tests.jar", ":]", "[:");
  }

  @Test
  void onlyTheNoticeIsDropped() throws Exception {
    plantJar();
    Path java = temp.resolve("jdk/bin/java");
    script(
        java,
        """
        echo 'Picked up JAVA_TOOL_OPTIONS: -Dx=y' >&2
        echo '%1$s' >&2
        echo 'llada: wrong' >&2
        echo '%1$s' >&2
        printf 'no end' >&2
        exit 7"""
            .formatted(NOTICE));
    CliRun run = run(tree.resolve("llada"));
    assertThat(run.code()).isEqualTo(7);
    assertThat(run.err())
        .isEqualTo("Picked up JAVA_TOOL_OPTIONS: -Dx=y\nllada: wrong\n" + NOTICE + "\nno end");
    script(java, "printf 'Error: no such flag\\nno end' >&2; exit 1");
    assertThat(run(tree.resolve("llada")).err()).isEqualTo("Error: no such flag\nno end");
    script(java, "exit 0");
    assertThat(run(tree.resolve("llada")).err()).isEmpty();
  }

  @Test
  void aLineWithoutEndPassesAtOnce() throws Exception {
    plantJar();
    java("printf '\\r50%%' >&2; sleep 20");
    Process process = start(tree.resolve("llada"));
    byte[] start = process.getErrorStream().readNBytes(4);
    assertThat(new String(start, StandardCharsets.UTF_8)).isEqualTo("\r50%");
    assertThat(process.isAlive()).isTrue();
    process.destroyForcibly();
  }

  @Test
  void theProgramGetsTheUnfilteredStandardError() throws Exception {
    plantJar();
    java("echo 'llada: direct' >&3; exit 5");
    CliRun run = run(tree.resolve("llada"));
    assertThat(run.err()).isEqualTo("llada: direct\n");
    assertThat(run.code()).isEqualTo(5);
    java("for a; do printf '[%s]\\n' \"$a\"; done");
    assertThat(run(tree.resolve("llada")).out())
        .contains("[-Dllada.stderr.fd=3]\n[--add-opens]\n[java.base/java.io=ALL-UNNAMED]");
  }

  @Test
  void theLauncherBecomesTheProcess() throws Exception {
    plantJar();
    java("echo $$; exec sleep 20");
    Process process = start(tree.resolve("llada"));
    byte[] pid = process.getInputStream().readNBytes(Long.toString(process.pid()).length());
    assertThat(new String(pid, StandardCharsets.UTF_8)).isEqualTo(Long.toString(process.pid()));
    process.destroyForcibly();
    assertThat(process.waitFor()).isEqualTo(128 + 9);
  }

  @Test
  void theCLocaleIsReplacedAndAnotherIsKept() throws Exception {
    plantJar();
    java("printf '%s' \"${LC_ALL:-unset}\"");
    for (String charmap : List.of("ANSI_X3.4-1968", "UTF-8", "ISO-8859-1")) {
      // As where C.UTF-8 has another name: only that one makes the character set UTF-8.
      script(
          bin.resolve("locale"),
          "if [ \"$LC_ALL\" = C.utf8 ]; then echo UTF-8; else echo %s; fi".formatted(charmap));
      assertThat(run(tree.resolve("llada")).out())
          .isEqualTo(charmap.startsWith("ANSI") ? "C.utf8" : "unset");
    }
    Files.delete(bin.resolve("locale"));
    assertThat(run(tree.resolve("llada")).out()).isEqualTo("C.UTF-8");
    environment.put("LC_ALL", "de_DE.UTF-8");
    assertThat(run(tree.resolve("llada")).out()).isEqualTo("de_DE.UTF-8");
  }

  @Test
  void aClosedStandardInputIsAnEmptyOne() throws Exception {
    plantJar();
    java("cat; readlink -f /proc/$$/fd/0");
    Process process =
        start(bin.resolve("bash"), "-c", "exec \"$0\" <&-", tree.resolve("llada").toString());
    assertThat(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
        .isIn("/dev/null\n", ""); // without /proc, nothing
    assertThat(process.getErrorStream().readAllBytes()).isEmpty();
  }

  @Test
  void aJvmThatCannotStartIsTheUsersOption() throws Exception {
    plantJar();
    environment.put("LLADA_JAVA_OPTS", "-XX:Nonsense");
    java(
        "case \"$*\" in *-version*) echo 'Unrecognized VM option Nonsense'; exit 1 ;; esac; exit 7");
    CliRun run = run(tree.resolve("llada"));
    assertThat(run.code()).isEqualTo(ExitCodes.USAGE);
    assertThat(run.err())
        .isEqualTo(
            "llada: Java does not start with LLADA_JAVA_OPTS='-XX:Nonsense': Unrecognized VM option"
                + " Nonsense\n");
    java("case \"$*\" in *-version*) echo 'Too small maximum heap'; exit 1 ;; esac; exit 7");
    assertThat(run(tree.resolve("llada")).code()).isEqualTo(ExitCodes.OUT_OF_MEMORY);
    java("case \"$*\" in *-version*) exit 0 ;; esac; exit 7");
    assertThat(run(tree.resolve("llada")).code()).isEqualTo(7);
  }

  @Test
  void theArchiveOfClassesIsUsedWhereItIsForThisJdk() throws Exception {
    plantJar();
    assertThat(run(tree.resolve("llada")).out()).doesNotContain("SharedArchiveFile");
    Path archive = Files.writeString(tree.resolve("src/cli/target/classes.jsa"), "");
    assertThat(run(tree.resolve("llada")).out()).doesNotContain("SharedArchiveFile");
    Path jdk = tree.resolve("src/cli/target/classes.jsa.jdk");
    Files.copy(temp.resolve("jdk/release"), jdk);
    CliRun run = run(tree.resolve("llada"));
    assertThat(run.out()).contains("[-XX:SharedArchiveFile=" + archive.toRealPath() + "]");
    assertThat(run.err()).isEmpty();
    Files.writeString(jdk, "JAVA_VERSION=\"25.0.0\"\n");
    assertThat(run(tree.resolve("llada")).out()).doesNotContain("SharedArchiveFile");
  }

  /** A copy often has new times, in another order. */
  @Test
  void aCopyThatCannotBeWrittenToIsNotBuilt() throws Exception {
    plantJar();
    Path source = Files.writeString(tree.resolve("src/cli/main/New.java"), "");
    Files.setLastModifiedTime(
        source, java.nio.file.attribute.FileTime.fromMillis(System.currentTimeMillis() + 2_000));
    Path target = tree.resolve("src/cli/target");
    Files.setPosixFilePermissions(target, PosixFilePermissions.fromString("r-xr-xr-x"));
    try {
      assumeTrue(!Files.isWritable(target), "root may write anywhere");
      assertThat(run(tree.resolve("llada")).code()).isZero();
    } finally {
      Files.setPosixFilePermissions(target, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
  }

  @Test
  void buildsOnFirstUseAndAfterAChange() throws Exception {
    Path launcher = tree.resolve("llada");
    CliRun without = run(launcher);
    assertThat(without.code()).isEqualTo(1);
    assertThat(without.err()).startsWith("llada: ").contains("needs Maven").hasLineCount(1);

    String cli = "mkdir -p src/cli/target/lib; touch src/cli/target/llada-cli-1.jar; ";
    script(bin.resolve("mvn"), cli + "echo broken; exit 1"); // in a later module
    CliRun broken = run(launcher);
    assertThat(broken.code()).isEqualTo(1);
    assertThat(broken.err()).contains("broken\n", "llada: the build failed");

    script(
        bin.resolve("mvn"),
        cli
            + "echo '[INFO] Building LLaDA.java core 0.1-SNAPSHOT     [1/7]';"
            + " mkdir -p weights-converter/target;"
            + " touch weights-converter/target/llada-weights-converter-1.jar; echo >> count");
    assertThat(run(launcher).err())
        .startsWith("building LLaDA.java (")
        .endsWith("…\n  [1/7] LLaDA.java core\n")
        .hasLineCount(2);
    assertThat(run(launcher).err()).isEmpty();
    Path source = tree.resolve("src/cli/main/New.java");
    Files.writeString(source, "");
    Files.setLastModifiedTime(
        source, java.nio.file.attribute.FileTime.fromMillis(System.currentTimeMillis() + 2_000));
    assertThat(run(launcher).err()).startsWith("building LLaDA.java (");
    assertThat(tree.resolve("count")).hasSize(2);
  }
}
