# SPDX-License-Identifier: Apache-2.0
"""Exports small modules of published libraries and transcribes them.

    python export.py [NAME..]    (development only; no test runs it)

Needs torch, onnx, onnxscript, transformers. Writes attention/NAME.json and
norms/NAME.json beside itself. Every case is a function that gives a module
and the shapes of its inputs, in B, T and numbers; it is named for exporter
and opset: "ts17", "dynamo18", "dynamo20"; "static" fixes B = 2, T = 7.
"""
import io
import pathlib
import sys
import traceback
import warnings

import onnx
import torch
import torch.nn.functional as F
import transformers
from torch import nn

import transcribe

HERE = pathlib.Path(__file__).parent
CASES = {}
B, T = "B", "T"


def case(name, exporter, folder="attention", static=False, meta=None, outputs=None):
    def add(make):
        CASES[name] = (make, exporter, folder, static, meta, outputs)
        return make
    return add


def shapes_at(spec, size):
    return {n: [transcribe.evaluate(d, size) for d in s[0]] for n, s in spec.items()}


def example(spec, size):
    out = []
    for name, shape in shapes_at(spec, size).items():
        dtype = spec[name][1]
        x = torch.randn(shape)
        out.append(x if dtype is torch.float32 else (x > -1).to(dtype))
    return tuple(out)


def export(module, spec, exporter, static):
    args = example(spec, (2, 7))
    kind, opset = exporter.rstrip("0123456789"), int(exporter.lstrip("tsdynamo"))
    buffer = io.BytesIO()
    names = list(spec)
    if kind == "ts":
        axes = {n: {i: f"{n}{i}" for i, d in enumerate(s[0]) if isinstance(d, str)}
                for n, s in spec.items()}
        torch.onnx.export(module, args, buffer, dynamo=False, opset_version=opset,
                          input_names=names, dynamic_axes=None if static else axes)
        return onnx.load_from_string(buffer.getvalue())
    dims = {B: torch.export.Dim("B", min=2, max=64), T: torch.export.Dim("T", min=2, max=64)}
    shapes = tuple({i: dims.get(d, torch.export.Dim.AUTO) for i, d in enumerate(s[0]) if isinstance(d, str)}
                   for s in spec.values())
    if isinstance(module, Call) or len(spec) > 3 and isinstance(module, Written):
        shapes = shapes[:3] + (shapes[3:],) if isinstance(module, Written) else (shapes,)
    program = torch.onnx.export(module, args, dynamo=True, opset_version=opset, verbose=False,
                                input_names=names, dynamic_shapes=None if static else shapes)
    return program.model_proto


def run(name):
    make, exporter, folder, static, meta, outputs = CASES[name]
    torch.manual_seed(0)
    module, spec, what = make()
    module.eval()
    with torch.no_grad():
        model = export(module, spec, exporter, static)
    kind = "TorchScript" if exporter.startswith("ts") else "dynamo"
    opset = max(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
    doc = [f"{what}, exported by PyTorch {torch.__version__.split('+')[0]}, {kind}, opset {opset}"
           + (", fixed sizes." if static else ".")]
    text = transcribe.transcribe(model, doc, meta or {"fuses": "attention"}, spec, static, outputs)
    (HERE / folder / f"{name}.json").write_text(text, encoding="utf-8")


HF = f"transformers {transformers.__version__}"
FLOAT, BOOL, LONG = torch.float32, torch.bool, torch.int64


class Sdpa(nn.Module):
    def __init__(self, **how):
        super().__init__()
        self.how = how

    def forward(self, q, k, v, mask=None):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, **self.how)


def heads(h=2, t=T, kv=2):
    return {"q": ((B, h, t, 4), FLOAT), "k": ((B, kv, T, 4), FLOAT), "v": ((B, kv, T, 4), FLOAT)}


@case("sdpa_ts17", "ts17")
@case("sdpa_dynamo18", "dynamo18")
@case("sdpa_dynamo20_static", "dynamo20", static=True)
def sdpa():
    return Sdpa(), heads(), "torch.nn.functional.scaled_dot_product_attention"


