package llada.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import llada.Golden;
import org.junit.jupiter.api.Test;

/**
 * What the emulator is built from is what the bindings say: types, constants and prototypes, as
 * jextract read them. With {@code -Dllada.declarations.write=true} the file is written anew.
 */
final class DeclarationsTest {
  private static final Path FILE = Golden.repository().resolve("native/emulator/declarations.inc");

  private static final Pattern CONSTANT =
      Pattern.compile("private static final int (\\w+) = \\(int\\)(-?\\d+)L;");

  /** A call's name and the layouts of its result and its parameters. */
  private static final Pattern CALL =
      Pattern.compile("private static class (\\w+) \\{\\s+.*? DESC = \\S+\\.of\\(([^)]*)\\);");

  private static final Set<String> WORDS =
      Set.of(
          "void", "char", "int", "unsigned int", "unsigned char", "unsigned long long", "size_t");

  private final Set<String> types = new LinkedHashSet<>();
  private final List<String> constants = new ArrayList<>();
  private final List<String> calls = new ArrayList<>();

  @Test
  void theFileIsThatOfTheBindings() throws IOException {
    for (String name :
        List.of("driver/CudaDriver", "cublas/CuBlas", "cudnn/CuDnn", "nvrtc/Nvrtc")) {
      read(Files.readString(Path.of("main/generated/llada/cuda", name + ".java")));
    }
    assertThat(calls).hasSizeGreaterThan(50);
    List<String> lines = new ArrayList<>();
    lines.add("// Written by DeclarationsTest from bindings/main/generated; not to be edited.");
    lines.addAll(types);
    lines.addAll(constants);
    lines.addAll(calls);
    String text = String.join("\n", lines) + "\n";
    if (Boolean.getBoolean("llada.declarations.write")) {
      Files.writeString(FILE, text);
    }
    assertThat(Files.readString(FILE)).isEqualTo(text);
  }

  private void read(String source) {
    CONSTANT
        .matcher(source)
        .results()
        .forEach(m -> constants.add("CONSTANT(%s, %s)".formatted(m.group(1), m.group(2))));
    Matcher call = CALL.matcher(source);
    while (call.find()) {
      String name = call.group(1);
      List<String> layouts =
          List.of(call.group(2).replaceAll("\\w+\\.C_", "").replaceAll("\\s", "").split(","));
      Matcher prototype = Pattern.compile("\\* (.*?)\\b" + name + "\\((.*)\\)\n").matcher(source);
      assertThat(prototype.find(call.end())).as(name).isTrue();
      String result = prototype.group(1).strip();
      type(result, layouts.getFirst());
      List<String> parameters = // without their names
          Stream.of(prototype.group(2).split(", "))
              .map(each -> each.equals("void") ? "" : each.replaceFirst("\\w+$", "").strip())
              .filter(each -> !each.isEmpty())
              .toList();
      assertThat(parameters).as(name).hasSize(layouts.size() - 1);
      for (int i = 0; i < parameters.size(); i++) {
        type(parameters.get(i), layouts.get(i + 1));
      }
      calls.add("CALL(%s, %s, (%s))".formatted(result, name, String.join(", ", parameters)));
    }
  }

  /** A pointer to a type says nothing of it; by value its layout does. */
  private void type(String type, String layout) {
    if (type.endsWith("*") || WORDS.contains(type)) {
      assertThat(layout.equals("POINTER")).as(type).isEqualTo(type.endsWith("*"));
      return;
    }
    types.add(
        switch (layout) {
          case "POINTER" -> "HANDLE(%s)".formatted(type);
          case "INT" -> "NUMBER(%s, int)".formatted(type);
          // A layout has no sign; of this width there are addresses only.
          case "LONG_LONG" -> "NUMBER(%s, unsigned long long)".formatted(type);
          default -> throw new AssertionError(type + " of layout " + layout);
        });
  }

  @Test
  void theRealHeadersAgree() {
    String said = Emulator.make("agreement");
    assumeFalse(said.startsWith("native: no "), said);
    assertThat(said).isEmpty();
  }

  @Test
  void theEmulatorKeepsItsOwnRules() {
    assertThat(Emulator.make("selftest")).matches("emulator: \\d{4} checks, 0 failures");
  }
}
