/**
 * The lessons of the model that comes with LLaDA.java, made by a seeded grammar: questions with
 * their answers, little stories, facts about people, and Sudokus; and what it is examined on.
 *
 * <p>Open first: {@link llada.train.demo.Lessons}.
 */
package llada.train.demo;
