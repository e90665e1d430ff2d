/**
 * The corpus of the model that comes with LLaDA.java, made by a seeded grammar: a small world with
 * facts that never contradict each other, little stories in it, and questions about both.
 *
 * <p>Open first: {@link llada.train.demo.Lessons}, what the next bundled model is trained on;
 * {@link llada.train.demo.DemoCorpus} is that of the present one, and of the experiment {@code
 * instructions}.
 */
package llada.train.demo;
