package llada.train.demo;

import static llada.train.demo.Wording.a;
import static llada.train.demo.Wording.capital;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Little stories: a plot of six sentences, each in several wordings, with slots. */
public final class Tales {
  private static final Sections PLOTS = Sections.read("tales.txt");
  private static final List<String> WEATHER = List.of("sunny", "rainy", "windy", "cold", "warm");
  private static final List<String> KINDS =
      List.of("little", "brave", "kind", "funny", "shy", "clever", "tiny");

  private Tales() {}

  /**
   * A story.
   *
   * @param topic what it is about, as it is asked for
   * @param sentences in order
   * @param slots what stands in its slots, by name
   */
  public record Tale(String topic, List<String> sentences, Map<String, String> slots) {
    public String text() {
      return String.join(" ", sentences);
    }

    /**
     * Whether a sentence could stand at {@code at}: it is one of those that the plots have, and
     * says nothing else of what the rest of the story names.
     */
    public boolean fits(int at, String sentence) {
      List<String> rest = new ArrayList<>(sentences);
      rest.remove(at);
      String others = plain(String.join(" ", rest));
      for (List<String> plot : PLOTS.byName().values()) {
        for (String line : plot) {
          for (String wording : line.split(" \\| ")) {
            if (pattern(plain(wording), others).matcher(plain(sentence)).matches()) {
              return true;
            }
          }
        }
      }
      return false;
    }

    private static String plain(String text) {
      return text.replaceAll("(?<!\\{)\\b([Aa])n\\b", "$1");
    }

    private Pattern pattern(String wording, String others) {
      StringBuilder regex = new StringBuilder();
      Matcher slot = Pattern.compile("\\{([^}]+)}").matcher(wording);
      int from = 0;
      while (slot.find()) {
        regex.append(Pattern.quote(wording.substring(from, slot.start())));
        String value = plain(slots.getOrDefault(slot.group(1), ""));
        boolean told = !value.isEmpty() && others.contains(value);
        regex.append(told ? Pattern.quote(value) : "[A-Za-z' -]+");
        from = slot.end();
      }
      return Pattern.compile(regex.append(Pattern.quote(wording.substring(from))).toString());
    }
  }

  static Exchange exchange(Wording w) {
    if (w.oneIn(20)) { // about anything that is not held out
      String topic = topic(w);
      while (Exchange.heldOut(key(topic))) {
        topic = topic(w);
      }
      return new Exchange(Subject.STORIES, "", w.question("story.any"), about(w, topic).text());
    }
    return exchange(w, "story");
  }

  private static Exchange exchange(Wording w, String section) {
    String topic = topic(w);
    String question = w.question(section, "a", topic);
    return new Exchange(Subject.STORIES, key(topic), question, about(w, topic).text());
  }

  static Exchange followUp(Wording w, Wording plain) {
    return exchange(w, "story.follow").after(exchange(plain));
  }

  static String key(String topic) {
    return "story " + topic.replaceFirst("^(an?|the) ", "");
  }

  static Tale tale(SplittableRandom random) {
    Wording w = new Wording(random, false);
    return about(w, topic(w));
  }

  /** What a story is asked about: an animal, a thing, somebody; sometimes a word nobody knows. */
  private static String topic(Wording w) {
    return switch (w.below(8)) {
      case 0, 1, 2 -> a(w.of(Knowledge.ANIMALS).name());
      case 3, 4 -> a(w.of(Knowledge.WORDS.of("objects")));
      case 5, 6 -> w.of(Knowledge.WORDS.rows("first names"))[0];
      default ->
          w.oneIn(2)
              ? a(Knowledge.pseudo(w))
              : w.oneIn(2)
                  ? capital(Knowledge.pseudo(w))
                  : "the " + w.of(Knowledge.WORDS.of("objects"));
    };
  }

  static String bare(String topic) {
    return topic.replaceFirst("^(an?|the) ", "");
  }

  private static Tale about(Wording w, String topic) {
    String noun = bare(topic);
    boolean person = Character.isUpperCase(noun.charAt(0));
    List<String[]> names = Knowledge.WORDS.rows("first names");
    String[] name = w.of(names);
    for (String[] known : names) {
      name = known[0].equals(noun) ? known : name;
    }
    String hero = person ? noun : name[0];
    boolean girl = name[1].equals("girl");
    String friend = w.of(Knowledge.ANIMALS).name();
    while (friend.equals(noun)) {
      friend = w.of(Knowledge.ANIMALS).name();
    }
    Map<String, String> slots = new LinkedHashMap<>();
    slots.put("n", noun);
    slots.put("an", w.oneIn(2) ? a(noun).split(" ")[0] : a(w.of(KINDS)));
    slots.put("a n", a(noun));
    slots.put("name", hero);
    slots.put("other", w.other(names, name)[0]);
    slots.put("she", girl ? "she" : "he");
    slots.put("She", girl ? "She" : "He");
    slots.put("her", girl ? "her" : "his");
    slots.put("friend", friend);
    slots.put("a friend", a(friend));
    slots.put("A friend", capital(a(friend)));
    slots.put("place", w.of(Knowledge.WORDS.of("places")));
    slots.put("food", w.of(Knowledge.WORDS.of("foods")));
    slots.put("weather", w.of(WEATHER));
    slots.put("colour", w.of(Knowledge.WORDS.of("colours")));
    boolean animal = Knowledge.ANIMALS.stream().anyMatch(x -> x.name().equals(noun));
    String group = person ? "person." : animal || w.oneIn(2) ? "hero." : "child.";
    List<String> plots =
        PLOTS.byName().keySet().stream().filter(plot -> plot.startsWith(group)).toList();
    List<String> sentences = new ArrayList<>();
    String plot = w.of(plots);
    for (String line : PLOTS.of(plot)) {
      String sentence = w.of(List.of(line.split(" \\| ")));
      for (Map.Entry<String, String> slot : slots.entrySet()) {
        sentence = sentence.replace("{" + slot.getKey() + "}", slot.getValue());
      }
      sentences.add(Knowledge.articles(sentence));
    }
    boolean named = String.join(" ", sentences).contains(noun);
    return named ? new Tale(topic, List.copyOf(sentences), Map.copyOf(slots)) : about(w, topic);
  }
}
