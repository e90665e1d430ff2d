package llada.train.demo;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** What makes a reply right. */
public enum Check {
  /** The reply is the answer. */
  EXACT,
  /** One of the answers stands in the reply, as whole words. */
  WORD,
  /** The last number of the reply is the answer. */
  LAST_NUMBER,
  /** The numbers of the reply are those of the answer, in their order. */
  LIST,
  /** The reply says that it does not know. */
  DECLINE,
  /** The reply names the thing, and has three sentences or more. */
  ANY_STORY,
  /** A greeting, or the like, in reply to one. */
  SOCIAL;

  private static final Pattern NUMBER = Pattern.compile("(?<![0-9])-?[0-9]+");

  /** The check of this name in a file of questions, such as {@code last-number}. */
  static Check of(String name) {
    return valueOf(name.toUpperCase(Locale.ROOT).replace('-', '_'));
  }

  /** Whether a reply is right. */
  public boolean right(String reply, List<String> accept) {
    List<String> numbers = numbers(reply);
    return switch (this) {
      case EXACT -> reply.strip().equals(accept.getFirst());
      case WORD, DECLINE, SOCIAL -> accept.stream().anyMatch(a -> holds(reply, a));
      case LAST_NUMBER ->
          !numbers.isEmpty() && numbers.getLast().equals(numbers(accept.getFirst()).getLast());
      case LIST -> numbers.equals(numbers(accept.getFirst()));
      case ANY_STORY ->
          Arrays.stream(reply.split("[.!?]")).filter(part -> !part.isBlank()).count() >= 3
              && accept.stream().anyMatch(a -> holds(reply, a));
    };
  }

  private static List<String> numbers(String text) {
    return NUMBER.matcher(text).results().map(MatchResult::group).toList();
  }

  private static boolean holds(String reply, String words) {
    String whole = "(?<![\\p{L}\\p{N}])" + Pattern.quote(plain(words)) + "(?![\\p{L}\\p{N}])";
    return Pattern.compile(whole).matcher(plain(reply)).find();
  }

  /** In lower case, with straight apostrophes. */
  private static String plain(String text) {
    return text.toLowerCase(Locale.ROOT).replace('\u2019', '\'').strip();
  }
}
