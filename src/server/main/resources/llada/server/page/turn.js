import { make, Replay } from './replay.js';
import { download, replayFile } from './save.js';

let count = 0;

/** A question and its answer, on the page. */
export class Turn {
  #question;
  #text = '';

  constructor(question, { filling, still }) {
    this.#question = question;
    const id = `turn-${++count}`;
    this.element = make('article', 'turn');
    this.element.setAttribute('aria-labelledby', id);
    const heading = make('h2', 'unseen', filling ? `Text ${count} with gaps` : `Question ${count}`);
    heading.id = id;
    this.replay = new Replay(still);
    this.replay.element.hidden = true; // until there is a step
    this.plain = make('p', 'unseen plain');
    this.note = make('p', 'note', 'Waiting for the first step…');
    this.actions = make('p', 'actions');
    const asked = make('p', 'asked', question);
    asked.dir = this.plain.dir = 'auto';
    this.element.append(
      heading,
      asked,
      this.replay.element,
      this.plain,
      this.note,
      this.actions,
    );
  }

  /** A step has come. */
  step(diffusion) {
    this.replay.element.hidden = false;
    this.note.textContent = '';
    this.replay.add(diffusion);
  }

  /** Says how things stand. */
  say(words) {
    this.note.textContent = words;
  }

  /** The answer is complete. Resolves when it stands on the page as a whole. */
  async finish({ text, reason, usage }, filling) {
    this.#text = text;
    await this.replay.finish();
    // Screen readers get the text in one piece, beside the tokens, which they meet one by one.
    this.plain.textContent = `Answer: ${text}`;
    const parts = [];
    if (usage) {
      parts.push(`${usage.useful_tokens} tokens of text in ${usage.forward_passes} passes.`);
    }
    if (reason === 'length' && !filling) {
      parts.push('The answer has filled the most tokens allowed; it may have more to say.');
    }
    if (text === '') parts.push('The model has nothing to say to this.');
    this.say(parts.join(' '));
    this.#offer('Copy text', async (button) => {
      await navigator.clipboard.writeText(this.#text);
      button.textContent = 'Copied';
    });
    this.#offerSaving();
  }

  /** The user has stopped it: what is there stays, and can be looked at. */
  async stopped() {
    const { frames } = this.replay;
    await this.replay.finish();
    this.say(
      frames.length === 0
        ? 'Stopped before the first step.'
        : `Stopped after step ${frames.at(-1).step}. The conversation goes on without this answer.`,
    );
    if (frames.length > 0) this.#offerSaving();
  }

  /** It has gone wrong. */
  async fail(words, retry) {
    this.replay.finish();
    this.note.className = 'error';
    this.note.setAttribute('role', 'alert');
    this.say(words);
    this.#offer('Try again', (button) => {
      button.remove();
      retry();
    });
  }

  #offerSaving() {
    this.#offer('Save replay', async () => {
      const { frames } = this.replay;
      const file = { question: this.#question, text: this.#text, frames };
      download('llada-replay.html', 'text/html', await replayFile(file));
    });
  }

  #offer(words, act) {
    const button = make('button', '', words);
    button.type = 'button';
    button.addEventListener('click', async () => {
      try {
        await act(button);
      } catch {
        button.textContent = `${words}: not possible here`;
      }
    });
    this.actions.append(button);
  }
}
