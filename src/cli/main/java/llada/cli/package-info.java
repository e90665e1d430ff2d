/**
 * The command line: {@code generate}, {@code chat}, {@code pull}, {@code tokenize}, {@code info},
 * {@code train}, {@code tokenizer}, {@code synth}, {@code bench}, {@code completion}.
 *
 * <p>One class per command; options that commands share are mixins ({@link llada.cli.ModelOptions},
 * {@link llada.cli.SamplerFlags}). Results go to standard output, all else to standard error, both
 * in UTF-8. Whatever goes wrong ends in one line {@code llada: …} with the remedy and one of the
 * codes of {@link llada.cli.ExitCodes}; {@link llada.cli.ErrorReport} is the only place that turns
 * exceptions into either.
 *
 * <p>Commands are handed a {@link llada.cli.CommandContext} and do not know the command that holds
 * them. What they measure lies in {@link llada.bench} and {@link llada.evaluation}.
 *
 * <p>A {@link llada.cli.StepView} watches the sampler and draws the text being unmasked. Other
 * modules add commands through {@link llada.cli.CommandProvider}.
 *
 * <p>Open first: {@link llada.cli.Main}, then {@link llada.cli.GenerateCommand}.
 */
package llada.cli;
