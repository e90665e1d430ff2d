"""Writes small tokenizers and the ids that Hugging Face's tokenizers library gives for them.

usage: python tokenizer_fixtures.py OUTPUT_FOLDER        (pip install tokenizers==0.23.*)

One JSON file per group: [{name, tokenizer (the text of a tokenizer.json), cases: [{text, ids,
decoded, decoded_skip_special}]}]. The expected values are the library's; nothing is computed here.
"""

import copy
import json
import pathlib
import sys

from tokenizers import Tokenizer
from tokenizers.pre_tokenizers import ByteLevel

LLADA = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*"
    r"|\s*[\r\n]|\s+(?!\S)|\s+"
)
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
MERGES = [
    "h e", "t he", "Ġ the", "l l", "he ll", "hell o", "i n", "Ġ Ġ", "Ġ w", "o r", "or l", "Ġw orl",
    "Ġworl d", "1 2", "a b", "b c", "ab c", "Ã ©", "a a", "aa aa", "aa b", "Ċ Ċ", "s t", "' s",
]  # fmt: skip
BYTES = sorted(ByteLevel.alphabet())
TEXTS = [
    "", "hello world", "  hello   world  ", "the the\n\nthe \n x", "abc abcabc bc aab aaaaab aaaaaaa",
    "it's IT'S we'Ll they'RE '\u017fx I'D", "12 1234 12345 \u0661\u0662 \u00bd", "caf\u00e9 cafe\u0301 \ufb01",
    "\u212b \u1e9b\u0323 \uac01 \u1100\u1161\u11a8", "\u00a0\u2003x\u3000y\u0085z\u2028", "a\r\nb\r\r\n", "\t\tif (x) {\n",
    "\U0001f600\U0001f468\u200d\U0001f469 \U00010400", "\u4f60\u597d\uff0c\u4e16\u754c!!!", "a<x>b", " <x> ", "hello<x>", "<x><y><x>",
    "  <y>  <y> ", "a <y> b", "<xx> <x <x>>", "in<z>in", "<z>", " <z>, (<z>) _<z> 1<z> \u00e9<z>\u00e9", "\n<y>\n\n<x>\n",
    "caf\u00e9tok cafe\u0301tok", "TOK tok Tok", "x\u0130\u0131\u03a3\u03c3\u03c2", "a-b--c---d", "--a--", "a..b.c...", "-", "a - b",
]  # fmt: skip


def base():
    vocab = {b: i for i, b in enumerate(BYTES)}
    for merge in MERGES:
        vocab[merge.replace(" ", "")] = len(vocab)
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None}
    model |= {"end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False}
    model |= {"vocab": vocab, "merges": [m.split(" ") for m in MERGES]}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": {"type": "NFC"},
        "pre_tokenizer": sequence(split({"Regex": LLADA})), "post_processor": None,
        "decoder": byte_level(use_regex=True), "model": model,
    }  # fmt: skip


def byte_level(use_regex=False, add_prefix_space=False):
    return {"type": "ByteLevel", "add_prefix_space": add_prefix_space, "trim_offsets": True, "use_regex": use_regex}


def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def sequence(*steps, last=None):
    return {"type": "Sequence", "pretokenizers": [*steps, last or byte_level()]}


def added(*tokens):
    """Tokens as (content, flags); n normalized, l lstrip, r rstrip, w single_word, s special."""
    flags = {"normalized": "n", "lstrip": "l", "rstrip": "r", "single_word": "w", "special": "s"}
    vocab = dict(base()["model"]["vocab"])
    return [
        {"id": vocab.setdefault(c, len(vocab)), "content": c} | {name: letter in f for name, letter in flags.items()}
        for c, f in tokens
    ]


def fixture(name, texts=TEXTS, model=None, decode=True, **changes):
    spec = copy.deepcopy(base()) | changes
    spec["model"] |= model or {}
    text = json.dumps(spec, ensure_ascii=False, separators=(",", ":"))
    tokenizer = Tokenizer.from_str(text)
    cases = []
    for t in texts:
        ids = tokenizer.encode(t, add_special_tokens=False).ids
        case = {"text": t, "ids": ids}
        if decode:
            case["decoded"] = tokenizer.decode(ids, skip_special_tokens=False)
            case["decoded_skip_special"] = tokenizer.decode(ids, skip_special_tokens=True)
        cases.append(case)
    return {"name": name, "tokenizer": text, "cases": cases}


