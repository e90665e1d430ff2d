package llada.cli;

import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.OptionSpec;

/**
 * Lays the help out: options under a heading each for the command's own and for every mixin, then
 * examples, then exit codes.
 */
final class GroupedHelp {
  private static final Map<Class<?>, String> HEADINGS =
      Map.of(
          ModelOptions.class, "Model",
          AdapterOption.class, "Model",
          ServerOption.class, "Model",
          BackendOptions.class, "Computation",
          SamplerFlags.class, "Sampling",
          LikelihoodFlags.class, "Likelihood",
          DecoderFlags.class, "Speed",
          ShapeOptions.class, "Shape",
          TrainSettings.class, "Training");

  /** The order of the headings; the command's own options come first. */
  private static final List<String> ORDER =
      List.of(
          "Options",
          "Training",
          "Model",
          "Shape",
          "Likelihood",
          "Sampling",
          "Speed",
          "Computation",
          "General");

  private GroupedHelp() {}

  /** Gives every command below this one the layout. */
  static void install(CommandLine commandLine) {
    commandLine
        .getHelpSectionMap()
        .put(CommandLine.Model.UsageMessageSpec.SECTION_KEY_OPTION_LIST, GroupedHelp::options);
    CommandLine.Model.UsageMessageSpec usage = commandLine.getCommandSpec().usageMessage();
    usage.sortOptions(false);
    usage.autoWidth(false);
    usage.synopsisHeading("");
    usage.descriptionHeading("%n");
    usage.parameterListHeading("%n@|bold Arguments|@%n");
    usage.commandListHeading("%n@|bold Commands|@%n");
    usage.exitCodeListHeading("%n@|bold Exit codes|@%n");
    usage.footerHeading(usage.footer().length == 0 ? "" : "%n@|bold Examples|@%n");
    usage.exitCodeList(exitCodes());
    usage.abbreviateSynopsis(true);
    commandLine.getSubcommands().values().forEach(GroupedHelp::install);
  }

  private static Map<String, String> exitCodes() {
    Map<String, String> codes = new LinkedHashMap<>();
    for (String line : ExitCodes.help()) {
      int colon = line.indexOf(':');
      codes.put(line.substring(0, colon), line.substring(colon + 1));
    }
    return codes;
  }

  private static String options(Help help) {
    Map<String, List<OptionSpec>> groups =
        help.commandSpec().options().stream()
            .filter(option -> !option.hidden())
            .collect(Collectors.groupingBy(GroupedHelp::heading));
    StringBuilder text = new StringBuilder();
    for (String heading : ORDER) {
      List<OptionSpec> options = groups.get(heading);
      if (options != null) {
        Help.Layout layout =
            help.createDefaultLayout(help.commandSpec().options(), List.of(), help.colorScheme());
        layout.addAllOptions(new ArrayList<>(options), help.parameterLabelRenderer());
        text.append(help.createHeading("%n@|bold " + heading + "|@%n")).append(layout);
      }
    }
    return text.toString();
  }

  private static String heading(OptionSpec option) {
    if (option.scopeType() == CommandLine.ScopeType.INHERIT) {
      return "General"; // of every command
    }
    if (option.userObject() instanceof Field field) {
      String heading = HEADINGS.get(field.getDeclaringClass());
      if (heading != null) {
        return heading;
      }
      boolean ours = field.getDeclaringClass().getPackage() == GroupedHelp.class.getPackage();
      return ours || !isHelp(option) ? "Options" : "General";
    }
    return isHelp(option) ? "General" : "Options";
  }

  private static boolean isHelp(OptionSpec option) {
    return option.usageHelp() || option.versionHelp();
  }
}
