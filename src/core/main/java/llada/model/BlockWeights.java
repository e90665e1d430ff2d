package llada.model;

import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import llada.tensor.Tensor;

/**
 * The weights of one layer: those parts that the model has, with their shapes at {@link Part}.
 *
 * <p>Experts are as many tensors as there are experts, each a view of where it lies. Queries, keys
 * and values that lie in one matrix are views of its rows.
 */
public final class BlockWeights {
  private final Map<Part, List<Tensor>> stored;
  private final Map<Part, List<Tensor>> used;
  private final Map<Part, LowRank> lowRanks; // beside what is stored
  private final Map<Part, LowRank> usedLowRanks;

  /**
   * A layer of these parts, in the order of the forward pass.
   *
   * @param parts one tensor each, or one for each expert
   */
  public BlockWeights(Map<Part, List<Tensor>> parts) {
    this(parts, Map.of());
  }

  private BlockWeights(Map<Part, List<Tensor>> parts, Map<Part, LowRank> lowRanks) {
    this.lowRanks = lowRanks;
    this.stored = Collections.unmodifiableMap(new EnumMap<>(parts));
    EnumMap<Part, List<Tensor>> views = new EnumMap<>(parts);
    split(views, Part.QKV_PROJ, Part.Q_PROJ, Part.K_PROJ, Part.V_PROJ);
    split(views, Part.QKV_BIAS, Part.Q_BIAS, Part.K_BIAS, Part.V_BIAS);
    this.used = Collections.unmodifiableMap(views);
    this.usedLowRanks = new EnumMap<>(Part.class);
    usedLowRanks.putAll(lowRanks);
    LowRank all = usedLowRanks.remove(Part.QKV_PROJ);
    if (all != null) {
      long queries = qProj().dim(0);
      long keys = kProj().dim(0);
      usedLowRanks.put(Part.Q_PROJ, all.rows(0, queries));
      usedLowRanks.put(Part.K_PROJ, all.rows(queries, keys));
      usedLowRanks.put(Part.V_PROJ, all.rows(queries + keys, keys));
    }
  }

  /** The same layer with low-rank terms beside some matrices, by the part that is stored. */
  BlockWeights with(Map<Part, LowRank> terms) {
    EnumMap<Part, LowRank> ordered = new EnumMap<>(Part.class);
    ordered.putAll(terms);
    return new BlockWeights(stored, Collections.unmodifiableMap(ordered));
  }

  /** The terms beside what is stored, in the order of the forward pass. */
  public Map<Part, LowRank> lowRanks() {
    return lowRanks;
  }

  Optional<LowRank> lowRank(Part part) {
    return Optional.ofNullable(usedLowRanks.get(part));
  }

  private static void split(Map<Part, List<Tensor>> parts, Part fused, Part q, Part k, Part v) {
    if (!parts.containsKey(fused)) {
      return;
    }
    Tensor all = parts.get(fused).getFirst();
    long queries = parts.get(Part.ATTN_OUT).getFirst().shape().dim(1);
    long keys = (all.shape().dim(0) - queries) / 2;
    parts.put(q, List.of(rows(all, 0, queries)));
    parts.put(k, List.of(rows(all, queries, keys)));
    parts.put(v, List.of(rows(all, queries + keys, keys)));
  }

  /** Rows of a matrix, or numbers of a vector. */
  private static Tensor rows(Tensor all, long from, long count) {
    return all.shape().rank() == 1 ? all.slice(from, count) : all.rows(from, count);
  }

  /** What is stored, in the order of the forward pass. */
  public Map<Part, List<Tensor>> parts() {
    return stored;
  }

  /** A part that this layer may lack. */
  Optional<Tensor> find(Part part) {
    return Optional.ofNullable(used.get(part)).map(List::getFirst);
  }

  Tensor get(Part part) {
    return used.get(part).getFirst();
  }

  /** One tensor for each expert. */
  List<Tensor> experts(Part part) {
    return used.get(part);
  }

  /** All tensors as they are stored. */
  List<Tensor> tensors() {
    List<Tensor> all = new ArrayList<>();
    stored.values().forEach(all::addAll);
    return all;
  }

  /** The same layer with other tensors in the place of these. */
  BlockWeights map(UnaryOperator<Tensor> change) {
    EnumMap<Part, List<Tensor>> changed = new EnumMap<>(Part.class);
    stored.forEach((part, list) -> changed.put(part, list.stream().map(change).toList()));
    return new BlockWeights(changed, lowRanks);
  }

  /** (C) */
  public Tensor attnNorm() {
    return get(Part.ATTN_NORM);
  }

  /** (H D, C) */
  public Tensor qProj() {
    return get(Part.Q_PROJ);
  }

  /** (Ckv, C) */
  public Tensor kProj() {
    return get(Part.K_PROJ);
  }

  /** (Ckv, C) */
  public Tensor vProj() {
    return get(Part.V_PROJ);
  }

  /** (C, H D) */
  public Tensor attnOut() {
    return get(Part.ATTN_OUT);
  }

  /** (C) */
  public Tensor ffNorm() {
    return get(Part.FF_NORM);
  }

  /** (F, C), the gate of a dense layer. */
  public Tensor ffProj() {
    return get(Part.FF_PROJ);
  }

  /** (F, C) */
  public Tensor upProj() {
    return get(Part.UP_PROJ);
  }

  /** (C, F) */
  public Tensor ffOut() {
    return get(Part.FF_OUT);
  }
}
