package llada.diffusion.commit;

import it.unimi.dsi.fastutil.ints.IntArrayList;

/** What a rule decides about one sequence in one step. */
public final class Choice {
  private final IntArrayList committed = new IntArrayList();
  private final IntArrayList takenBack = new IntArrayList();

  /** Commits the proposal of candidate {@code i}. */
  public void commit(int i) {
    committed.add(i);
  }

  /** Masks a position again that a former step filled. */
  public void takeBack(int position) {
    takenBack.add(position);
  }

  /** Indices of the candidates committed, in the order of the calls. */
  public int[] committed() {
    return committed.toIntArray();
  }

  /** The positions masked again. */
  public int[] takenBack() {
    return takenBack.toIntArray();
  }
}
