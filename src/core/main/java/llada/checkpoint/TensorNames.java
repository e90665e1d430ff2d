package llada.checkpoint;

import java.util.LinkedHashMap;
import java.util.Map;
import llada.kernel.scalar.RopeLayout;
import llada.model.BlockWeights;
import llada.model.LladaWeights;
import llada.tensor.Tensor;

/**
 * What the same weight is called in the two formats, and the order of its rows.
 *
 * @param embedding name of the token embedding
 * @param finalNorm name of the last norm
 * @param head name of the output matrix
 * @param block pattern of a block's weights, with the layer and the part to fill in
 * @param ropeLayout the order of the rows of q and k
 */
record TensorNames(
    String embedding, String finalNorm, String head, String block, RopeLayout ropeLayout) {
  static final TensorNames HUGGING_FACE =
      new TensorNames(
          "model.transformer.wte.weight",
          "model.transformer.ln_f.weight",
          "model.transformer.ff_out.weight",
          "model.transformer.blocks.%d.%s.weight",
          RopeLayout.HALF_SPLIT);

  static final TensorNames GGUF =
      new TensorNames(
          "token_embd.weight",
          "output_norm.weight",
          "output.weight",
          "blk.%d.%s.weight",
          RopeLayout.INTERLEAVED);

  /** The weights of a block. */
  enum Part {
    ATTN_NORM("attn_norm", "attn_norm"),
    Q_PROJ("q_proj", "attn_q"),
    K_PROJ("k_proj", "attn_k"),
    V_PROJ("v_proj", "attn_v"),
    ATTN_OUT("attn_out", "attn_output"),
    FF_NORM("ff_norm", "ffn_norm"),
    FF_PROJ("ff_proj", "ffn_gate"),
    UP_PROJ("up_proj", "ffn_up"),
    FF_OUT("ff_out", "ffn_down");

    private final String huggingFace;
    private final String gguf;

    Part(String huggingFace, String gguf) {
      this.huggingFace = huggingFace;
      this.gguf = gguf;
    }
  }

  String of(int layer, Part part) {
    return block.formatted(layer, equals(GGUF) ? part.gguf : part.huggingFace);
  }

  /**
   * All weights under their Hugging Face names, in the order of the forward pass; a tied head is
   * left out. Rows are as they are: see {@link RopeRows}.
   */
  static Map<String, Tensor> huggingFace(LladaWeights weights) {
    TensorNames names = HUGGING_FACE;
    Map<String, Tensor> all = new LinkedHashMap<>();
    all.put(names.embedding(), weights.embedding());
    for (int layer = 0; layer < weights.blocks().size(); layer++) {
      BlockWeights b = weights.blocks().get(layer);
      all.put(names.of(layer, Part.ATTN_NORM), b.attnNorm());
      all.put(names.of(layer, Part.Q_PROJ), b.qProj());
      all.put(names.of(layer, Part.K_PROJ), b.kProj());
      all.put(names.of(layer, Part.V_PROJ), b.vProj());
      all.put(names.of(layer, Part.ATTN_OUT), b.attnOut());
      all.put(names.of(layer, Part.FF_NORM), b.ffNorm());
      all.put(names.of(layer, Part.FF_PROJ), b.ffProj());
      all.put(names.of(layer, Part.UP_PROJ), b.upProj());
      all.put(names.of(layer, Part.FF_OUT), b.ffOut());
    }
    all.put(names.finalNorm(), weights.finalNorm());
    if (!weights.tied()) {
      all.put(names.head(), weights.head());
    }
    return all;
  }
}
