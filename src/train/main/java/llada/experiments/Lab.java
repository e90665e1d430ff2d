package llada.experiments;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.LongStream;
import llada.backend.Backend;
import llada.experiments.Results.Row;
import llada.format.AtomicFile;
import llada.format.Disk;
import llada.format.DiskLock;
import llada.format.FormatException;
import llada.tensor.RandomStreams;

/**
 * Runs experiments, each in a folder of its own: config.json, results.csv, report.md, charts.
 *
 * @param folder above those of the experiments
 * @param size how much is computed
 * @param firstSeed seed of the first repetition
 * @param repetitions how many seeds
 * @param inputs files that were given
 * @param workers jobs that run side by side
 * @param backends gives each worker a backend of one thread
 * @param progress hears one line a job
 */
public record Lab(
    Path folder,
    Size size,
    long firstSeed,
    int repetitions,
    Experiment.Inputs inputs,
    int workers,
    Supplier<Backend> backends,
    Consumer<String> progress) {
  /**
   * Runs what has not been run, and reports.
   *
   * @throws FormatException if the folder holds another run's results, or cannot be written
   */
  public Report run(Experiment experiment) {
    Path own = folder.resolve(experiment.name());
    experiment.lacks(size, inputs).ifPresent(this::refuse);
    try {
      Disk.current().createFolders(own);
    } catch (IOException e) {
      throw new FormatException(
          own + ": cannot be made: " + e.getMessage() + "; choose another output folder", e);
    }
    Map<String, String> config = new LinkedHashMap<>();
    config.put("experiment", experiment.name());
    config.put("size", size.toString());
    config.put("random streams", Integer.toString(RandomStreams.VERSION));
    config.putAll(experiment.config(size, inputs));
    if (!experiment.trials(size, inputs).isEmpty()) {
      config.put("rates tried", "%s on seeds %s".formatted(Tuning.RATES, Tuning.SEEDS));
    }
    sameAsBefore(own.resolve("config.json"), json(config));
    try (DiskLock _ = DiskLock.take(own.resolve("results.lock")).orElseThrow(() -> busy(own))) {
      return run(experiment, own, config);
    } catch (IOException e) {
      throw new FormatException(own + ": cannot be written: " + e.getMessage(), e);
    }
  }

  private void refuse(String lack) {
    throw new FormatException(lack);
  }

  private static FormatException busy(Path own) {
    return new FormatException(
        own
            + ": another process is running this experiment; wait for it, or choose another output folder");
  }

  private Report run(Experiment experiment, Path own, Map<String, String> config)
      throws IOException {
    List<Long> seeds = LongStream.range(firstSeed, firstSeed + repetitions).boxed().toList();
    if (seeds.stream().anyMatch(Tuning.SEEDS::contains)) {
      refuse("seeds %s are those of the tuning; choose others".formatted(Tuning.SEEDS));
    }
    String commit = Surroundings.commit(); // before the hours in which the folder may change
    Map<String, Double> rates = rates(experiment, own);
    rates.forEach((arm, rate) -> config.put("learning rate of " + arm, Tuning.text(rate)));
    Report.write(own.resolve("config.json"), json(config));
    List<Job> jobs = experiment.jobs(new Experiment.Setup(size, seeds, inputs, rates));
    List<String> commits = commits(own, commit, jobs);
    // Seeds of other runs in the folder do not count: how many decide was said before.
    Results results = run(experiment, jobs, own.resolve("results.csv")).only(seeds);
    config.put("seeds", seeds.toString());
    config.put("commits of the rows", String.join(", ", commits));
    config.put("commit of the report", commit);
    config.put("processor", Surroundings.processor());
    config.put("threads", workers + ", an arm each");
    results.derive(experiment.derived(size, results));
    Report report = new Report(experiment, config, size != Size.TINY);
    experiment.claims(size).forEach(c -> report.verdict(c.decide(experiment.name(), results)));
    experiment.report(results, report);
    report.write(own).forEach(progress);
    return report;
  }

  private Map<String, Double> rates(Experiment experiment, Path own) {
    Map<String, Tuning.Trial> trials = experiment.trials(size, inputs);
    if (trials.isEmpty()) {
      return Map.of();
    }
    Results tuned = run(experiment, Tuning.jobs(trials), own.resolve("tuning.csv"));
    return Tuning.choose(trials.keySet(), tuned);
  }

  /** Those that computed rows, in commits.txt: a row may be older than the report. */
  private static List<String> commits(Path own, String commit, List<Job> jobs) throws IOException {
    Path file = own.resolve("commits.txt");
    List<String> all = new ArrayList<>(Files.exists(file) ? Files.readAllLines(file) : List.of());
    Results before = Results.open(own.resolve("results.csv"));
    boolean more = jobs.stream().anyMatch(job -> !before.has(job.arm(), job.seed()));
    if (more && !all.contains(commit)) {
      all.add(commit);
      AtomicFile.write(file, (String.join("\n", all) + "\n").getBytes(StandardCharsets.UTF_8));
    }
    return all;
  }

  private Results run(Experiment experiment, List<Job> jobs, Path file) {
    Results results = Results.open(file);
    run(experiment, jobs, results);
    results.arrange(jobs);
    return results;
  }

  private static void sameAsBefore(Path file, String config) {
    try {
      if (Files.exists(file)) {
        // What was tuned stands behind the settings.
        String settings = config.replaceFirst("\\n}\\n$", "");
        if (!Files.readString(file).startsWith(settings)) {
          throw new FormatException(
              "%s: the results there were made with other settings or by a version with other random streams; give the same size and files, or choose another output folder"
                  .formatted(file));
        }
        return;
      }
    } catch (IOException e) {
      throw new FormatException(file + ": cannot be read: " + e.getMessage(), e);
    }
    Report.write(file, config);
  }

  private static String json(Map<String, String> values) {
    StringBuilder text = new StringBuilder("{\n");
    values.forEach(
        (name, value) ->
            text.append(text.length() > 2 ? ",\n" : "")
                .append("  \"%s\": \"%s\"".formatted(name, value.replace("\"", "\\\""))));
    return text.append("\n}\n").toString();
  }

  private void run(Experiment experiment, List<Job> all, Results results) {
    List<Job> jobs = all.stream().filter(job -> !results.has(job.arm(), job.seed())).toList();
    if (jobs.size() < all.size()) {
      progress.accept(
          "%s: %d of %d jobs are done already"
              .formatted(experiment.name(), all.size() - jobs.size(), all.size()));
    }
    AtomicInteger next = new AtomicInteger();
    AtomicInteger finished = new AtomicInteger(all.size() - jobs.size());
    AtomicReference<RuntimeException> failure = new AtomicReference<>();
    List<Thread> threads = new ArrayList<>();
    for (int w = 0; w < Math.min(workers, jobs.size()); w++) {
      threads.add(
          Thread.ofPlatform()
              .daemon()
              .name("llada-experiment-" + w)
              .start(
                  () -> {
                    try (Backend backend = backends.get()) {
                      for (int i = next.getAndIncrement();
                          i < jobs.size() && failure.get() == null;
                          i = next.getAndIncrement()) {
                        String line = run(experiment, jobs.get(i), backend, results);
                        progress.accept(
                            "%s (%d of %d)"
                                .formatted(line, finished.incrementAndGet(), all.size()));
                      }
                    } catch (RuntimeException e) {
                      failure.compareAndSet(null, e);
                    } catch (Error e) {
                      failure.compareAndSet(null, new IllegalStateException(e));
                    }
                  }));
    }
    for (Thread thread : threads) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
    if (failure.get() != null) {
      throw failure.get();
    }
  }

  private static String run(Experiment experiment, Job job, Backend backend, Results results) {
    long start = System.nanoTime();
    List<Row> rows = new ArrayList<>();
    job.work()
        .run(
            backend,
            (measure, x, value) -> rows.add(new Row(job.arm(), job.seed(), measure, x, value)));
    if (rows.isEmpty()) {
      throw new IllegalStateException("%s measured nothing".formatted(job.arm()));
    }
    results.add(rows);
    return String.format(
        Locale.ROOT,
        "%s: %s, seed %d: %.1f s",
        experiment.name(),
        job.arm(),
        job.seed(),
        (System.nanoTime() - start) / 1e9);
  }
}
