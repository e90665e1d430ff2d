package llada.checkpoint;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalInt;
import llada.model.Architecture;
import llada.model.LladaConfig;

/**
 * The sizes of LLaDA models, for files and measurements without their weights.
 *
 * <p>LLaDA-8B (also LLaDA-1.5) is that of its config.json. LLaDA-1B is table 5 of the paper (arXiv
 * 2502.09992), with the tokenizer, context and rotary base of the 8B model. iLLaDA-8B is its model
 * card; the card gives only the mask's id, so the other special tokens stand where we put them, and
 * the rotary base is LLaDA's.
 */
public enum PublishedShape {
  LLADA_8B("llada-8b", 32, 4096, 32, 32, 12288, 4096, false),
  ILLADA_8B("illada-8b", 32, 4096, 32, 8, 14336, 8192, true),
  LLADA_1B("llada-1b", 22, 2048, 32, 4, 5634, 4096, false);

  private static final int LLADA_VOCABULARY = 126464;
  private static final int LLADA_TOKENS = 126349; // the rows beyond are padding
  private static final int ILLADA_VOCABULARY = 155136;
  private static final double ROPE_THETA = 500000;
  private static final double EPS = 1e-5;

  private final String text;
  private final int layers;
  private final int channels;
  private final int heads;
  private final int kvHeads;
  private final int feedForward;
  private final int context;
  private final boolean tied;

  PublishedShape(
      String text,
      int layers,
      int channels,
      int heads,
      int kvHeads,
      int feedForward,
      int context,
      boolean tied) {
    this.text = text;
    this.layers = layers;
    this.channels = channels;
    this.heads = heads;
    this.kvHeads = kvHeads;
    this.feedForward = feedForward;
    this.context = context;
    this.tied = tied;
  }

  /** Number of blocks. */
  public int layers() {
    return layers;
  }

  /** The configuration, with another number of layers. */
  public LladaConfig config(int wantedLayers) {
    boolean illada = this == ILLADA_8B;
    return new LladaConfig(
        channels,
        wantedLayers,
        heads,
        kvHeads,
        feedForward,
        illada ? ILLADA_VOCABULARY : LLADA_VOCABULARY,
        illada ? ILLADA_VOCABULARY : LLADA_VOCABULARY,
        context,
        ROPE_THETA,
        EPS,
        tied,
        illada ? 5 : 126336,
        illada ? 1 : 126081,
        illada ? 1 : 126081,
        OptionalInt.of(illada ? 4 : 126348),
        OptionalInt.of(illada ? 0 : 126080));
  }

  /** Ids from here on have no token, unless a special one. */
  int tokens() {
    return this == ILLADA_8B ? ILLADA_VOCABULARY : LLADA_TOKENS;
  }

  /** The special tokens by id. */
  Map<Integer, String> specialTokens() {
    Map<Integer, String> names = new LinkedHashMap<>();
    if (this == ILLADA_8B) {
      names.put(0, "<|startoftext|>");
      names.put(1, "<|endoftext|>");
      names.put(2, "<|start_header_id|>");
      names.put(3, "<|end_header_id|>");
      names.put(4, Architecture.LLADA.endOfTurn());
      names.put(5, "<|mdm_mask|>");
      return names;
    }
    for (int id = 126080; id < LLADA_TOKENS; id++) {
      names.put(id, "<|reserved_token_" + (id - 126080) + "|>");
    }
    names.put(126080, "<|startoftext|>");
    names.put(126081, "<|endoftext|>");
    names.put(126082, "[CLS]");
    names.put(126083, "[gMASK]");
    names.put(126336, "<|mdm_mask|>");
    names.put(126340, "<role>");
    names.put(126341, "</role>");
    names.put(126346, "<|start_header_id|>");
    names.put(126347, "<|end_header_id|>");
    names.put(126348, Architecture.LLADA.endOfTurn());
    return names;
  }

  /** As the command line writes it. */
  @Override
  public String toString() {
    return text;
  }
}