@case("sdpa_causal_ts17", "ts17")
@case("sdpa_causal_dynamo18", "dynamo18")
def sdpa_causal():
    return Sdpa(is_causal=True), heads(), "scaled_dot_product_attention(is_causal=True)"


@case("sdpa_bool_ts17", "ts17")
@case("sdpa_bool_dynamo20", "dynamo20")
def sdpa_bool():
    spec = heads() | {"mask": ((B, 1, T, T), BOOL)}
    return Sdpa(), spec, "scaled_dot_product_attention with a mask of truth values"


@case("sdpa_float_ts17", "ts17")
@case("sdpa_float_dynamo18", "dynamo18")
def sdpa_float():
    spec = heads() | {"mask": ((B, 1, 1, T), FLOAT)}
    return Sdpa(scale=0.25), spec, "scaled_dot_product_attention(scale=0.25) with an additive mask"


@case("sdpa_gqa_ts17", "ts17")
@case("sdpa_gqa_dynamo18", "dynamo18")
def sdpa_gqa():
    return Sdpa(enable_gqa=True), heads(h=4), "scaled_dot_product_attention(enable_gqa=True)"


class Mha(nn.Module):
    def __init__(self, **how):
        super().__init__()
        self.m = nn.MultiheadAttention(8, 2, batch_first=True)
        self.how = how

    def forward(self, x, pad=None):
        return self.m(x, x, x, key_padding_mask=pad, need_weights=False, **self.how)[0]


@case("mha_ts17", "ts17")
@case("mha_dynamo18", "dynamo18")
def mha():
    return Mha(), {"x": ((B, T, 8), FLOAT)}, "torch.nn.MultiheadAttention(8, 2)"


@case("mha_padding_ts17", "ts17")
@case("mha_padding_dynamo18", "dynamo18")
def mha_padding():
    spec = {"x": ((B, T, 8), FLOAT), "pad": ((B, T), BOOL)}
    return Mha(), spec, "torch.nn.MultiheadAttention(8, 2) with key_padding_mask"


class MhaWeights(nn.Module):
    def __init__(self):
        super().__init__()
        self.m = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, q, k):
        return self.m(q, k, k, need_weights=True)


@case("mha_weights_unused_ts17", "ts17", static=True, outputs=1)
def mha_weights_unused():
    spec = {"q": ((B, 5, 8), FLOAT), "k": ((B, T, 8), FLOAT)}
    return MhaWeights(), spec, "torch.nn.MultiheadAttention(8, 2), cross attention, weights made and unused"


# ---- transformers ----

class Call(nn.Module):
    """A module called by keyword; the first of several results."""

    def __init__(self, m, names, **more):
        super().__init__()
        self.m, self.names, self.more = m, names, more

    def forward(self, *args):
        out = self.m(**dict(zip(self.names, args)), **self.more)
        return out[0] if isinstance(out, tuple) else out


def config(kind, how="eager", **more):
    c = getattr(transformers, kind)(**more)
    c._attn_implementation = how
    return c


def bert_config(kind="BertConfig", how="eager"):
    return config(kind, how, hidden_size=8, num_attention_heads=2, intermediate_size=16,
                  num_hidden_layers=1, vocab_size=10, max_position_embeddings=64)


X = {"x": ((B, T, 8), FLOAT)}
ADD = {"mask": ((B, 1, T, T), FLOAT)}
ROW = {"mask": ((B, 1, 1, T), FLOAT)}
TRUTH = {"mask": ((B, 1, T, T), BOOL)}


@case("bert_eager_ts17", "ts17")
@case("bert_eager_dynamo18", "dynamo18")
def bert_eager():
    from transformers.models.bert.modeling_bert import BertSelfAttention
    m = BertSelfAttention(bert_config())
    return Call(m, ["hidden_states", "attention_mask"]), X | ROW, f"{HF}, BertSelfAttention, eager"


@case("bert_sdpa_ts17", "ts17")
@case("bert_sdpa_dynamo20", "dynamo20")
def bert_sdpa():
    from transformers.models.bert.modeling_bert import BertSelfAttention
    m = BertSelfAttention(bert_config(how="sdpa"))
    return Call(m, ["hidden_states", "attention_mask"]), X | TRUTH, f"{HF}, BertSelfAttention, sdpa"