def added_tokens():
    for flags in ["", "s", "l", "r", "lr", "w", "wlr", "n", "nlr", "nw", "snlrw"]:
        tokens = added(("<x>", flags), ("<y>", flags), ("<xx>", ""), ("<z>", flags), ("<x", "n"))
        yield fixture("flags " + (flags or "none"), added_tokens=tokens)
    words = [("caf\u00e9tok", "n"), ("cafe\u0301tok", ""), ("tok", "nw"), ("in", ""), ("inin", "l")]
    yield fixture("words", added_tokens=added(*words)[:3])
    yield fixture("prefixes", added_tokens=added(("ab", ""), ("abc", ""), ("bcab", "r"), ("\n", "r"), (" ", "")))
    lower = {"type": "Lowercase"}
    # Version 0.23 decodes such tokens as normalised; earlier ones, and this project, as they are.
    tokens = added(("TOK", "n"), ("Tok", ""), ("<Z>", "nw"))
    yield fixture("lowercase", normalizer=lower, added_tokens=tokens, decode=False)
    spaced = [("a b", "s"), ("caf\u00e9", "s"), ("\u4f60", "")]
    yield fixture("not bytes", texts=[*TEXTS, "a b caf\u00e9 \u4f60\u597d"], added_tokens=added(*spaced))


def splitting():
    for behavior in ["Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"]:
        for invert in [False, True]:
            for kind, pattern in {"Regex": r"-|\.+", "String": "-"}.items():
                steps = sequence(split({kind: pattern}, behavior, invert))
                yield fixture(f"{behavior} {kind} {'inverted' if invert else ''}", pre_tokenizer=steps)
        steps = sequence(split({"Regex": r"-*"}, behavior, False))
        yield fixture(f"{behavior} of empty matches", pre_tokenizer=steps)
    for individual in [False, True]:
        digits = {"type": "Digits", "individual_digits": individual}
        yield fixture(f"digits {individual}", pre_tokenizer=sequence(digits, last=byte_level(True, True)))
    for regex in [False, True]:
        yield fixture(f"byte level {regex}", pre_tokenizer=byte_level(regex))
        prefix = sequence(split({"String": " "}), last=byte_level(regex, True))
        yield fixture(f"prefix space {regex}", pre_tokenizer=prefix, added_tokens=added(("<x>", "")))
        inner = sequence(split({"Regex": LLADA}), last=byte_level(regex))
        outer = sequence(split({"String": "\n"}, "MergedWithPrevious"), last=inner)
        yield fixture(f"two splits {regex}", pre_tokenizer=outer)


def patterns():
    for name, regex in {
        "llama 3": LLAMA3, "o200k": O200K, "lazy": r"<.*?>|\w+?b|a{2,3}?", "count": r"a{2}|b{1,2}|\d{,2}|[0-9]{3,}",
        "count possessive": r"\p{N}{1,2}+|a{2}?", "anchors": r"^\w|\w$|\bt|\Ah|d\z", "atomic": r"(?>a+)b|(?>a|aa)c",
        "groups": r"(?:ab)+c|(a|b)*c|(?:a|ab)(?:c|bc)", "nested": r"(?:(?:a*)*|b)*c", "sets": r"[[a-c]&&[^b]]+|[\w&&[^\d]]|[]x]",
        "case": r"(?i)the|(?i:K|\u212a|tok)|(?-i:H)", "ahead": r"\w(?=,)|(?=h)\w+|\w+(?! )", "posix": r"[[:alpha:]]+|[[:^space:]]",
        "properties": r"\p{Han}+|\p{Lu}|\P{L}|\p{^N}|\p{Alphabetic}", "hex": r"\x61|\x{1F600}|\u4f60|\h", "dot": r".|\n",
        "space": r"\s|\S+", "word": r"\w+|\W", "brace": r"{|a{|}", "plus": r"a++a|(?:ab)?+c|b*+", "empty": r"|a",
        "many": r"(?:a|b|c|1|2)+?(?:\s|$)", "optional": r"(?i:THE)?(?: |-)?\p{L}{0,2}",
    }.items():  # fmt: skip
        yield fixture(name, pre_tokenizer=sequence(split({"Regex": regex})))


def models():
    yield fixture("ignore merges", model={"ignore_merges": True, "merges": [["h", "e"]]})
    yield fixture("merges as text", model={"merges": MERGES})
    vocab = {k: i for i, k in enumerate(k for k in base()["model"]["vocab"] if k not in "xyz<>")}
    for unknown in [None, "a"]:
        for fuse in [False, True]:
            changes = {"vocab": vocab, "unk_token": unknown, "fuse_unk": fuse}
            yield fixture(f"bytes missing, unknown {unknown} {fuse}", model=changes)
    for form in ["NFC", "NFD", "NFKC", "NFKD"]:
        yield fixture(form, normalizer={"type": form})
    steps = [{"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}, {"type": "Lowercase"}]
    steps += [{"type": "Replace", "pattern": {"String": "-"}, "content": ""}, {"type": "Prepend", "prepend": "~"}]
    yield fixture("steps", normalizer={"type": "Sequence", "normalizers": steps}, added_tokens=added(("<x>", "")))
    yield fixture("no normalizer", normalizer=None)


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    for group in [added_tokens, splitting, patterns, models]:
        text = json.dumps(list(group()), ensure_ascii=True, indent=None, separators=(",", ":"))
        (folder / f"{group.__name__}.json").write_text(text + "\n")
