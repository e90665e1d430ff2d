package llada.checkpoint;

import java.util.Locale;
import java.util.Optional;
import llada.model.Part;
import llada.model.WeightTable;
import llada.tensor.DType;

/**
 * Which weight of a GGUF file is stored in which type, under the names that file names and users
 * use. Norms are always F32.
 *
 * <p>The rules are those of llama.cpp's quantiser: the head of a quantised model is Q6_K, unless
 * the model is Q8_0; a tied embedding is the head; {@link #Q4_K_M} and {@link #Q5_K_M} give the
 * values and the second feed-forward matrix of some layers Q6_K. {@link #Q4_K} and {@link #Q5_K}
 * are the plain types in all blocks. A row that is no multiple of a type's block takes Q8_0, or F16
 * if that does not fit either.
 */
public enum QuantizationMix {
  F32(DType.F32, 0),
  F16(DType.F16, 1),
  BF16(DType.BF16, 32),
  Q8_0(DType.Q8_0, 7),
  Q4_0(DType.Q4_0, 2),
  Q4_K(DType.Q4_K, 14),
  Q4_K_M(DType.Q4_K, 15),
  Q5_K(DType.Q5_K, 16),
  Q5_K_M(DType.Q5_K, 17),
  Q6_K(DType.Q6_K, 18);

  private final DType type;
  private final int fileType;

  QuantizationMix(DType type, int fileType) {
    this.type = type;
    this.fileType = fileType;
  }

  /** Whether numbers share scales, so that not every number can be held. */
  public boolean quantised() {
    return type.blockLength() > 1;
  }

  /** The number that {@code general.file_type} has for it. */
  public int fileType() {
    return fileType;
  }

  /**
   * The type of a block's weight.
   *
   * @param layer from 0
   * @param layers number of blocks
   * @param rowLength numbers in a row of the weight
   */
  private DType block(Part part, int layer, int layers, int rowLength) {
    if (part.staysFloat32()) {
      return DType.F32;
    }
    boolean sensitive =
        part == Part.V_PROJ
            || part == Part.QKV_PROJ
            || part.writesToStream() && part != Part.ATTN_OUT;
    boolean mixed = this == Q4_K_M || this == Q5_K_M;
    return fitting(mixed && sensitive && moreBits(layer, layers) ? DType.Q6_K : type, rowLength);
  }

  /**
   * The type of a weight.
   *
   * @param row which
   * @param layers L
   * @param tied whether the embedding is the head too
   * @param head the user's choice of the head's type, if any
   */
  public DType of(WeightTable.Row row, int layers, boolean tied, Optional<DType> head) {
    int rowLength = Math.toIntExact(row.shape().dim(-1));
    return switch (row.part()) {
      case EMBEDDING -> embedding(head, rowLength, tied);
      case HEAD -> head(head, rowLength);
      default -> block(row.part(), row.layer(), layers, rowLength);
    };
  }

  /** The first and the last eighth of the layers, and every third between. */
  private static boolean moreBits(int layer, int layers) {
    int eighth = layers / 8;
    return layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2;
  }

  /**
   * The type of the head.
   *
   * @param chosen the user's choice, if any
   */
  private DType head(Optional<DType> chosen, int rowLength) {
    boolean quantised = type.blockLength() > 1;
    return fitting(chosen.orElse(quantised && type != DType.Q8_0 ? DType.Q6_K : type), rowLength);
  }

  /** The type of the embedding, which is the head's if they are one. */
  private DType embedding(Optional<DType> head, int rowLength, boolean tied) {
    return tied ? head(head, rowLength) : fitting(type, rowLength);
  }

  private static DType fitting(DType wanted, int rowLength) {
    return rowLength % wanted.blockLength() == 0
        ? wanted
        : rowLength % DType.Q8_0.blockLength() == 0 ? DType.Q8_0 : DType.F16;
  }

  /** As the command line writes it: {@code q4_k_m}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
