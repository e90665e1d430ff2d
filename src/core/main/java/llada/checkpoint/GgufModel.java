package llada.checkpoint;

import java.util.Locale;
import llada.format.FormatException;
import llada.format.GgufWriter;
import llada.model.Architecture;
import llada.model.WeightTable;
import llada.tokenizer.GgufVocabulary;
import llada.tokenizer.TokenizerException;

/** What a GGUF file of architecture {@code llada} holds beside the numbers. */
public final class GgufModel {
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
    boolean begins =
        model.config().architecture() == Architecture.LLADA // as its published files say
            || model.tokenizer().begin().isPresent();
    GgufConfig.write(out, model.config(), model.name(), mix.fileType(), begins);
    out.string("general.size_label", sizeLabel(WeightTable.parameters(model.config())))
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
}
