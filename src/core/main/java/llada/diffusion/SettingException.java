package llada.diffusion;

/**
 * A setting has a value that it cannot have. The message begins with the setting's name in the
 * library; a front end that calls it otherwise puts its own name before {@link #problem}.
 */
public final class SettingException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  private final String setting;
  private final String problem;

  /**
   * Describes the mistake.
   *
   * @param setting its name
   * @param problem the value, the rule and the remedy, as the rest of a sentence: it begins with a
   *     space or a comma
   */
  public SettingException(String setting, String problem) {
    super(setting + problem);
    this.setting = setting;
    this.problem = problem;
  }

  /** Throws unless the rule holds; {@code problem} is a format of the values. */
  public static void require(boolean holds, String setting, String problem, Object... values) {
    if (!holds) {
      throw new SettingException(setting, problem.formatted(values));
    }
  }

  /** The setting's name in the library. */
  public String setting() {
    return setting;
  }

  /** What is wrong with it, without its name. */
  public String problem() {
    return problem;
  }
}