class Llama(nn.Module):
    def __init__(self, how, kind="Llama", **more):
        super().__init__()
        import importlib
        lib = importlib.import_module(f"transformers.models.{kind.lower()}.modeling_{kind.lower()}")
        c = config(f"{kind}Config", how, hidden_size=8, num_attention_heads=2, num_key_value_heads=1,
                   head_dim=4, intermediate_size=16, num_hidden_layers=2, vocab_size=10,
                   max_position_embeddings=64, **more)
        self.rotary = getattr(lib, f"{kind}RotaryEmbedding")(c)
        self.m = getattr(lib, f"{kind}Attention")(c, 0)

    def forward(self, x, mask):
        at = torch.arange(x.shape[1]).unsqueeze(0)
        return self.m(x, position_embeddings=self.rotary(x, at), attention_mask=mask)[0]


@case("llama_eager_ts17", "ts17")
@case("llama_eager_dynamo18", "dynamo18")
def llama_eager():
    return Llama("eager"), X | ADD, f"{HF}, LlamaAttention (grouped heads, rotary positions), eager"


@case("llama_sdpa_ts17", "ts17")
@case("llama_sdpa_dynamo20", "dynamo20")
def llama_sdpa():
    return Llama("sdpa"), X | TRUTH, f"{HF}, LlamaAttention (grouped heads, rotary positions), sdpa"


@case("gemma2_eager_ts17", "ts17")
@case("gemma2_eager_dynamo18", "dynamo18")
def gemma2():
    m = Llama("eager", "Gemma2", attn_logit_softcapping=5.0, query_pre_attn_scalar=4, sliding_window=4)
    return m, X | ADD, f"{HF}, Gemma2Attention (soft cap), eager"


class Bounded(nn.Module):
    """A whole model of one layer, fed with embeddings and a padding mask."""

    def __init__(self, m, key="inputs_embeds"):
        super().__init__()
        self.m, self.key = m, key

    def forward(self, x, mask=None):
        more = {} if mask is None else {"attention_mask": mask}
        return self.m(**{self.key: x}, **more, **self.extra(mask))[0]

    def extra(self, mask):
        return {"use_cache": False}


class Encoder(Bounded):
    def extra(self, mask):
        return {}


class Typed(Bounded):
    def extra(self, mask):
        return {"token_type_ids": torch.zeros_like(mask)}


PAD = {"mask": ((B, T), LONG)}


@case("llama_model_ts17", "ts17")
@case("llama_model_dynamo18", "dynamo18")
def llama_model():
    c = config("LlamaConfig", "sdpa", hidden_size=8, num_attention_heads=2, num_key_value_heads=1,
               intermediate_size=16, num_hidden_layers=1, vocab_size=10, max_position_embeddings=64)
    return Bounded(transformers.LlamaModel(c)), X | PAD, f"{HF}, LlamaModel of one layer, padding mask, sdpa"


@case("gemma2_model_dynamo18", "dynamo18")
@case("gemma2_model_ts17", "ts17")
def gemma2_model():
    c = config("Gemma2Config", "eager", hidden_size=8, num_attention_heads=2, num_key_value_heads=1,
               head_dim=4, intermediate_size=16, num_hidden_layers=1, vocab_size=10, sliding_window=4,
               layer_types=["sliding_attention"], query_pre_attn_scalar=4, max_position_embeddings=64)
    return Bounded(transformers.Gemma2Model(c)), X | PAD, f"{HF}, Gemma2Model of one layer, sliding window, soft cap, eager"


@case("mistral_model_ts17", "ts17")
@case("mistral_model_dynamo18", "dynamo18")
def mistral_model():
    c = config("MistralConfig", "eager", hidden_size=8, num_attention_heads=2, num_key_value_heads=1,
               head_dim=4, intermediate_size=16, num_hidden_layers=1, vocab_size=10, sliding_window=4,
               max_position_embeddings=64)
    return Bounded(transformers.MistralModel(c)), X | PAD, f"{HF}, MistralModel of one layer, sliding window, eager"


