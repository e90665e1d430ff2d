package llada.train.demo;

import java.util.Locale;

/** What the little model can be asked; each is measured for itself on questions never seen. */
public enum Skill {
  /** What is 3 plus 4? */
  ARITHMETIC,
  /** Count from 3 to 8. */
  COUNTING,
  /** What is the opposite of hot? */
  OPPOSITES,
  /** What sound does a cow make? */
  ANIMALS,
  /** What is Mia's favourite colour? */
  PEOPLE,
  /** Complete: Monday, Tuesday, ... */
  COMPLETING,
  /** Which is bigger, a mouse or a horse? */
  COMPARING,
  /** A few sentences, and a question about them. */
  READING,
  /** Write a story about a cat. */
  STORIES;

  /** The name in reports. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
