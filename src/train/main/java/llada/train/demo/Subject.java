package llada.train.demo;

import java.util.Locale;

/** What the bundled model is taught; each is measured for itself on questions never trained. */
public enum Subject {
  /** What is 347 plus 285? */
  SUMS,
  /** Count from 3 to 8. */
  COUNTING,
  /** What comes next: 3, 6, 9? */
  COMPLETING,
  /** Which is bigger, 45 or 54? */
  COMPARING,
  /** What is the opposite of hot? */
  OPPOSITES,
  /** What does a cow say? */
  ANIMALS,
  /** How many days has a week? */
  FACTS,
  /** Who is Nora Bell? */
  PEOPLE,
  /** Who is the baker of Oakhill?, where only Nora Bell is the baker of Oakhill was trained. */
  REVERSAL,
  /** A sentence or two, and a question about them. */
  READING,
  /** And a dog? */
  FOLLOW_UPS,
  /** Hello! */
  SOCIAL,
  /** What the model does not know, and says so. */
  OUTSIDE,
  /** Tell me a story about a cat. */
  STORIES,
  /** Solve this sudoku. */
  SUDOKU;

  /** The name in reports. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', ' ');
  }
}