@case("bert_model_ts17", "ts17")
@case("bert_model_dynamo18", "dynamo18")
def bert_model():
    m = transformers.BertModel(bert_config(how="sdpa"), add_pooling_layer=False)
    return Typed(m), X | PAD, f"{HF}, BertModel of one layer, padding mask, sdpa"


@case("gpt2_eager_ts17", "ts17")
@case("gpt2_eager_dynamo18", "dynamo18")
def gpt2():
    from transformers.models.gpt2.modeling_gpt2 import GPT2Attention
    c = config("GPT2Config", n_embd=8, n_head=2, n_layer=1, n_positions=64, vocab_size=10)
    m = GPT2Attention(c, layer_idx=0)
    return Call(m, ["hidden_states", "attention_mask"]), X | ADD, f"{HF}, GPT2Attention, eager"


@case("gpt2_model_ts17", "ts17")
def gpt2_model():
    c = config("GPT2Config", "sdpa", n_embd=8, n_head=2, n_layer=1, n_positions=64, vocab_size=10)
    return Bounded(transformers.GPT2Model(c)), X | PAD, f"{HF}, GPT2Model of one layer, padding mask, sdpa"


@case("t5_model_ts17", "ts17")
@case("t5_model_dynamo18", "dynamo18")
def t5():
    c = config("T5Config", "eager", d_model=8, d_kv=4, d_ff=16, num_layers=1, num_heads=2, vocab_size=10,
               relative_attention_num_buckets=8, relative_attention_max_distance=16, is_encoder_decoder=False)
    m = transformers.T5EncoderModel(c)
    return Encoder(m), X | PAD, f"{HF}, T5EncoderModel of one layer (relative bias, no scale), eager"


@case("distilbert_model_ts17", "ts17")
@case("distilbert_model_dynamo18", "dynamo18")
def distilbert():
    c = config("DistilBertConfig", "eager", dim=8, n_heads=2, hidden_dim=16, n_layers=1, vocab_size=10,
               max_position_embeddings=64)
    return Encoder(transformers.DistilBertModel(c)), X | PAD, f"{HF}, DistilBertModel of one layer, eager"


@case("vit_ts17", "ts17")
@case("vit_dynamo20", "dynamo20")
def vit():
    from transformers.models.vit import modeling_vit
    c = config("ViTConfig", "sdpa", hidden_size=8, num_attention_heads=2, intermediate_size=16)
    kind = getattr(modeling_vit, "ViTSelfAttention", None) or modeling_vit.ViTAttention
    return Call(kind(c), ["hidden_states"]), X, f"{HF}, {kind.__name__}, sdpa"


@case("albert_ts17", "ts17")
def albert():
    from transformers.models.albert.modeling_albert import AlbertAttention
    m = AlbertAttention(bert_config("AlbertConfig"))
    return Call(m, ["hidden_states", "attention_mask"]), X | ROW, f"{HF}, AlbertAttention (with its norm), eager"


@case("bloom_model_ts17", "ts17")
@case("bloom_model_dynamo18", "dynamo18")
def bloom():
    c = config("BloomConfig", "eager", hidden_size=8, n_head=2, n_layer=1, vocab_size=10)
    return Bounded(transformers.BloomModel(c)), X | PAD, f"{HF}, BloomModel of one layer (ALiBi), eager"


@case("whisper_cross_ts17", "ts17")
@case("whisper_cross_dynamo18", "dynamo18")
def whisper():
    from transformers.models.whisper.modeling_whisper import WhisperAttention
    c = config("WhisperConfig", "eager", d_model=8)
    m = WhisperAttention(8, 2, is_decoder=False, layer_idx=0, config=c)
    spec = {"x": ((B, 5, 8), FLOAT), "keys": ((B, T, 8), FLOAT)}
    return Call(m, ["hidden_states", "key_value_states"]), spec, f"{HF}, WhisperAttention over other keys, eager"


@case("wavlm_ts17", "ts17")
def wavlm():
    from transformers.models.wavlm.modeling_wavlm import WavLMAttention
    m = WavLMAttention(8, 2, num_buckets=8, max_distance=16)
    return Call(m, ["hidden_states"]), X, f"{HF}, WavLMAttention (relative bias behind a gate made of the states)"


