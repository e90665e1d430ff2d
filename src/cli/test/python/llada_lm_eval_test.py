"""The adapter of lm-evaluation-harness against a real `llada serve-eval`, with the harness's four names stubbed.

    python llada_lm_eval_test.py LAUNCHER MODEL
"""

import logging
import os
import sys
import types
from types import SimpleNamespace


def module(name, **members):
    made = types.ModuleType(name)
    made.__dict__.update(members)
    sys.modules[name] = made


module("lm_eval")
module("lm_eval.api")
module("lm_eval.api.model", LM=type("LM", (), {}))
module("lm_eval.api.registry", register_model=lambda name: lambda made: made)
module("tqdm", tqdm=lambda items, **_: items)
here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "..", "main", "python"))
import llada_lm_eval  # noqa: E402

warnings = []
handler = logging.Handler()
handler.emit = lambda record: warnings.append(record.getMessage())
llada_lm_eval.log.addHandler(handler)
llada_lm_eval.log.propagate = False


def asks(*each):
    return [SimpleNamespace(args=one) for one in each]


model = llada_lm_eval.LLaDAJava(llada=sys.argv[1], model=sys.argv[2], mc_num=1, gen_length=8)
words = "my lord " * 1000

# The last message is continued where the harness gives the beginning of an answer.
chat = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "The answer is"}]
assert model.apply_chat_template(chat, add_generation_prompt=False).endswith("\n\nThe answer is")
assert model.apply_chat_template(chat[:1]).endswith("<|start_header_id|>assistant<|end_header_id|>\n\n")
assert model.apply_chat_template(chat[:1], add_generation_prompt=True) == model.apply_chat_template(chat[:1])

# None, a text, a list with holes: all are stops. One item that is refused does not end the run.
texts = model.generate_until(asks(
    ("ROMEO:", {"until": None}), ("ROMEO:", {}), ("ROMEO:", {"until": ["\n", None], "max_gen_toks": None}),
    ("ROMEO:", {"until": "\n", "max_gen_toks": 4}), ("ROMEO:", {"max_gen_toks": 0}), ("", {}), (words, {})))
assert len(texts) == 7 and texts[0] == texts[1] and texts[0] != "" and "\n" not in texts[2] + texts[3]
assert texts[4] == ""
assert len(warnings) == 2 and "max_gen_toks" in warnings[0] and "did not fit" in warnings[1], warnings

warnings.clear()
answers = model.loglikelihood(asks(
    ("Good morrow, ", "my lord"), ("Good morrow", ""), (words, "ROMEO"), ("", words), ("", "\ud800")))
assert [type(value) for value, _ in answers] == [float] * 5
assert answers[0][0] < 0 and answers[1] == (0.0, True) and answers[2][0] < 0 and answers[3][0] < answers[0][0]
assert "did not fit" in warnings[0], warnings
rolling = model.loglikelihood_rolling(asks(("My lord",), ("",), (words,)))
assert rolling[0] < 0 and rolling[1] == 0.0 and rolling[2] < rolling[0]

try:
    llada_lm_eval.LLaDAJava(llada=sys.argv[1], model=sys.argv[2], gen_length=2000)
    raise AssertionError("a gen_length that leaves no room was taken")
except ValueError as error:
    assert "gen_length is 2000" in str(error)
model.server.close()
print("all as it should be")
