package llada.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import llada.api.MemoryNeed;
import llada.backend.BackendProvider;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.format.JsonLine;
import llada.model.AttentionConfig;
import llada.model.LladaConfig;
import llada.model.WeightTable;
import llada.tensor.DType;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What a checkpoint holds and what it takes to run it. */
@Command(
    name = "info",
    description = "Show a model's configuration, special tokens, weights and need of memory.",
    footer = {
      "  llada info",
      "  llada info --tensors -m LLaDA-8B-Base",
      "  llada info --json",
      "  llada info --devices"
    })
final class InfoCommand implements Callable<Integer> {
  private final CommandContext context;

  @Option(names = "--tensors", description = "List every tensor: name, type, shape, bytes.")
  private boolean listTensors;

  @Option(
      names = "--devices",
      description = "Show GPUs and the versions of CUDA's libraries instead of a model.")
  private boolean devices;

  @Option(names = "--json", description = "Write one JSON object.")
  private boolean json;

  @Mixin private ModelOptions model;

  InfoCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    if (devices) {
      describeDevices(context.console().out());
      return ExitCodes.OK;
    }
    try (Checkpoint checkpoint = model.open()) {
      List<Checkpoint.TensorInfo> tensors = checkpoint.tensors();
      MemoryNeed need =
          MemoryNeed.of(checkpoint.config(), tensors, checkpoint.config().maxSequenceLength());
      PrintStream out = context.console().out();
      if (json) {
        JsonLine.write(out, members -> writeJson(members, checkpoint, need));
      } else {
        writeText(out, checkpoint, need);
      }
      return ExitCodes.OK;
    }
  }

  private void describeDevices(PrintStream out) {
    List<BackendProvider> providers = Backends.providers();
    if (json) {
      JsonLine.write(
          out,
          members -> {
            for (BackendProvider provider : providers) {
              members.writeArrayFieldStart(provider.name());
              for (String line : provider.describe()) {
                members.writeString(line);
              }
              members.writeEndArray();
            }
          });
      return;
    }
    section(out, "Devices");
    if (providers.isEmpty()) {
      out.println("  none: llada-bindings is not on the class path");
    }
    for (BackendProvider provider : providers) {
      provider.describe().forEach(line -> out.println("  " + line));
    }
  }

  private void writeText(PrintStream out, Checkpoint checkpoint, MemoryNeed need) {
    LladaConfig config = checkpoint.config();
    section(out, "Model");
    row(out, "path", checkpoint.path());
    row(out, "format", checkpoint.format());
    row(out, "parameters", "%s (%,d)".formatted(count(need.parameters()), need.parameters()));
    section(out, "Configuration");
    numbers(config).forEach((name, value) -> row(out, name, value));
    section(out, "Special tokens");
    specials(config).forEach((name, id) -> row(out, name, id.isPresent() ? id.getAsInt() : "none"));
    section(out, "Weights");
    types(checkpoint.tensors())
        .forEach(
            (type, sum) ->
                row(
                    out,
                    type,
                    "%d tensors, %s".formatted(sum.tensors(), MemoryNeed.text(sum.bytes()))));
    section(out, "Memory");
    memory(out, config, need);
    if (listTensors) {
      section(out, "Tensors");
      tensors(out, checkpoint.tensors());
    }
  }

  private static void section(PrintStream out, String title) {
    out.println(title);
  }

  private static void row(PrintStream out, String name, Object value) {
    out.printf(Locale.ROOT, "  %-26s%s%n", name, value);
  }

  static Map<String, Object> numbers(LladaConfig config) {
    Map<String, Object> rows = new LinkedHashMap<>();
    rows.put("architecture", config.architecture().huggingFaceClass());
    rows.put("d_model", config.dModel());
    rows.put("n_layers", config.nLayers());
    rows.put("n_heads", config.nHeads());
    rows.put("n_kv_heads", config.nKvHeads());
    rows.put("head_dim", config.headDim());
    rows.put("rotary_dim", config.attention().rotaryDims());
    rows.put("attention", seen(config.attention().block()));
    rows.put("mlp_hidden_size", config.mlpHiddenSize());
    config
        .experts()
        .ifPresent(
            experts -> {
              rows.put("num_experts", experts.count());
              rows.put("num_experts_per_tok", experts.perToken());
              rows.put("expert_hidden_size", experts.hidden());
              rows.put("shared_expert_hidden_size", experts.sharedHidden());
              rows.put("active_parameters", WeightTable.activeParameters(config));
            });
    rows.put("vocab_size", config.vocabSize());
    rows.put("embedding_size", config.embeddingSize());
    rows.put("max_sequence_length", config.maxSequenceLength());
    rows.put("rope_theta", config.ropeTheta());
    rows.put("rms_norm_eps", config.rmsNormEps());
    rows.put("weight_tying", config.weightTying());
    return rows;
  }

  private static String seen(int block) {
    return switch (block) {
      case AttentionConfig.FULL -> "full";
      case AttentionConfig.CAUSAL -> "causal";
      default -> "block-causal, blocks of " + block;
    };
  }

  private static Map<String, OptionalInt> specials(LladaConfig config) {
    Map<String, OptionalInt> rows = new LinkedHashMap<>();
    rows.put("mask_token_id", config.tokens().mask());
    rows.put("eos_token_id", OptionalInt.of(config.eosTokenId()));
    rows.put("pad_token_id", OptionalInt.of(config.padTokenId()));
    rows.put("eot_token_id", config.eotTokenId());
    rows.put("bos_token_id", config.bosTokenId());
    int n = 1;
    for (int end : config.tokens().otherEnds()) {
      n++;
      rows.put("eos_token_id_" + n, OptionalInt.of(end));
    }
    return rows;
  }

  /** The tensors of one type together. */
  private record TypeSum(int tensors, long bytes) {}

  private static Map<String, TypeSum> types(List<Checkpoint.TensorInfo> tensors) {
    Map<String, TypeSum> types = new TreeMap<>();
    for (Checkpoint.TensorInfo tensor : tensors) {
      types.merge(
          tensor.type(),
          new TypeSum(1, tensor.bytes()),
          (a, b) -> new TypeSum(a.tensors() + b.tensors(), a.bytes() + b.bytes()));
    }
    return types;
  }

  private static void memory(PrintStream out, LladaConfig config, MemoryNeed need) {
    long machine = machineBytes();
    row(out, "weights", MemoryNeed.text(need.weightBytes()) + " (mapped from the file)");
    row(
        out,
        "buffers",
        "about %s for %d tokens, the longest sequence"
            .formatted(MemoryNeed.text(need.activationBytes()), config.maxSequenceLength()));
    row(out, "keys and values", MemoryNeed.text(MemoryNeed.kvBytesPerToken(config)) + " a token");
    row(out, "this machine", MemoryNeed.text(machine));
    row(out, "needed as it is", fits(need.bytes(), machine));
    // The same weights in the types that a checkpoint can be converted to.
    for (DType type : DType.written()) {
      long weights = need.parameters() / type.blockLength() * type.blockBytes();
      row(out, "needed as " + type, fits(weights + need.activationBytes(), machine));
    }
  }

  private static String fits(long bytes, long machine) {
    return "%s, %s".formatted(MemoryNeed.text(bytes), bytes <= machine ? "fits" : "does not fit");
  }

  private static long machineBytes() {
    return ManagementFactory.getPlatformMXBean(com.sun.management.OperatingSystemMXBean.class)
        .getTotalMemorySize();
  }

  private static void tensors(PrintStream out, List<Checkpoint.TensorInfo> tensors) {
    int width = tensors.stream().mapToInt(t -> t.name().length()).max().orElse(0);
    for (Checkpoint.TensorInfo tensor : tensors) {
      out.printf(
          Locale.ROOT,
          "  %-" + (width + 2) + "s%-6s%-20s%,d%n",
          tensor.name(),
          tensor.type(),
          tensor.shape(),
          tensor.bytes());
    }
  }

  /** 8.02 billion and the like. */
  private static String count(long number) {
    return number >= 1_000_000_000
        ? String.format(Locale.ROOT, "%.2f billion", number / 1e9)
        : String.format(Locale.ROOT, "%.2f million", number / 1e6);
  }

  private void writeJson(JsonGenerator out, Checkpoint checkpoint, MemoryNeed need)
      throws IOException {
    LladaConfig config = checkpoint.config();
    out.writeStringField("path", checkpoint.path().toString());
    out.writeStringField("format", checkpoint.format());
    out.writeNumberField("parameters", need.parameters());
    out.writeObjectFieldStart("config");
    for (Map.Entry<String, Object> row : numbers(config).entrySet()) {
      out.writeObjectField(row.getKey(), row.getValue());
    }
    for (Map.Entry<String, OptionalInt> row : specials(config).entrySet()) {
      if (row.getValue().isPresent()) {
        out.writeNumberField(row.getKey(), row.getValue().getAsInt());
      } else {
        out.writeNullField(row.getKey());
      }
    }
    out.writeEndObject();
    out.writeObjectFieldStart("memory");
    out.writeNumberField("weight_bytes", need.weightBytes());
    out.writeNumberField("buffer_bytes", need.activationBytes());
    out.writeNumberField("kv_bytes_per_token", MemoryNeed.kvBytesPerToken(config));
    out.writeNumberField("machine_bytes", machineBytes());
    out.writeBooleanField("fits", need.bytes() <= machineBytes());
    out.writeEndObject();
    if (listTensors) {
      out.writeArrayFieldStart("tensors");
      for (Checkpoint.TensorInfo tensor : checkpoint.tensors()) {
        out.writeStartObject();
        out.writeStringField("name", tensor.name());
        out.writeStringField("type", tensor.type());
        out.writeFieldName("shape");
        long[] shape = tensor.shape().toArray();
        out.writeArray(shape, 0, shape.length);
        out.writeNumberField("bytes", tensor.bytes());
        out.writeEndObject();
      }
      out.writeEndArray();
    }
  }
}
