package llada.experiments;

import java.util.Locale;

/** How much is computed. */
public enum Size {
  /** Seconds: to see that everything works; the figures mean nothing. */
  TINY,
  /** Minutes to hours on two cores. */
  SMALL,
  /** About eight times as much: hours. */
  LARGE;

  /** One of three, by size. */
  int of(int tiny, int small, int large) {
    return switch (this) {
      case TINY -> tiny;
      case SMALL -> small;
      case LARGE -> large;
    };
  }

  /** The name on the command line. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
