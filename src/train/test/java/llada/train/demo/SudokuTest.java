package llada.train.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Puzzles have one solution, which keeps the rules; digits' names do not count. */
class SudokuTest {
  @Test
  void puzzlesHaveOneSolution() {
    SplittableRandom random = new SplittableRandom(3);
    Set<Integer> counts = new HashSet<>();
    for (int i = 0; i < 300; i++) {
      Sudoku sudoku = Sudoku.random(random);
      keepsTheRules(sudoku.solution());
      int given = 0;
      for (int c = 0; c < 36; c++) {
        if (sudoku.givens()[c] != 0) {
          assertThat(sudoku.givens()[c]).isEqualTo(sudoku.solution()[c]);
          given++;
        }
      }
      counts.add(given);
      assertThat(bruteForce(sudoku.givens().clone(), 0)).isEqualTo(1);
    }
    assertThat(counts).containsExactlyInAnyOrder(10, 11, 12, 13, 14, 15, 16);
  }

  @Test
  void severalSolutionsAreSeen() {
    assertThat(Sudoku.solutions(new int[36])).isEqualTo(2);
    Sudoku sudoku = Sudoku.random(new SplittableRandom(1));
    assertThat(Sudoku.solutions(sudoku.givens())).isEqualTo(1);
    int[] wrong = sudoku.givens().clone();
    int at = IntStream.range(0, 36).filter(c -> wrong[c] == 0).findFirst().getAsInt();
    wrong[at] = sudoku.solution()[at] % 6 + 1;
    assertThat(Sudoku.solutions(wrong)).isZero();
  }

  @Test
  void singleCandidatesSolveSome() {
    int[] solution = Sudoku.solved(new SplittableRandom(7));
    int[] oneMissing = solution.clone();
    oneMissing[20] = 0;
    assertThat(new Sudoku(oneMissing, solution).bySingles()).isTrue();
    assertThat(new Sudoku(new int[36], solution).bySingles()).isFalse();
  }

  @Test
  void namesOfDigitsDoNotCount() {
    int[] grid = Sudoku.solved(new SplittableRandom(5));
    int[] renamed = Arrays.stream(grid).map(d -> 7 - d).toArray();
    assertThat(Sudoku.canonical(renamed)).isEqualTo(Sudoku.canonical(grid)).startsWith("123456");
    assertThat(Sudoku.canonical(Sudoku.solved(new SplittableRandom(6))))
        .isNotEqualTo(Sudoku.canonical(grid));
    assertThat(Sudoku.text(grid)).matches("([1-6]{6} ){5}[1-6]{6}");
  }

  private static void keepsTheRules(int[] grid) {
    for (int u = 0; u < 6; u++) {
      int unit = u;
      assertThat(IntStream.range(0, 6).map(i -> grid[unit * 6 + i]).distinct().count())
          .isEqualTo(6);
      assertThat(IntStream.range(0, 6).map(i -> grid[i * 6 + unit]).distinct().count())
          .isEqualTo(6);
      int corner = unit / 2 * 12 + unit % 2 * 3;
      assertThat(
              IntStream.range(0, 6).map(i -> grid[corner + i / 3 * 6 + i % 3]).distinct().count())
          .isEqualTo(6);
    }
  }

  /** Cell by cell, without any cleverness. */
  private static int bruteForce(int[] grid, int from) {
    int cell = from;
    while (cell < 36 && grid[cell] != 0) {
      cell++;
    }
    if (cell == 36) {
      return 1;
    }
    int found = 0;
    for (int digit = 1; digit <= 6; digit++) {
      boolean free = true;
      for (int other = 0; other < 36; other++) {
        boolean line = other / 6 == cell / 6 || other % 6 == cell % 6;
        boolean box = other / 12 == cell / 12 && other % 6 / 3 == cell % 6 / 3;
        free &= grid[other] != digit || !line && !box;
      }
      if (free) {
        grid[cell] = digit;
        found += bruteForce(grid, cell + 1);
        grid[cell] = 0;
      }
    }
    return found;
  }
}