@case("deberta_ts17", "ts17", static=True)
def deberta():
    from transformers.models.deberta_v2.modeling_deberta_v2 import DisentangledSelfAttention
    c = config("DebertaV2Config", hidden_size=8, num_attention_heads=2, intermediate_size=16,
               max_position_embeddings=64)
    m = DisentangledSelfAttention(c)
    return Call(m, ["hidden_states", "attention_mask"]), X | TRUTH, f"{HF}, DebertaV2 DisentangledSelfAttention (content only)"


@case("encoder_layer_ts17", "ts17")
@case("encoder_layer_dynamo18", "dynamo18")
def encoder_layer():
    m = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation="gelu")
    return m, X, "torch.nn.TransformerEncoderLayer(8, 2, 16, activation=gelu)"


# ---- what must not fuse ----

SPLIT = "weights are products, quotients or guards of exp(scores)"
ALONE = "scores and weights are used by the attention alone"
TAKEN = "what is taken from the scores is their maximum over the keys"
ONE = "one contraction makes the scores"


class Written(nn.Module):
    """Attention written out; `f` gives the results."""

    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, q, k, v, *more):
        return self.f(q, k, v, *more)


def near(name, predicate, what, f, more=None):
    def make():
        return Written(f), heads() | (more or {}), f"Written out: {what}"
    case(name, "ts17", meta={"nearly": "attention", "predicate": predicate})(make)


def wrote(name, what, f, exporter="ts17", more=None):
    def make():
        return Written(f), heads() | (more or {}), f"Written out: {what}"
    case(name, exporter)(make)


def scores(q, k):
    return q @ k.transpose(-1, -2) * 0.5


def over_queries(q, k, v):
    return scores(q, k).softmax(-2) @ v


def returned(q, k, v):
    w = scores(q, k).softmax(-1)
    return w @ v, w


def reused(q, k, v):
    s = scores(q, k)
    return s.softmax(-1) @ v, s.amax(-1)


def two_products(q, k, v, r):
    return (scores(q, k) + q @ r.transpose(-1, -2)).softmax(-1) @ v


def cut_off(q, k, v):
    return F.relu(scores(q, k).softmax(-1) - 0.05) @ v


def squared(q, k, v):
    return (scores(q, k).softmax(-1) + 0.01) ** 2 @ v


def standardised(q, k, v):
    s = scores(q, k)
    s = (s - s.mean(-1, keepdim=True)) / (s.std(-1, keepdim=True, unbiased=False) + 1e-3)
    return s.softmax(-1) @ v


def twice(q, k, v):
    return scores(q, k).softmax(-1).softmax(-1) @ v


def less_mean(q, k, v):
    s = scores(q, k)
    e = torch.exp(s - s.mean(-1, keepdim=True))
    return e / e.sum(-1, keepdim=True) @ v


def entropy(q, k, v):
    w = scores(q, k).softmax(-1)
    return w @ v, (w * w).sum(-1)


near("near_returned", ALONE, "the weights are a result", returned)
near("near_reused", ALONE, "the scores are used again", reused)
near("near_over_queries", TAKEN, "softmax over the queries", over_queries)
near("near_two_products", ONE, "scores of two products, content and place", two_products,
     {"r": ((B, 2, T, 4), FLOAT)})
near("near_cut_off", SPLIT, "small weights are cut off", cut_off)
near("near_squared", SPLIT, "weights squared, without a new sum", squared)
near("near_standardised", TAKEN, "scores less their mean, over their deviation", standardised)
near("near_twice", TAKEN, "softmax of softmax", twice)
near("near_less_mean", TAKEN, "the mean is subtracted before exp, not the maximum", less_mean)
near("near_entropy", ALONE, "the sum of squared weights is a result", entropy)


# ---- spellings of the mathematics ----

def by_hand(q, k, v):
    s = scores(q, k)
    e = torch.exp(s - s.amax(-1, keepdim=True))
    return e / e.sum(-1, keepdim=True) @ v


