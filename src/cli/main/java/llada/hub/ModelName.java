package llada.hub;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a model is called on a hub: {@code OWNER/MODEL} or {@code OWNER/MODEL@REVISION}.
 *
 * @param revision a branch, a tag or a commit
 */
public record ModelName(String owner, String model, String revision) {
  private static final String MAIN = "main";
  private static final String WORD = "[A-Za-z0-9][\\w.-]{0,95}";
  private static final Pattern NAME =
      Pattern.compile("(%1$s)/(%1$s)(?:@(%1$s(?:/%1$s)*))?".formatted(WORD));

  /** The name that a text is; empty if it is none. */
  public static Optional<ModelName> of(String text) {
    Matcher name = NAME.matcher(text);
    return name.matches()
        ? Optional.of(
            new ModelName(
                name.group(1), name.group(2), Optional.ofNullable(name.group(3)).orElse(MAIN)))
        : Optional.empty();
  }

  /**
   * The name under which a published model is found that a text means, with its owner or without:
   * {@code LLaDA-8B-Instruct} is GSAI-ML's.
   */
  public static Optional<ModelName> meant(String text) {
    String owner =
        text.matches("LLaDA-(?:8B|1\\.5)[\\w.-]*")
            ? "GSAI-ML/"
            : text.matches("LLaDA(?:2\\.|-MoE-)[\\w.-]*") ? "inclusionAI/" : "";
    return of(owner + text);
  }

  /** The name of the model's folder among those of its owner. */
  String folder() {
    return revision.equals(MAIN) ? model : model + "@" + revision.replace('/', '_');
  }

  @Override
  public String toString() {
    return owner + "/" + model + (revision.equals(MAIN) ? "" : "@" + revision);
  }
}
