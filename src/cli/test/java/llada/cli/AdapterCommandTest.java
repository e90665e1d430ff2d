package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import llada.Golden;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An adapter beside the model of a command. */
final class AdapterCommandTest {
  private static final String BASE =
      Golden.resources().resolve("gguf/tiny-llada-Q8_0.gguf").toString();
  private static final String ADAPTER =
      Golden.resources().resolve("adapters/everything").toString();

  @TempDir Path folder;

  private static CliRun score(String... more) {
    String[] args = {"score", "a small text", "--backend", "vector", "--json"};
    String[] all = new String[args.length + more.length];
    System.arraycopy(args, 0, all, 0, args.length);
    System.arraycopy(more, 0, all, args.length, more.length);
    return CliRun.of(all);
  }

  @Test
  void theAdapterChangesWhatIsComputed() {
    CliRun without = score("--model", BASE);
    CliRun with = score("--model", BASE, "--adapter", ADAPTER);
    assertThat(without.code()).as(without.toString()).isZero();
    assertThat(with.code()).as(with.toString()).isZero();
    assertThat(with.out()).isNotEqualTo(without.out());
    assertThat(score("--model", BASE, "--adapter", ADAPTER).out()).isEqualTo(with.out());
  }

  @Test
  void whatCannotBeTrainedIsRefusedByName() throws Exception {
    Path chats = folder.resolve("text.txt");
    Files.writeString(chats, "a text\n".repeat(200));
    Path model = Golden.resources().resolve("golden-families/tiny-llada-moe");
    CliRun run =
        CliRun.of(
            ("train --lora-rank 2 --length 16 --batch 1 --steps 1 --backend vector -q"
                    + " --data %s --model %s -o %s")
                .formatted(chats, model, folder.resolve("run"))
                .split(" "));
    assertThat(run.code()).as(run.toString()).isEqualTo(ExitCodes.BAD_FILE);
    assertThat(run.err()).contains(model + ": LLADA_MOE: models with experts").hasLineCount(1);
  }

  @Test
  void badAdaptersAreOneLine() throws Exception {
    CliRun noModel = score("--adapter", ADAPTER);
    assertThat(noModel.code()).isEqualTo(ExitCodes.USAGE);
    assertThat(noModel.err()).contains("belongs to the model ''").hasLineCount(1);
    CliRun other = score("--model", CliRun.model().toString(), "--adapter", ADAPTER);
    assertThat(other.code()).isEqualTo(ExitCodes.BAD_FILE);
    assertThat(other.err()).contains("is the adapter of this model?").hasLineCount(1);
    CliRun none = score("--model", BASE, "--adapter", folder.toString());
    assertThat(none.code()).isEqualTo(ExitCodes.BAD_FILE);
    assertThat(none.err()).contains("adapter_config.json: cannot be read").hasLineCount(1);
    String config = Files.readString(Path.of(ADAPTER, "adapter_config.json"));
    String[][] changes = {
      {"\"use_dora\": false", "\"use_dora\": true", "has use_dora, which is not supported"},
      {"\"peft_type\": \"LORA\"", "\"peft_type\": \"IA3\"", "has peft_type IA3"},
      {"\"modules_to_save\": null", "\"modules_to_save\": [\"wte\"]", "has modules_to_save"},
      {"\"lora_alpha\": 6", "\"lora_alpha\": \"six\"", "lora_alpha is six; a number is needed"},
    };
    Files.copy(
        Path.of(ADAPTER, "adapter_model.safetensors"), folder.resolve("adapter_model.safetensors"));
    for (String[] change : changes) {
      assertThat(config).contains(change[0]);
      Files.writeString(
          folder.resolve("adapter_config.json"), config.replace(change[0], change[1]));
      CliRun run = score("--model", BASE, "--adapter", folder.toString());
      assertThat(run.code()).as(run.toString()).isEqualTo(ExitCodes.BAD_FILE);
      assertThat(run.err()).contains(change[2]).hasLineCount(1);
    }
  }
}