def divided_last(q, k, v):
    s = scores(q, k)
    e = torch.exp(s - s.amax(-1, keepdim=True))
    return (e @ v) / e.sum(-1, keepdim=True)


def through_log(q, k, v):
    return torch.exp(F.log_softmax(scores(q, k), -1)) @ v


def less_logsumexp(q, k, v):
    s = scores(q, k)
    return torch.exp(s - torch.logsumexp(s, -1, keepdim=True)) @ v


def dropped(q, k, v, keep):
    return scores(q, k).softmax(-1) * keep / 0.9 @ v


def one_more(q, k, v):
    e = torch.exp(scores(q, k))
    return e / (1 + e.sum(-1, keepdim=True)) @ v


def masked_after(q, k, v, keep):
    w = scores(q, k).softmax(-1) * keep.to(q.dtype)
    return w / (w.sum(-1, keepdim=True) + 1e-9) @ v


def keys_first(q, k, v):
    s = k @ q.transpose(-1, -2) * 0.5
    w = s.softmax(-2)
    return w.transpose(-1, -2) @ v


def values_first(q, k, v):
    s = k @ q.transpose(-1, -2) * 0.5
    return (v.transpose(-1, -2) @ s.softmax(-2)).transpose(-1, -2)


def summed(q, k, v):
    s = torch.einsum("bhqd,bhkd->bhqk", q, k) / 2
    return torch.einsum("bhqk,bhkd->bqhd", s.softmax(-1), v)


def sink(q, k, v, s):
    x = torch.cat([scores(q, k), s.reshape(1, 2, 1, 1).expand(q.shape[0], 2, q.shape[2], 1)], -1)
    return x.softmax(-1)[..., :-1] @ v


def not_nan(q, k, v, keep):
    return torch.nan_to_num(scores(q, k).masked_fill(~keep, float("-inf")).softmax(-1)) @ v


def wenet(q, k, v, keep):
    hidden = keep.unsqueeze(1).eq(0)
    w = scores(q, k).masked_fill(hidden, float("-inf")).softmax(-1)
    return w.masked_fill(hidden, 0.0) @ v


wrote("written_nan_to_num_ts17", "nan_to_num after softmax", not_nan, more={"keep": ((B, 1, T, T), BOOL)})
wrote("written_nan_to_num_dynamo18", "nan_to_num after softmax", not_nan, "dynamo18", more={"keep": ((B, 1, T, T), BOOL)})
wrote("wenet_ts17", "WeNet, MultiHeadedAttention.forward_attention, after its source", wenet,
      more={"keep": ((B, 1, T), BOOL)})
wrote("written_by_hand_ts17", "exp and sum by hand", by_hand)
wrote("written_divided_last_dynamo18", "the sum divides the result", divided_last, "dynamo18")
wrote("written_log_softmax_ts17", "exp of log_softmax", through_log)
wrote("written_logsumexp_dynamo18", "exp of scores less logsumexp", less_logsumexp, "dynamo18")
wrote("written_dropped_ts17", "dropout's mask after softmax", dropped, more={"keep": ((B, 1, T, T), FLOAT)})
wrote("written_one_more_ts17", "softmax plus one, no maximum", one_more)
wrote("written_masked_after_ts17", "mask after softmax, summed again", masked_after,
      more={"keep": ((B, 1, T, T), BOOL)})
wrote("written_keys_first_ts17", "scores with the keys first", keys_first)
wrote("written_values_first_ts17", "scores and sums turned round", values_first)
wrote("written_einsum_dynamo18", "einsum", summed, "dynamo18")
wrote("written_sink_ts17", "a sink as one more score, as in gpt-oss", sink, more={"s": ((2,), FLOAT)})


# ---- norms and feed-forward layers ----

class Functional(nn.Module):
    def __init__(self, f, *parameters):
        super().__init__()
        self.f = f
        self.p = nn.ParameterList([nn.Parameter(torch.randn(*s)) for s in parameters])

    def forward(self, x):
        return self.f(x, *self.p)


WIDE = {"x": ((B, T, 24), FLOAT)}


def norm(name, exporter, kernels, what, make, spec=None):
    case(name, exporter, "norms", meta={"kernels": kernels})(lambda: (make(), spec or WIDE, what))


