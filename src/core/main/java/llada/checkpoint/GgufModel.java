package llada.checkpoint;

import java.util.Locale;
import java.util.Optional;
import llada.format.FormatException;
import llada.format.GgufWriter;
import llada.kernel.scalar.RopeLayout;
import llada.tensor.DType;
import llada.tokenizer.GgufVocabulary;
import llada.tokenizer.TokenizerException;

/** What a GGUF file of architecture {@code llada} holds beside the numbers. */
public final class GgufModel {
  /** The order of the rows of q and k. */
  public static final RopeLayout ROPE_LAYOUT = TensorNames.GGUF.ropeLayout();

  private GgufModel() {}

  /**
   * A writer with all metadata: what llama.cpp's converter writes for a LLaDA, the mask's id
   * included, without which a diffusion program cannot begin.
   *
   * @param mix what the weights will be
   * @throws FormatException if the model has no tokenizer, or one that GGUF cannot hold
   */
  public static GgufWriter metadata(Checkpoint model, QuantizationMix mix) {
    GgufVocabulary.Tables tables;
    try {
      tables = model.vocabulary();
    } catch (TokenizerException e) {
      throw new FormatException(model.path() + ": " + e.getMessage(), e);
    }
    GgufWriter out = new GgufWriter();
    GgufConfig.write(out, model.config(), model.name(), mix.fileType());
    out.string("general.size_label", sizeLabel(model.config().parameters()))
        .string("tokenizer.ggml.pre", tables.pre())
        .strings("tokenizer.ggml.tokens", tables.tokens())
        .int32s("tokenizer.ggml.token_type", types(tables))
        .strings("tokenizer.ggml.merges", tables.merges());
    model.chatTemplateText().ifPresent(text -> out.string("tokenizer.chat_template", text));
    return out;
  }

  private static int[] types(GgufVocabulary.Tables tables) {
    int[] types = new int[tables.tokens().size()];
    for (int id = 0; id < types.length; id++) {
      types[id] = tables.type(id);
    }
    return types;
  }

  /** Two digits: 8.0B, 15B, 2.2M. */
  private static String sizeLabel(long parameters) {
    double scaled = parameters >= 1e9 ? parameters / 1e9 : parameters / 1e6;
    return String.format(
        Locale.ROOT, scaled < 9.95 ? "%.1f%s" : "%.0f%s", scaled, parameters >= 1e9 ? "B" : "M");
  }

  /**
   * The type of a weight in a mixture.
   *
   * @param layers number of blocks
   * @param tied whether the embedding is the head too
   * @param head the type of the head, if it was chosen
   */
  public static DType type(
      QuantizationMix mix, NamedWeight weight, int layers, boolean tied, Optional<DType> head) {
    int row = weight.tensor().dim(-1);
    if (weight.norm()) {
      return DType.F32;
    }
    if (weight.part() != null) {
      return mix.block(weight.part(), weight.layer(), layers, row);
    }
    return weight.embedding() ? mix.embedding(head, row, tied) : mix.head(head, row);
  }
}
