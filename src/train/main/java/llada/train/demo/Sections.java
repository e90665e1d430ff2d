package llada.train.demo;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The lists among the resources of this package: lines under names in brackets; lines that begin
 * with # and empty ones count for nothing.
 *
 * @param byName the lines of each section, in order
 */
record Sections(Map<String, List<String>> byName) {
  static Sections read(String resource) {
    Map<String, List<String>> all = new LinkedHashMap<>();
    try (InputStream in = Sections.class.getResourceAsStream(resource);
        BufferedReader lines =
            new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
      List<String> section = null;
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.startsWith("[")) {
          section =
              all.computeIfAbsent(line.substring(1, line.length() - 1), _ -> new ArrayList<>());
        } else if (!line.isBlank() && !line.startsWith("#")) {
          section.add(line);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e); // of the class path
    }
    return new Sections(all);
  }

  List<String> of(String name) {
    if (!byName.containsKey(name)) {
      throw new IllegalArgumentException("there is no section [" + name + "]");
    }
    return byName.get(name);
  }

  /** The fields of a section's lines. */
  List<String[]> rows(String name) {
    return of(name).stream().map(line -> line.split("\\|")).toList();
  }
}
