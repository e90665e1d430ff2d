package llada.bench;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import llada.api.MemoryNeed;
import llada.backend.Backend;
import llada.backend.Peaks;
import llada.format.FormatException;
import llada.model.LladaConfig;

/**
 * A measurement, for people and as JSON.
 *
 * @param model what was measured
 * @param tokens of each pass
 */
public record BenchReport(
    String model, LladaConfig config, int tokens, Backend backend, ForwardBench.Result result) {
  private static final String ROW = "%-10s %-32s %-5s %5s %10s %9s %8s %7s %8s%n";

  /** The table. */
  public void print(PrintStream out) {
    Peaks peaks = result.peaks();
    out.println("model    " + model);
    out.println(backend.why());
    out.println(
        Arrays.stream(Peaks.Limit.values())
            .map(limit -> limit.title + " " + limit(peaks.value(limit), limit.unit))
            .collect(Collectors.joining(", ", "limits   ", "")));
    for (Peaks.Limit limit : peaks.raised()) {
      out.printf(
          "         %s: an op of this run was faster than the loop that measures it; its speed is taken%n",
          limit.title);
    }
    out.println();
    out.printf(ROW, "op", "shape", "type", "calls", "ms", "GFLOP/s", "GB/s", "of max", "of pass");
    double pass = result.passes().medianMillis();
    result
        .ops()
        .forEach(
            (op, samples) -> {
              double ms = samples.medianMillis();
              row(
                  out,
                  op.name(),
                  op.shape(),
                  op.type().toString(),
                  calls(samples),
                  ms,
                  op.arithmetic() ? OptionalDouble.of(rate(op.flop(), ms)) : OptionalDouble.empty(),
                  op.arithmetic()
                      ? OptionalDouble.empty()
                      : OptionalDouble.of(rate(op.bytes(), ms)),
                  ofPeak(op, ms),
                  OptionalDouble.of(100 * ms * calls(samples) / pass));
            });
    OptionalDouble none = OptionalDouble.empty();
    double block = result.blocks().medianMillis();
    double head = result.heads().medianMillis();
    double headFlop = 2.0 * tokens * config.dModel() * config.embeddingSize();
    double blockFlop = (result.flop() - headFlop) / config.nLayers();
    int layers = config.nLayers();
    row(
        out,
        "block",
        "",
        "",
        layers,
        block,
        speed(blockFlop, block),
        none,
        none,
        OptionalDouble.of(100 * block * layers / pass));
    row(
        out,
        "head",
        "",
        "",
        1,
        head,
        speed(headFlop, head),
        none,
        none,
        OptionalDouble.of(100 * head / pass));
    row(
        out,
        "forward",
        "T = " + tokens,
        "",
        1,
        pass,
        speed(result.flop(), pass),
        none,
        none,
        OptionalDouble.of(100));
    if (!result.experts().isEmpty()) {
      out.printf(
          Locale.ROOT,
          "%nexperts of %d that a pass reads, layer by layer: %s (mean %.1f)%n",
          config.experts().orElseThrow().count(),
          result.experts(),
          meanExperts());
    }
    out.printf(
        Locale.ROOT,
        "%nmedians of %d passes; peak memory %s%n",
        result.settings().repeats(),
        result.peakRssBytes().isPresent()
            ? MemoryNeed.text(result.peakRssBytes().getAsLong())
            : "unknown");
    result
        .settings()
        .peer()
        .ifPresent(
            peer ->
                out.printf(
                    Locale.ROOT,
                    "peer     %.3f ms, here %.3f ms: %.3f x its time (%s, in turn: %s)%n",
                    result.peer().medianMillis(),
                    pass,
                    pass / result.peer().medianMillis(),
                    peer.pattern().isPresent() ? "as it says" : "its whole process",
                    FormatException.printable(peer.command())));
  }

  private static void row(
      PrintStream out,
      String name,
      String shape,
      String type,
      int calls,
      double ms,
      OptionalDouble gflops,
      OptionalDouble gbps,
      OptionalDouble ofPeak,
      OptionalDouble ofPass) {
    out.printf(
        Locale.ROOT,
        ROW,
        name,
        shape,
        type,
        calls,
        String.format(Locale.ROOT, "%.3f", ms),
        gflops.isPresent() ? shown(gflops) : "",
        gbps.isPresent() ? shown(gbps) : "",
        ofPeak.isPresent() ? shown(ofPeak) + " %" : "",
        ofPass.isPresent() ? shown(ofPass) + " %" : "");
  }

  private double meanExperts() {
    return result.experts().stream().mapToInt(n -> n).average().orElse(0);
  }

  private static OptionalDouble speed(double flop, double ms) {
    return OptionalDouble.of(rate(flop, ms));
  }

  private static String shown(OptionalDouble value) {
    return value.isPresent() ? String.format(Locale.ROOT, "%.1f", value.getAsDouble()) : "-";
  }

  private static String limit(OptionalDouble value, String unit) {
    return value.isPresent() ? shown(value) + " " + unit : "-";
  }

  private int calls(Timings samples) {
    return samples.count() / result.settings().repeats();
  }

  /** Billions a second. */
  private static double rate(double work, double ms) {
    return work / (1e6 * ms);
  }

  /** Percent of what the machine could do: of its arithmetic or of its memory. */
  private OptionalDouble ofPeak(TimedKernels.Op op, double ms) {
    OptionalDouble peak =
        result
            .peaks()
            .value(
                op.arithmetic()
                    ? result
                        .peaks()
                        .matmul(backend.name(), result.settings().precision(), op.type())
                    : Peaks.Limit.MEMORY);
    double found = rate(op.arithmetic() ? op.flop() : op.bytes(), ms);
    return peak.isPresent() ? OptionalDouble.of(100 * found / peak.getAsDouble()) : peak;
  }

  /** The members of one JSON object. */
  public void write(JsonGenerator json) throws IOException {
    double pass = result.passes().medianMillis();
    json.writeStringField("bench", "forward");
    json.writeStringField("model", model);
    json.writeNumberField("layers", config.nLayers());
    json.writeNumberField("tokens", tokens);
    json.writeStringField("backend", backend.name());
    json.writeNumberField("threads", backend.threads());
    json.writeNumberField("repeat", result.settings().repeats());
    json.writeNumberField("forward_ms", pass);
    json.writeFieldName("forward_ms_all");
    double[] all = result.passes().millis();
    json.writeArray(all, 0, all.length);
    json.writeNumberField("forward_gflop", result.flop() / 1e9);
    json.writeNumberField("forward_gflops", rate(result.flop(), pass));
    json.writeNumberField("block_ms", result.blocks().medianMillis());
    json.writeNumberField("head_ms", result.heads().medianMillis());
    if (!result.experts().isEmpty()) {
      json.writeFieldName("experts_read");
      int[] experts = result.experts().stream().mapToInt(n -> n).toArray();
      json.writeArray(experts, 0, experts.length);
      json.writeNumberField("experts_read_mean", meanExperts());
    }
    json.writeBooleanField("logits_finite", result.finite());
    for (Peaks.Limit limit : Peaks.Limit.values()) {
      number(json, limit.key, result.peaks().value(limit));
    }
    json.writeArrayFieldStart("peaks_raised");
    for (Peaks.Limit limit : result.peaks().raised()) {
      json.writeString(limit.key);
    }
    json.writeEndArray();
    if (result.settings().peer().isPresent()) {
      json.writeStringField("peer", result.settings().peer().get().command());
      json.writeNumberField("peer_ms", result.peer().medianMillis());
      json.writeFieldName("peer_ms_all");
      json.writeArray(result.peer().millis(), 0, result.peer().count());
      json.writeNumberField("peer_ratio", pass / result.peer().medianMillis());
    }
    number(
        json,
        "peak_rss_mb",
        result.peakRssBytes().isPresent()
            ? OptionalDouble.of(result.peakRssBytes().getAsLong() / 1e6)
            : OptionalDouble.empty());
    json.writeArrayFieldStart("ops");
    for (Map.Entry<TimedKernels.Op, Timings> entry : result.ops().entrySet()) {
      op(json, entry.getKey(), entry.getValue(), pass);
    }
    json.writeEndArray();
  }

  private void op(JsonGenerator json, TimedKernels.Op op, Timings samples, double pass)
      throws IOException {
    double ms = samples.medianMillis();
    json.writeStartObject();
    json.writeStringField("op", op.name());
    json.writeStringField("shape", op.shape());
    json.writeStringField("type", op.type().toString());
    json.writeNumberField("calls", calls(samples));
    json.writeNumberField("ms", ms);
    number(
        json,
        "gflop",
        op.arithmetic() ? OptionalDouble.of(op.flop() / 1e9) : OptionalDouble.empty());
    number(json, "gflops", op.arithmetic() ? speed(op.flop(), ms) : OptionalDouble.empty());
    json.writeNumberField("gbps", rate(op.bytes(), ms));
    number(json, "peak_percent", ofPeak(op, ms));
    json.writeNumberField("pass_percent", 100 * ms * calls(samples) / pass);
    json.writeEndObject();
  }

  private static void number(JsonGenerator json, String name, OptionalDouble value)
      throws IOException {
    if (value.isPresent()) {
      json.writeNumberField(name, value.getAsDouble());
    } else {
      json.writeNullField(name);
    }
  }
}
