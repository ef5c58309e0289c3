# SPDX-License-Identifier: Apache-2.0
"""Exports the MoE layers of transformers and transcribes them.

    python export_moe.py [NAME..]    (development only; no test runs it)

As export.py; needs a transformers whose experts are loops (4.46, 4.57): a case
whose model the installed one lacks fails and leaves the others.
"""
import sys

import torch
from torch import nn

import export

B = "B"
SIZES = dict(hidden_size=6, intermediate_size=8, num_attention_heads=2, num_key_value_heads=2)
X = {"x": ((B, 3, 6), torch.float32)}
# Experts without a token are not traced at all.
X8 = {"x": ((B, 8, 6), torch.float32)}


class First(nn.Module):
    """The hidden states alone, of a layer that gives the logits as well."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer
        with torch.no_grad():
            for p in self.parameters():
                p.normal_(0, 0.5)

    def forward(self, x):
        y = self.layer(x)
        return y[0] if isinstance(y, tuple) else y


def moe(name, kind, layer, config, exporter="ts17", meta=None, inputs=X, how=None, **more):
    def make():
        c = export.config(config, **{**SIZES, **more})
        c._experts_implementation = how
        return First(export.model(kind, layer)(c)), inputs, f"{export.HF}, {layer}"
    export.case(name, exporter, "moe", meta=meta or {"fuses": "moe", "finite": True})(make)


def near(predicate):
    return {"nearly": "moe", "predicate": predicate, "finite": True}


# Version 4.46: a loop over all experts. Version 4.57: DeepSeek's is one, Mixtral's
# goes over the experts that were hit.
moe("mixtral_loop_ts17", "mixtral", "MixtralSparseMoeBlock", "MixtralConfig",
    num_local_experts=3, num_experts_per_tok=2)
moe("qwen2_moe_loop_ts17", "qwen2_moe", "Qwen2MoeSparseMoeBlock", "Qwen2MoeConfig", num_experts=3,
    num_experts_per_tok=2, moe_intermediate_size=8, shared_expert_intermediate_size=4)
moe("olmoe_loop_ts17", "olmoe", "OlmoeSparseMoeBlock", "OlmoeConfig", num_experts=3,
    num_experts_per_tok=2)
moe("deepseek_v3_loop_ts17", "deepseek_v3", "DeepseekV3MoE", "DeepseekV3Config",
    moe_intermediate_size=8, n_routed_experts=4, n_shared_experts=1, num_experts_per_tok=2, n_group=2,
    topk_group=1, inputs=X8)
moe("near_mixtral_hits_ts17", "mixtral", "MixtralSparseMoeBlock", "MixtralConfig",
    meta=near("which expert it is, is a number or an axis"), num_local_experts=3, num_experts_per_tok=2)
moe("near_llama4_ts17", "llama4", "Llama4TextMoe", "Llama4TextConfig",
    meta=near("an expert's factor is 0 unless it is among the ids"), num_local_experts=3,
    num_experts_per_tok=1, intermediate_size_mlp=8)

# Version 5: experts of all tokens gathered.
for number, (kind, config) in enumerate((("mixtral", "MixtralConfig"), ("qwen3_moe", "Qwen3MoeConfig"))):
    for exporter in ("ts17", "dynamo20"):
        moe(f"{kind}_batched_{exporter}", kind, ("MixtralSparseMoeBlock", "Qwen3MoeSparseMoeBlock")[number],
            config, exporter, how="batched_mm", num_experts=3, num_local_experts=3,
            num_experts_per_tok=2, moe_intermediate_size=8)

if __name__ == "__main__":
    sys.exit(export.main())