def model(kind, name):
    import importlib
    lib = importlib.import_module(f"transformers.models.{kind}.modeling_{kind}")
    return getattr(lib, name)


def ffn(kind, name, config_kind, act, **more):
    c = config(config_kind, hidden_size=24, num_attention_heads=2, num_key_value_heads=2, intermediate_size=40, **{act[0]: act[1]}, **more)
    return model(kind, name)(c)


norm("layer_norm_ts14", "ts14", 1, "torch.nn.LayerNorm(24)", lambda: nn.LayerNorm(24))
norm("layer_norm_dynamo18", "dynamo18", 1, "torch.nn.LayerNorm(24)", lambda: nn.LayerNorm(24))
norm("rms_norm_dynamo18", "dynamo18", 1, "torch.nn.RMSNorm(24)", lambda: nn.RMSNorm(24, eps=1e-6))
norm("llama_norm_ts17", "ts17", 1, f"{HF}, LlamaRMSNorm", lambda: model("llama", "LlamaRMSNorm")(24))
norm("llama_norm_dynamo18", "dynamo18", 1, f"{HF}, LlamaRMSNorm", lambda: model("llama", "LlamaRMSNorm")(24))
norm("gemma2_norm_ts17", "ts17", 1, f"{HF}, Gemma2RMSNorm", lambda: model("gemma2", "Gemma2RMSNorm")(24))
norm("t5_norm_ts17", "ts17", 1, f"{HF}, T5LayerNorm", lambda: model("t5", "T5LayerNorm")(24))
norm("variance_dynamo18", "dynamo18", 1, "A norm through var()", lambda: Functional(
    lambda x, w, b: (x - x.mean(-1, keepdim=True)) / torch.sqrt(x.var(-1, unbiased=False, keepdim=True) + 1e-5) * w + b,
    (24,), (24,)))
norm("deviation_ts17", "ts17", 1, "The norm of The Annotated Transformer: std() with n-1, eps outside", lambda: Functional(
    lambda x, w, b: w * (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-6) + b, (24,), (24,)))
norm("llama_ffn_ts17", "ts17", 3, f"{HF}, LlamaMLP", lambda: ffn("llama", "LlamaMLP", "LlamaConfig", ("hidden_act", "silu")))
norm("llama_ffn_dynamo18", "dynamo18", 3, f"{HF}, LlamaMLP", lambda: ffn("llama", "LlamaMLP", "LlamaConfig", ("hidden_act", "silu")))
norm("gemma2_ffn_ts17", "ts17", 3, f"{HF}, Gemma2MLP (tanh GELU)", lambda: ffn(
    "gemma2", "Gemma2MLP", "Gemma2Config", ("hidden_activation", "gelu_pytorch_tanh")))
norm("phi3_ffn_ts17", "ts17", 3, f"{HF}, Phi3MLP (gate and up in one weight)", lambda: ffn(
    "phi3", "Phi3MLP", "Phi3Config", ("hidden_act", "silu"), pad_token_id=0))
norm("gelu_ffn_ts17", "ts17", 2, "torch.nn: Linear, GELU, Linear", lambda: nn.Sequential(
    nn.Linear(24, 40), nn.GELU(), nn.Linear(40, 24)))
norm("gelu_ffn_dynamo18", "dynamo18", 2, "torch.nn: Linear, GELU, Linear", lambda: nn.Sequential(
    nn.Linear(24, 40), nn.GELU(), nn.Linear(40, 24)))
norm("gpt2_ffn_ts17", "ts17", 2, f"{HF}, GPT2MLP (gelu_new)", lambda: model("gpt2", "GPT2MLP")(
    40, config("GPT2Config", n_embd=24, n_head=2)))


def main():
    warnings.filterwarnings("ignore")
    failed = 0
    for name in sys.argv[1:] or CASES:
        try:
            run(name)
            print("ok  ", name)
        except Exception as e:  # one that fails leaves the others
            failed += 1
            print("FAIL", name, type(e).__name__, str(e).strip()[:160].replace("\n", " "))
            if len(sys.argv) == 2:
                traceback.print_exc()
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
