"""LLaDA.java as a model of lm-evaluation-harness.

The harness asks for log-likelihoods and generations; this file hands each request to one process of
`llada serve-eval` through its standard input and output, a JSON object on a line each. It needs nothing
but the harness itself.

    python llada_lm_eval.py run --model llada-java --tasks piqa \
        --model_args llada=../../../llada,model=LLaDA-8B-Base,mc_num=128,cfg=0.5

As a library: `import llada_lm_eval` registers the model "llada-java".
"""

import json
import logging
import os
import subprocess

from lm_eval.api.model import LM
from lm_eval.api.registry import register_model

log = logging.getLogger(__name__)

LAUNCHER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "llada")


class Server:
    """A process of `llada serve-eval`: one request, one answer."""

    def __init__(self, arguments):
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
        self.number = 0

    def ask(self, method, **members):
        self.number += 1
        request = {"id": self.number, "method": method, **members}
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            code = self.process.wait()
            raise RuntimeError(f"llada serve-eval ended with code {code}; its message stands above")
        answer = json.loads(line)
        if answer["id"] != self.number:
            raise RuntimeError(f"answer {answer['id']} came to request {self.number}")
        if "error" in answer:
            raise ValueError(f"llada serve-eval: {answer['error']}")
        return answer["result"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


@register_model("llada-java")
class LLaDAJava(LM):
    """Likelihood bounds and generations of a LLaDA model, computed by LLaDA.java.

    Arguments by the names of the published eval_llada.py where it has them:
      llada           the launcher; default: the one of this repository
      model           Hugging Face folder or GGUF file; default: the small model that comes with it
      mc_num, batch_size, cfg, is_check_greedy, gen_length, steps, block_length, remasking
      options         more options of `llada serve-eval`, apart by spaces
    """

    def __init__(self, llada=LAUNCHER, model=None, mc_num=128, batch_size=None, cfg=0.0,
                 is_check_greedy=False, gen_length=128, steps=None, block_length=None,
                 remasking=None, seed=1, options="", max_batch_size=None, device=None):
        super().__init__()
        arguments = [str(llada), "serve-eval", "--mc-num", str(mc_num), "--seed", str(seed),
                     "--gen-length", str(gen_length)]
        # The harness passes batch_size=1 by default, which would be no stratification at all.
        if batch_size is not None and int(batch_size) > 1:
            arguments += ["--mc-batch", str(batch_size)]
        for name, value in [("--model", model), ("--steps", steps), ("--block-length", block_length),
                            ("--remasking", remasking)]:
            if value is not None:
                arguments += [name, str(value)]
        if float(cfg) > 0:
            arguments += ["--cfg-scale", str(cfg)]
        if is_check_greedy in (True, "True", "true"):
            arguments.append("--check-greedy")
        self.server = Server(arguments + str(options).split())
        self.info = self.server.ask("info")
        if self.info["gen_length"] >= self.max_length:
            raise ValueError(f"gen_length is {self.info['gen_length']}; the model takes {self.max_length} "
                             "tokens with the context: give a smaller one")

    @property
    def max_length(self):
        return self.info["max_length"]

    @property
    def tokenizer_name(self):
        return self.info["model"].replace("/", "__")

    def apply_chat_template(self, chat_history, add_generation_prompt=True):
        """The conversation as one text; without add_generation_prompt the model continues the last message."""
        return self.server.ask("apply_chat_template", messages=chat_history,
                               add_generation_prompt=bool(add_generation_prompt))

    def _ask(self, fallback, method, **members):
        """An answer; for a request that the model refuses a warning and the fallback, so that the run goes on."""
        try:
            found = self.server.ask(method, **members)
        except ValueError as error:
            log.warning("%s is answered by %s: %s", method, fallback, error)
            return fallback
        if found.get("left_out"):
            log.warning("%s: the first %d tokens of a context did not fit and were left out",
                        method, found["left_out"])
        return found

    def loglikelihood(self, requests, disable_tqdm=False):
        answers = []
        refused = {"log_likelihood": float("-inf"), "is_greedy": False}
        for request in self._shown(requests, "loglikelihood", disable_tqdm):
            context, continuation = request.args
            if not continuation:  # no text at all is certain
                answers.append((0.0, True))
                continue
            found = self._ask(refused, "loglikelihood", context=context, continuation=continuation)
            answers.append((found["log_likelihood"], found["is_greedy"]))
        return answers

    def loglikelihood_rolling(self, requests, disable_tqdm=False):
        answers = []
        refused = {"log_likelihood": float("-inf")}
        for request in self._shown(requests, "loglikelihood_rolling", disable_tqdm):
            text = request.args[0]
            found = self._ask(refused, "loglikelihood_rolling", text=text) if text else {"log_likelihood": 0.0}
            answers.append(found["log_likelihood"])
        return answers

    def generate_until(self, requests, disable_tqdm=False):
        answers = []
        for request in self._shown(requests, "generate_until", disable_tqdm):
            context, arguments = request.args
            until = arguments.get("until") or []
            members = {"until": [until] if isinstance(until, str) else [stop for stop in until if stop]}
            if arguments.get("max_gen_toks") is not None:
                members["max_gen_toks"] = int(arguments["max_gen_toks"])
            found = self._ask({"text": ""}, "generate_until", context=context, **members)
            answers.append(found["text"])
        return answers

    @staticmethod
    def _shown(requests, what, quiet):
        from tqdm import tqdm
        return tqdm(requests, desc=what, disable=quiet)


if __name__ == "__main__":
    from lm_eval.__main__ import cli_evaluate
    cli_evaluate()
