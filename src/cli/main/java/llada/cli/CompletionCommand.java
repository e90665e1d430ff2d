package llada.cli;

import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** The script that lets a shell complete commands and options. */
@Command(
    name = "completion",
    description = "Write a completion script for bash and zsh to standard output.",
    footer = {
      "  source <(llada completion)",
      "  llada completion > ~/.local/share/bash-completion/completions/llada"
    })
final class CompletionCommand implements Runnable {
  @ParentCommand private RootCommand root;
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    root.console().out().println(AutoComplete.bash("llada", spec.root().commandLine()));
  }
}
