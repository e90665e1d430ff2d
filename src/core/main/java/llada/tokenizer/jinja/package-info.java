/**
 * The part of Jinja that chat templates use, with the results of Python's jinja2 as Hugging Face's
 * library sets it up: {@code trim_blocks}, {@code lstrip_blocks}, loop controls, no escaping.
 *
 * <pre>
 *   "{% for m in messages %}{{ m.content }}{% endfor %}"
 *   text and tags, white space decided     Lexer
 *   statements and expressions             Parser, Node, Expression
 *   run over values, within limits         Renderer, Value, Operators, Filters, Checks, Methods
 * </pre>
 *
 * <p>A template comes with a model's files and is not trusted: it can read the values that it is
 * given and nothing else, and its steps, its text and its nesting are bounded. What is not known
 * here is an error that names it and the line.
 *
 * <p>Open first: {@link llada.tokenizer.jinja.Template}.
 */
package llada.tokenizer.jinja;
