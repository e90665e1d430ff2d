package llada.checkpoint;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import llada.format.FormatException;
import llada.format.Json;

/**
 * The keys of a config.json, a row each: the key, what is done with it, and a value.
 *
 * <pre>
 *   read   its value counts; this one holds where the key is absent or null
 *   only   it must have one of these values, or be absent or null; the first is written
 *   any    nothing that is computed here depends on it; this is written
 *   never  it belongs to a model that is not supported, for this reason
 * </pre>
 *
 * A key that has no row must not change numbers: see {@link ConfigKeys}.
 */
record ConfigTable(Map<String, Row> rows) {
  record Row(String use, String text) {
    List<Json> values() {
      return Json.parse(("[" + text + "]").getBytes(java.nio.charset.StandardCharsets.UTF_8), text)
          .list();
    }

    Object first() {
      return values().getFirst().value();
    }
  }

  static ConfigTable of(String table) {
    Map<String, Row> rows = new LinkedHashMap<>();
    table
        .lines()
        .map(line -> line.strip().split(" +", 3))
        .forEach(row -> rows.put(row[0], new Row(row[1], row[2])));
    return new ConfigTable(rows);
  }

  /** The value of a key that is read. */
  Json get(Json json, String key) {
    return json.get(key).or(rows.get(key).first());
  }

  /**
   * Whether all that {@code json} says is understood.
   *
   * @throws FormatException naming the key that is not
   */
  void check(Json json) {
    for (String key : json.map().keySet()) {
      Json found = json.get(key);
      Row row = rows.get(key);
      if (found.isNull() || row != null && (row.use.equals("read") || row.use.equals("any"))) {
        continue;
      }
      if (row == null) {
        if (ConfigKeys.computes(key) && !ConfigKeys.off(key, found.value(), false)) {
          throw ConfigKeys.unknown(found.where(), found.value());
        }
      } else if (row.use.equals("never")) {
        throw new FormatException("%s is %s; %s".formatted(found.where(), found.value(), row.text));
      } else if (row.values().stream().noneMatch(v -> same(v.value(), found.value()))) {
        throw new FormatException(
            "%s is %s; only %s is supported".formatted(found.where(), found.value(), row.text));
      }
    }
  }

  private static boolean same(Object a, Object b) {
    return a instanceof Number x && b instanceof Number y
        ? x.doubleValue() == y.doubleValue()
        : a != null && a.equals(b);
  }

  /**
   * All keys to write.
   *
   * @param values of those that are read; one that is left out is not written
   */
  Map<String, Object> written(Map<String, Object> values) {
    Map<String, Object> all = new LinkedHashMap<>();
    rows.forEach(
        (key, row) -> {
          if (values.containsKey(key)) {
            all.put(key, values.get(key));
          } else if (row.use.equals("only") || row.use.equals("any")) {
            all.put(key, row.first());
          }
        });
    return all;
  }
}
