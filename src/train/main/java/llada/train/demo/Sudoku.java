package llada.train.demo;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * A Sudoku of 6 x 6: each row, each column and each box of two rows and three columns holds the
 * digits 1 to 6 once.
 *
 * @param givens (36) row by row, 0 where a digit is asked for
 * @param solution (36) the only one
 */
record Sudoku(int[] givens, int[] solution) {
  private static final int SIDE = 6;
  private static final int CELLS = SIDE * SIDE;
  private static final int MOST = 16; // givens
  private static final int LEAST = 10;

  /** For each cell the others that must differ. */
  private static final int[][] PEERS = new int[CELLS][];

  static {
    for (int c = 0; c < CELLS; c++) {
      int[] peers = new int[CELLS];
      int count = 0;
      for (int d = 0; d < CELLS; d++) {
        boolean line = d / SIDE == c / SIDE || d % SIDE == c % SIDE;
        if (d != c && (line || box(d) == box(c))) {
          peers[count++] = d;
        }
      }
      PEERS[c] = Arrays.copyOf(peers, count);
    }
  }

  private static int box(int cell) {
    return cell / SIDE / 2 * 2 + cell % SIDE / 3;
  }

  /** A puzzle with 10 to 16 givens. */
  static Sudoku random(SplittableRandom random) {
    while (true) {
      int[] solution = solved(random);
      int[] givens = solution.clone();
      int left = CELLS;
      int asked = LEAST + random.nextInt(MOST - LEAST + 1);
      for (int cell : permutation(CELLS, random)) {
        givens[cell] = 0;
        if (left > asked && solve(givens.clone(), null, 2) == 1) {
          left--;
        } else {
          givens[cell] = solution[cell];
        }
      }
      if (left <= MOST) {
        return new Sudoku(givens, solution);
      }
    }
  }

  /** A grid that is filled. */
  static int[] solved(SplittableRandom random) {
    int[] grid = new int[CELLS];
    solve(grid, random, 1);
    return grid;
  }

  /** How many solutions there are, counted up to 2. */
  static int solutions(int[] givens) {
    return solve(givens.clone(), null, 2);
  }

  /** Whether filling cells that have but one candidate left, again and again, solves it. */
  boolean bySingles() {
    int[] grid = givens.clone();
    boolean moved = true;
    while (moved) {
      moved = false;
      for (int c = 0; c < CELLS; c++) {
        int candidates = candidates(grid, c);
        if (grid[c] == 0 && Integer.bitCount(candidates) == 1) {
          grid[c] = Integer.numberOfTrailingZeros(candidates);
          moved = true;
        }
      }
    }
    return Arrays.equals(grid, solution);
  }

  /** A filled grid up to relabelling: digits get names in the order in which they first occur. */
  static String canonical(int[] solution) {
    int[] names = new int[SIDE + 1];
    int used = 0;
    StringBuilder text = new StringBuilder();
    for (int digit : solution) {
      names[digit] = names[digit] == 0 ? ++used : names[digit];
      text.append(names[digit]);
    }
    return text.toString();
  }

  /** A grid as text: a row is six digits, rows are apart by a space. */
  static String text(int[] grid) {
    StringBuilder text = new StringBuilder();
    for (int c = 0; c < CELLS; c++) {
      text.append(c > 0 && c % SIDE == 0 ? " " : "").append(grid[c]);
    }
    return text.toString();
  }

  private static int candidates(int[] grid, int cell) {
    int candidates = (2 << SIDE) - 2; // bits 1 to 6
    for (int peer : PEERS[cell]) {
      candidates &= ~(1 << grid[peer]);
    }
    return candidates;
  }

  /**
   * Fills the empty cell with the fewest candidates, and goes on.
   *
   * @param random the order in which candidates are tried; null for ascending
   * @param limit stops at so many solutions; the grid then holds the last one
   * @return solutions found
   */
  private static int solve(int[] grid, SplittableRandom random, int limit) {
    int best = -1;
    int fewest = 0;
    for (int c = 0; c < CELLS; c++) {
      if (grid[c] == 0) {
        int candidates = candidates(grid, c);
        if (best < 0 || Integer.bitCount(candidates) < Integer.bitCount(fewest)) {
          best = c;
          fewest = candidates;
        }
      }
    }
    if (best < 0) {
      return 1;
    }
    int found = 0;
    int[] order = random == null ? null : permutation(SIDE, random);
    for (int i = 0; i < SIDE; i++) {
      int digit = 1 + (order == null ? i : order[i]);
      if ((fewest >> digit & 1) != 0) {
        grid[best] = digit;
        found += solve(grid, random, limit - found);
        if (found >= limit) {
          return found;
        }
      }
    }
    grid[best] = 0;
    return found;
  }

  private static int[] permutation(int count, SplittableRandom random) {
    int[] order = new int[count];
    for (int i = 0; i < count; i++) {
      int j = random.nextInt(i + 1);
      order[i] = order[j];
      order[j] = i;
    }
    return order;
  }
}
