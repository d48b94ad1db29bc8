"""C2C-MoLA: from the picture of a chart to the matplotlib code that draws it (arXiv 2511.23321).

    pixel_values (B, 3, 512, 512)
      | convolutional stream, fine        transformers backbone (ResNet, ConvNeXtV2, ...)
      | transformer stream, global        transformers vision model (SigLIP, ...)
      v
    visual tokens (B, M, d)               both streams on one grid, added after projection (Eq. 4)
      v
    complexity c(x) (Eq. 3) -> router (Eq. 8, 10) -> gates per visual token and per chart
      v
    connector                             MLP with mixture-of-LoRA layers, gates per visual token
      v
    Qwen2 decoder                         mixture-of-LoRA projections, gates per chart; every n-th layer attends to the
      v                                   visual tokens
    matplotlib code

Differences from the paper, and why:
- The "DeepSeek-Coder vision backbone" does not exist (DeepSeek-Coder reads text); two streams are what the text
  describes.
- Eq. 5 scores positions only, and a linear layer over a concatenation is additive, so that the text position cancels
  in the softmax. Here: multi-head dot-product attention on content plus position (`cross_attention_form="printed"`
  keeps the printed form for the record).
- Experts are low-rank, inside the connector's MLP and the decoder's projections, not whole FFNs.
- `C2CMolaCellReader` gives vision streams that start from nothing a direct training signal: each visual token tells
  the characters in its cell and the values of its marks. Through the decoder alone they take very long to learn to
  read digits, and values off an axis, since it first has to learn where to look. What it tells is added to the tokens:
  read without that, the decoder's first digit of a bar was right in 72 % where the reader's was in 82 %.
- `C2CMolaMarkOrder` tells each mark its rank and what the next one says, in the orders in which programs list marks.
- Gradient checkpointing is transformers' own, of decoder layers (`every_n_layers=4` for the paper's one in four). The
  router and the connector, all that picks experts by token and draws noise, are outside of it and never run twice; a
  decoder layer's low-rank pairs, a hundredth of its cost, are computed again with it.
- Vision and routing run once per chart: `generate` turns the chart into cross-attention keys and values and gates
  first, and the decoding loop, beams and `num_return_sequences` included, reads those.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from transformers import AutoBackbone, AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForImageTextToText
from transformers import initialization as init
from transformers.cache_utils import Cache, DynamicCache
from transformers.generation import GenerationMixin
from transformers.masking_utils import create_causal_mask
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS, PreTrainedModel
from transformers.models.qwen2.modeling_qwen2 import (
    Qwen2Attention,
    Qwen2MLP,
    Qwen2RMSNorm,
    Qwen2RotaryEmbedding,
    apply_rotary_pos_emb,
    eager_attention_forward,
)
from transformers.utils import ModelOutput, can_return_tuple
from transformers.utils.generic import merge_with_config_defaults
from transformers.utils.output_capturing import OutputRecorder, capture_outputs

try:
    from .configuration_c2c_mola import C2CMolaConfig
    from .routing_c2c_mola import ComplexityMetric, MixtureOfLoraLinear, MixtureOfLoraModel, Router
except ImportError:  # imported as a flat file
    from configuration_c2c_mola import C2CMolaConfig
    from routing_c2c_mola import ComplexityMetric, MixtureOfLoraLinear, MixtureOfLoraModel, Router


# Inputs of at least so many tokens compute the chosen experts alone; on shorter ones, copying those costs more, but
# where a copy is no larger than all experts and decoding uses it again.
GATHER_LENGTH = 32


@dataclass
class C2CMolaImageFeatures(ModelOutput):
    """
    What the decoder needs to know of a chart, computed once.

    Args:
        visual_tokens (`torch.Tensor` of shape `(batch_size, M, hidden_size)`): What the connector makes of F_vis.
        chart_gates (`torch.Tensor` of shape `(batch_size, num_experts)`, *optional*): Gates of the decoder's experts.
        chart_experts (`torch.Tensor` of shape `(batch_size, num_experts_per_tok)`, *optional*): Those of them that
            are not 0.
        token_gates, router_logits, router_probs (`torch.Tensor` of shape `(batch_size, M, num_experts)`, *optional*):
            Gates of the connector's experts, scores before noise, p' of Eq. 8. `None` without experts.
        dropped_fraction (`torch.Tensor`, *optional*): Share of assignments refused by capacity (training).
        complexity (`torch.Tensor` of shape `(batch_size,)`): c(x) of Eq. 3.
        type_logits (`torch.Tensor` of shape `(batch_size, num_types)`), num_elements_log (`(batch_size,)`): Its heads.
        complexity_loss (`torch.Tensor`): Loss of the heads against the given metadata; 0 without metadata.
        mark_loss, character_loss (`torch.Tensor`, *optional*): Losses of the reader of cells; 0 without labels.
    """

    visual_tokens: torch.Tensor | None = None
    chart_gates: torch.Tensor | None = None
    chart_experts: torch.Tensor | None = None
    token_gates: torch.Tensor | None = None
    router_logits: torch.Tensor | None = None
    router_probs: torch.Tensor | None = None
    dropped_fraction: torch.Tensor | None = None
    complexity: torch.Tensor | None = None
    type_logits: torch.Tensor | None = None
    num_elements_log: torch.Tensor | None = None
    complexity_loss: torch.Tensor | None = None
    mark_loss: torch.Tensor | None = None
    character_loss: torch.Tensor | None = None


@dataclass
class C2CMolaModelOutputWithPast(ModelOutput):
    """
    Args:
        last_hidden_state (`torch.Tensor` of shape `(batch_size, sequence_length, hidden_size)`): Decoder output.
        past_key_values (`Cache`, *optional*), hidden_states, attentions (`tuple`, *optional*): As in transformers.
        router_logits, router_probs, chart_gates, chart_experts, token_gates, dropped_fraction, complexity,
        type_logits, num_elements_log, complexity_loss, mark_loss, character_loss: See [`C2CMolaImageFeatures`]; `None`
        where the call had no `pixel_values`.
    """

    last_hidden_state: torch.Tensor | None = None
    past_key_values: Cache | None = None
    hidden_states: tuple[torch.Tensor, ...] | None = None
    attentions: tuple[torch.Tensor, ...] | None = None
    router_logits: torch.Tensor | None = None
    router_probs: torch.Tensor | None = None
    chart_gates: torch.Tensor | None = None
    chart_experts: torch.Tensor | None = None
    token_gates: torch.Tensor | None = None
    dropped_fraction: torch.Tensor | None = None
    complexity: torch.Tensor | None = None
    type_logits: torch.Tensor | None = None
    num_elements_log: torch.Tensor | None = None
    complexity_loss: torch.Tensor | None = None
    mark_loss: torch.Tensor | None = None
    character_loss: torch.Tensor | None = None


@dataclass
class C2CMolaCausalLMOutputWithPast(C2CMolaModelOutputWithPast):
    """
    [`C2CMolaModelOutputWithPast`] and

    Args:
        loss (`torch.Tensor`, *optional*): L_syntax, cross-entropy of the code tokens; returned with `labels`.
        logits (`torch.Tensor` of shape `(batch_size, sequence_length, vocab_size)`): Scores of the next token.
    """

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None


def sincos(positions: torch.Tensor, dim: int, base: float) -> torch.Tensor:
    """Sine and cosine of positions `(...)` in `dim / 2` wavelengths up to `2 pi base`: `(..., dim)`, float32."""
    frequencies = 1 / base ** (torch.arange(dim // 2, device=positions.device, dtype=torch.float32) / (dim // 2))
    angles = positions[..., None].float() * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def sincos_position_embedding(grid: int, dim: int, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """Fixed 2-D sine and cosine positions of a `grid x grid` map, row by row: `(grid ** 2, dim)`."""
    # Base 100, not the usual 10,000: a grid has tens of rows, and with longer waves neighbours look the same.
    axis = sincos(torch.arange(grid, device=device), dim // 2, base=100)  # (grid, dim / 2)
    rows, columns = axis[:, None].expand(grid, grid, -1), axis[None].expand(grid, grid, -1)
    return F.pad(torch.cat([rows, columns], dim=-1).flatten(0, 1), (0, dim % 4)).to(dtype)


def make_linear(config: C2CMolaConfig, layer_idx: int, name: str, plain: nn.Linear) -> MixtureOfLoraLinear:
    """The projection `name` of decoder layer `layer_idx`, with experts where the configuration puts them."""
    experts = config.num_experts if name in config.expert_targets else 0
    if experts and config.layer_experts is not None:
        experts = config.layer_experts[layer_idx]
    return MixtureOfLoraLinear(
        plain.in_features,
        plain.out_features,
        plain.bias is not None,
        num_experts=experts,
        rank=config.expert_rank if config.layer_ranks is None else config.layer_ranks[layer_idx],
        alpha=config.expert_alpha,
        dropout=config.expert_dropout,
        shared_by=config.num_experts // experts if experts else 1,
    )


class C2CMolaAttention(Qwen2Attention):
    """Qwen2 self-attention whose projections carry experts."""

    def __init__(self, config: C2CMolaConfig, layer_idx: int):
        super().__init__(config.text_config, layer_idx)
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(self, name, make_linear(config, layer_idx, name, getattr(self, name)))

    def forward(
        self,
        hidden_states: torch.Tensor,
        chart_gates: torch.Tensor | None,
        chart_experts: torch.Tensor | None,
        position_embeddings: tuple[torch.Tensor, torch.Tensor],
        attention_mask: torch.Tensor | None,
        past_key_values: Cache | None = None,
        **kwargs,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        input_shape = hidden_states.shape[:-1]
        hidden_shape = (*input_shape, -1, self.head_dim)
        routing = (chart_gates, chart_experts)
        query_states = self.q_proj(hidden_states, *routing).view(hidden_shape).transpose(1, 2)  # (B, H, L, D)
        key_states = self.k_proj(hidden_states, *routing).view(hidden_shape).transpose(1, 2)
        value_states = self.v_proj(hidden_states, *routing).view(hidden_shape).transpose(1, 2)
        query_states, key_states = apply_rotary_pos_emb(query_states, key_states, *position_embeddings)
        if past_key_values is not None:
            key_states, value_states = past_key_values.update(key_states, value_states, self.layer_idx)

        attention_interface: Callable = ALL_ATTENTION_FUNCTIONS.get_interface(
            self.config._attn_implementation, eager_attention_forward
        )
        attn_output, attn_weights = attention_interface(
            self,
            query_states,
            key_states,
            value_states,
            attention_mask,
            dropout=self.attention_dropout if self.training else 0.0,
            scaling=self.scaling,
            sliding_window=self.sliding_window,
            **kwargs,
        )
        attn_output = attn_output.reshape(*input_shape, -1).contiguous()
        return self.o_proj(attn_output, *routing), attn_weights


class C2CMolaMLP(Qwen2MLP):
    """Qwen2 MLP whose projections carry experts."""

    def __init__(self, config: C2CMolaConfig, layer_idx: int):
        super().__init__(config.text_config)
        for name in ("gate_proj", "up_proj", "down_proj"):
            setattr(self, name, make_linear(config, layer_idx, name, getattr(self, name)))

    def forward(
        self, hidden_states: torch.Tensor, chart_gates: torch.Tensor | None, chart_experts: torch.Tensor | None
    ) -> torch.Tensor:
        routing = (chart_gates, chart_experts)
        inner = self.act_fn(self.gate_proj(hidden_states, *routing)) * self.up_proj(hidden_states, *routing)
        return self.down_proj(inner, *routing)


class C2CMolaCrossAttention(nn.Module):
    """Cross-modal attention of code tokens to visual tokens, the default form of Eq. 5-7 (see the module header)."""

    def __init__(self, config: C2CMolaConfig):
        super().__init__()
        self.config = config.text_config
        hidden_size, self.num_heads = self.config.hidden_size, self.config.num_attention_heads
        self.num_key_value_heads = self.config.num_key_value_heads
        self.num_key_value_groups = self.num_heads // self.num_key_value_heads
        self.head_dim = hidden_size // self.num_heads
        self.scaling = self.head_dim**-0.5
        self.is_causal = False
        self.layer_norm = Qwen2RMSNorm(hidden_size, eps=self.config.rms_norm_eps)
        self.q_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.k_proj = nn.Linear(hidden_size, self.num_key_value_heads * self.head_dim, bias=False)
        self.v_proj = nn.Linear(hidden_size, self.num_key_value_heads * self.head_dim, bias=False)
        self.o_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.gate = nn.Parameter(torch.empty(1))  # not 0-dim: ZeRO-3 cannot partition that

    def key_value(self, visual_tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """visual_tokens `(B, M, d)` -> key and value, each `(B, num_key_value_heads, M, head_dim)`."""
        shape = (*visual_tokens.shape[:-1], self.num_key_value_heads, self.head_dim)
        return tuple(proj(visual_tokens).view(shape).transpose(1, 2) for proj in (self.k_proj, self.v_proj))

    def forward(
        self, hidden_states: torch.Tensor, key: torch.Tensor, value: torch.Tensor, position_ids: torch.Tensor
    ) -> torch.Tensor:
        """hidden_states `(B, L, d)`, key and value as from `key_value` -> `(B, L, d)`, to be added to the residual."""
        batch, length, _ = hidden_states.shape
        query = self.q_proj(self.layer_norm(hidden_states)).view(batch, length, self.num_heads, self.head_dim)
        attention_interface: Callable = ALL_ATTENTION_FUNCTIONS.get_interface(
            self.config._attn_implementation, eager_attention_forward
        )
        key, value = key.to(query.dtype), value.to(query.dtype)
        context, _ = attention_interface(
            self, query.transpose(1, 2), key, value, None, dropout=0.0, scaling=self.scaling, is_causal=False
        )
        return self.gate.to(query.dtype) * self.o_proj(context.reshape(batch, length, -1))


class C2CMolaPrintedCrossAttention(nn.Module):
    """Eq. 5-7 to the letter, for the record. Eq. 5 is w_s . PE(s_n) + w_f . PE(f_m) + b: in the softmax over m the
    first and the last term cancel, so every code token of every chart reads the same weighted mean of its visual
    tokens."""

    def __init__(self, config: C2CMolaConfig):
        super().__init__()
        self.grid = config.visual_grid
        self.score = nn.Linear(2 * config.text_config.hidden_size, 1)
        self.gate = nn.Parameter(torch.empty(1))

    def key_value(self, visual_tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """visual_tokens `(B, M, d)` -> PE(f_m) and f_m, each `(B, 1, M, d)`."""
        dim, device, dtype = visual_tokens.shape[-1], visual_tokens.device, visual_tokens.dtype
        positions = sincos_position_embedding(self.grid, dim, device, dtype)
        return positions.expand_as(visual_tokens)[:, None], visual_tokens[:, None]

    def attention(self, position_ids: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        """Eq. 5 and 6: position_ids `(B or 1, L)`, key as from `key_value` -> A `(B, L, M)`."""
        text = sincos(position_ids, key.shape[-1], base=10000.0).to(key.dtype)
        pairs = torch.broadcast_tensors(text[:, :, None], key)  # (B, L, M, d) each
        return self.score(torch.cat(pairs, dim=-1)).squeeze(-1).softmax(dim=-1)

    def forward(
        self, hidden_states: torch.Tensor, key: torch.Tensor, value: torch.Tensor, position_ids: torch.Tensor
    ) -> torch.Tensor:
        """As in [`C2CMolaCrossAttention`]; Eq. 7."""
        context = self.attention(position_ids, key) @ value.squeeze(1)
        return (self.gate * context).to(hidden_states.dtype)


class C2CMolaDecoderLayer(GradientCheckpointingLayer):
    """Qwen2 decoder layer, with cross-modal attention between self-attention and MLP in every n-th one."""

    def __init__(self, config: C2CMolaConfig, layer_idx: int):
        super().__init__()
        text_config = config.text_config
        self.self_attn = C2CMolaAttention(config, layer_idx)
        # The last of every n layers: a pretrained decoder has then read the prompt before it looks at the chart.
        has_cross_attention = (layer_idx + 1) % config.cross_attention_every == 0
        printed = config.cross_attention_form == "printed"
        cross_attention = C2CMolaPrintedCrossAttention if printed else C2CMolaCrossAttention
        self.cross_attn = cross_attention(config) if has_cross_attention else None
        self.mlp = C2CMolaMLP(config, layer_idx)
        self.input_layernorm = Qwen2RMSNorm(text_config.hidden_size, eps=text_config.rms_norm_eps)
        self.post_attention_layernorm = Qwen2RMSNorm(text_config.hidden_size, eps=text_config.rms_norm_eps)

    def forward(
        self,
        hidden_states: torch.Tensor,
        chart_gates: torch.Tensor | None = None,
        visual_key: torch.Tensor | None = None,
        visual_value: torch.Tensor | None = None,
        chart_experts: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        position_embeddings: tuple[torch.Tensor, torch.Tensor] | None = None,
        past_key_values: Cache | None = None,
        position_ids: torch.Tensor | None = None,
        **kwargs,
    ) -> torch.Tensor:
        # Whatever needs a gradient comes by position: reentrant checkpointing sees no keyword arguments.
        attn_output, _ = self.self_attn(
            self.input_layernorm(hidden_states),
            chart_gates,
            chart_experts,
            position_embeddings=position_embeddings,
            attention_mask=attention_mask,
            past_key_values=past_key_values,
            position_ids=position_ids,
            **kwargs,
        )
        hidden_states = hidden_states + attn_output
        if self.cross_attn is not None and visual_key is not None:
            # Programs of one chart read it together, as one long text: nothing is causal here, and its keys and values
            # are read once instead of once per program.
            charts, (_, length, width) = len(visual_key), hidden_states.shape
            texts = hidden_states.reshape(charts, -1, width)
            position_ids = position_ids.expand(len(hidden_states), length).reshape(charts, -1)
            seen = self.cross_attn(texts, visual_key, visual_value, position_ids)
            hidden_states = hidden_states + seen.view_as(hidden_states)
        return hidden_states + self.mlp(self.post_attention_layernorm(hidden_states), chart_gates, chart_experts)


class C2CMolaDecoder(nn.Module):
    """The Qwen2 decoder; keys are those of `Qwen2Model`, plus `lora_A`, `lora_B` and `cross_attn`."""

    def __init__(self, config: C2CMolaConfig):
        super().__init__()
        text_config = config.text_config
        self.embed_tokens = nn.Embedding(text_config.vocab_size, text_config.hidden_size, text_config.pad_token_id)
        self.layers = nn.ModuleList([C2CMolaDecoderLayer(config, i) for i in range(text_config.num_hidden_layers)])
        self.norm = Qwen2RMSNorm(text_config.hidden_size, eps=text_config.rms_norm_eps)
        self.rotary_emb = Qwen2RotaryEmbedding(config=text_config)


class C2CMolaConnector(nn.Module):
    """Two-layer MLP with a residual, experts gated per visual token (Eq. 9)."""

    def __init__(self, config: C2CMolaConfig):
        super().__init__()
        hidden_size = config.text_config.hidden_size
        experts = (config.num_experts, config.expert_rank, config.expert_alpha, config.expert_dropout)
        self.linear_1 = MixtureOfLoraLinear(hidden_size, hidden_size, True, *experts)
        self.linear_2 = MixtureOfLoraLinear(hidden_size, hidden_size, True, *experts)

    def forward(self, visual_tokens: torch.Tensor, token_gates: torch.Tensor | None) -> torch.Tensor:
        inner = F.gelu(self.linear_1(visual_tokens, token_gates), approximate="tanh")
        return visual_tokens + self.linear_2(inner, token_gates)


class C2CMolaCellReader(nn.Module):
    """
    Tells, for each visual token, what stands in its cell: which characters and where, how many marks (points, ends of
    bars, wedges), where in the cell, of which values and colours, and on which other cell's mark they stand (a bar of
    a stack); and which values the axes have there. It adds this to the token, and with it the values that the marks'
    places have on the axes, counted from the marks on which they stand: an axis is a straight line, fitted to what all
    cells say of it. A colour is that of the place in the picture to which the cell points. Dense supervision of the
    vision streams in training. Not in the paper.
    """

    CLASSES = 96  # no character, 33 to 126 of ASCII, any other
    PLACES = 16  # places along a side of a cell: where a mark is, where its colour is seen
    COLORS = 24  # steps of red, green and blue
    BASE_DIM, NO_BASE = 64, 10.0  # of queries and keys; the logit that a mark stands on no other
    AXIS_END, AXIS_STEPS = 1.1, 111  # values of an axis: from -AXIS_END to AXIS_END

    def __init__(self, config: C2CMolaConfig):
        super().__init__()
        hidden_size = config.text_config.hidden_size
        self.grid, self.bins = config.visual_grid, config.mark_bins
        # Places for characters in a cell: lines of text are 16 pixels apart and more, characters 5.
        cell = config.image_size // config.visual_grid
        self.rows, self.columns = max(1, cell // 16), max(1, cell * 3 // 16)
        self.character_head = nn.Linear(hidden_size, self.rows * self.columns * self.CLASSES)
        self.count_head = nn.Linear(hidden_size, 3)  # none, one, more
        self.value_head = nn.Linear(hidden_size, 2 * self.bins)  # along x, along y
        self.place_head = nn.Linear(hidden_size, 2 * self.PLACES)
        self.axis_head = nn.Linear(hidden_size, 2 * (1 + self.AXIS_STEPS))  # is there an axis, its value
        self.base_query = nn.Linear(hidden_size, self.BASE_DIM)
        self.base_key = nn.Linear(hidden_size, self.BASE_DIM)
        self.color_head = nn.Linear(hidden_size, self.PLACES**2)
        # From what the image processor makes of a colour back to 0 .. 1: SigLIP's mean and deviation, until it is
        # trained otherwise.
        self.color_scale, self.color_shift = nn.Parameter(torch.empty(3)), nn.Parameter(torch.empty(3))
        # Starts from 0: a model that was trained without it stays what it is.
        classes = self.rows * self.columns * self.CLASSES + 3 + 4 * self.bins + 3 * self.COLORS
        self.readings = nn.Linear(classes, hidden_size, bias=False)
        self.mark_order = C2CMolaMarkOrder(config)

    def forward(
        self,
        visual_tokens: torch.Tensor,
        pixel_values: torch.Tensor,
        marks: torch.Tensor | None,
        corners: torch.Tensor | None,
        characters: torch.Tensor | None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """
        The visual tokens with what is read in their cells, `(B, M, d)`, and two losses: of the marks (cross-entropy of
        the counts of all cells + those of the values, places, colours and bases of all marks + that of the axes), and
        of the characters; scalars, 0 without labels.

        visual_tokens `(B, M, d)`; pixel_values `(B, 3, H, W)`; marks `(B, K, 7)`: left and top as shares of the
        picture, the values along x and y as shares of a power of ten, of which the amount counts, red, green and blue;
        corners `(B, 2, 4)`: the first four of these of the upper left and the lower right corner of the axes;
        characters `(B, N, 3)`: left and top as shares of the picture, Unicode code
        point. NaN = no such value, mark, axis or character; a mark at infinity stands for all marks of a chart where
        they are not known, and a chart without any character is one whose characters are not known.
        """
        # (B, M, rows * columns, CLASSES)
        character_logits = self.character_head(visual_tokens).unflatten(-1, (-1, self.CLASSES))
        count_logits = self.count_head(visual_tokens)  # (B, M, 3)
        value_logits = self.value_head(visual_tokens).unflatten(-1, (2, self.bins))  # (B, M, 2, bins)
        place_logits = self.place_head(visual_tokens).unflatten(-1, (2, self.PLACES)).float()  # (B, M, 2, PLACES)
        axis_logits = self.axis_head(visual_tokens).unflatten(-1, (2, -1)).float()  # (B, M, 2, 1 + AXIS_STEPS)
        steps = torch.linspace(-0.5, 0.5, 2 * self.PLACES + 1, device=visual_tokens.device)[1::2]
        axis_values = self._axis_values(axis_logits, steps)  # (B, M, 2, PLACES)
        logits = (character_logits, count_logits[..., None, :], value_logits)
        parts = [part.softmax(dim=-1) for part in logits]
        shares = place_logits.softmax(dim=-1)
        base_logits = self._base_logits(visual_tokens)
        tops = (shares * axis_values).sum(dim=-1)  # (B, M, 2)
        with torch.autocast(tops.device.type, enabled=False):  # which would round the values
            base = base_logits.softmax(dim=-1)[..., 1:] @ tops
        parts.append(spread(shares, (axis_values - base[..., None]).abs() * self.bins, self.bins))
        color_logits = self.color_head(visual_tokens).float()  # (B, M, PLACES ** 2)
        seen = self._seen_colors(pixel_values)
        color = (color_logits.softmax(dim=-1)[..., None] * seen).sum(dim=2).clamp(0, 1)  # (B, M, 3)
        steps_of_color = color[..., None] * (self.COLORS - 1)
        parts.append(spread(torch.ones_like(steps_of_color), steps_of_color, self.COLORS))
        read = torch.cat([part.flatten(2).to(visual_tokens.dtype) for part in parts], dim=-1)
        mark_loss = character_loss = visual_tokens.new_zeros((), dtype=torch.float32)
        if marks is not None:
            mark_loss = self._mark_loss(count_logits, value_logits, place_logits, marks)
            mark_loss = mark_loss + self._color_loss(color_logits, seen, marks)
        if corners is not None:
            mark_loss = mark_loss + self._axis_loss(axis_logits, axis_values.mean(dim=-1), corners)
        if marks is not None and corners is not None:
            mark_loss = mark_loss + self._base_loss(base_logits, marks, corners)
        if characters is not None:
            character_loss = self._character_loss(character_logits, characters)
        visual_tokens = visual_tokens + self.readings(read)
        place = (self._cells(tops.device) + (shares * steps).sum(dim=-1)) / self.grid  # (B, M, 2)
        presence = 1 - count_logits.float().softmax(dim=-1)[..., 0]
        visual_tokens = self.mark_order(visual_tokens, presence, place, color)
        return visual_tokens, mark_loss, character_loss

    def _cells(self, device: torch.device) -> torch.Tensor:
        """Middles of the cells: column and row `(M, 2)`, in cells."""
        middles = torch.arange(self.grid, device=device) + 0.5
        return torch.stack([middles.repeat(self.grid), middles.repeat_interleave(self.grid)], dim=-1)

    def _cell_of(self, marks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The cell of each mark and whether it is in the picture (NaN is not), both `(B, K)`."""
        place = (marks[..., :2] * self.grid).floor()
        inside = ((place >= 0) & (place < self.grid)).all(dim=-1)
        column, row = torch.where(inside[..., None], place, 0).long().unbind(dim=-1)
        return row * self.grid + column, inside

    def _base_logits(self, visual_tokens: torch.Tensor) -> torch.Tensor:
        """That the marks of a cell stand on no other, or on those of each of the cells: `(B, M, 1 + M)`."""
        query, key = self.base_query(visual_tokens), self.base_key(visual_tokens)
        logits = (query @ key.transpose(1, 2)).float() / self.BASE_DIM**0.5
        return F.pad(logits, (1, 0), value=self.NO_BASE)

    def _seen_colors(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """Colours, 0 to 1, of `PLACES x PLACES` places in each cell: `(B, M, PLACES ** 2, 3)`."""
        seen = F.adaptive_avg_pool2d(pixel_values.float(), self.grid * self.PLACES)
        seen = seen * self.color_scale[:, None, None] + self.color_shift[:, None, None]
        seen = seen.unflatten(3, (self.grid, -1)).unflatten(2, (self.grid, -1))  # (B, 3, grid, PLACES, grid, PLACES)
        return seen.permute(0, 2, 4, 3, 5, 1).flatten(3, 4).flatten(1, 2)

    def _axis_values(self, logits: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
        """What x and y axis are worth at `steps` (n,), in cells, from the middle of each cell: `(B, M, 2, n)`. The
        lines of weighted least squares through what the cells say: logits `(B, M, 2, 1 + AXIS_STEPS)`."""
        weight = logits[..., 0].sigmoid() + 1e-4  # (B, M, 2)
        weight = weight / weight.sum(dim=1, keepdim=True)
        scale = torch.linspace(-self.AXIS_END, self.AXIS_END, self.AXIS_STEPS, device=logits.device)
        value = (logits[..., 1:].softmax(dim=-1) * scale).sum(dim=-1)  # no matrix product: autocast would round it
        place = self._cells(logits.device)
        mean_value = (weight * value).sum(dim=1, keepdim=True)  # (B, 1, 2)
        distance = place - (weight * place).sum(dim=1, keepdim=True)  # (B, M, 2)
        slope = (weight * distance * (value - mean_value)).sum(dim=1, keepdim=True)
        slope = slope / (weight * distance**2).sum(dim=1, keepdim=True)
        return (mean_value + slope * distance)[..., None] + slope[..., None] * steps

    # The losses take all places that there could be, and leave those without a label out of the sums: choosing them
    # first would make a GPU wait for their number. What they compute from labels is made finite before, since 0 times
    # the gradient of what is not is not 0.

    def _axis_loss(self, logits: torch.Tensor, fitted: torch.Tensor, corners: torch.Tensor) -> torch.Tensor:
        """Cross-entropy of whether a cell is in the axes, that of the values there, and 24 times the mean distance of
        the fitted line `(B, M, 2)` as a share of the axis; logits `(B, M, 2, 1 + AXIS_STEPS)`."""
        first, last = corners[:, None].float().unbind(dim=2)  # (B, 1, 4)
        share = (self._cells(corners.device) / self.grid - first[..., :2]) / (last[..., :2] - first[..., :2])
        value = first[..., 2:] + share * (last[..., 2:] - first[..., 2:])  # (B, M, 2)
        inside = ((share > 0) & (share < 1)).all(dim=-1, keepdim=True) & (value.abs() <= self.AXIS_END)
        known = value.isfinite()
        value, count = torch.where(inside, value, 0), inside.sum().clamp(min=1)
        there = F.binary_cross_entropy_with_logits(
            logits[..., 0], inside.float(), weight=known.float(), reduction="sum"
        )
        scale = torch.linspace(-self.AXIS_END, self.AXIS_END, self.AXIS_STEPS, device=value.device)
        target = (-0.5 * ((scale - value[..., None]) / (scale[1] - scale[0])) ** 2).softmax(dim=-1)
        said = masked_sum(cross_entropies(logits[..., 1:], target), inside)
        span = torch.where(inside, (last - first)[..., 2:], 1)
        missed = masked_sum(((fitted - value) / span).abs().clamp(max=1), inside)
        return there / known.sum().clamp(min=1) + (said + 24 * missed) / count

    def _mark_loss(
        self, counts: torch.Tensor, values: torch.Tensor, places: torch.Tensor, marks: torch.Tensor
    ) -> torch.Tensor:
        """counts `(B, M, 3)`, values `(B, M, 2, bins)` and places `(B, M, 2, PLACES)` are logits."""
        cell, inside = self._cell_of(marks)
        found = torch.zeros(counts.shape[:2], dtype=torch.long, device=cell.device).scatter_add(1, cell, inside.long())
        weight = torch.ones(3, device=counts.device)
        weight[0] = 0.1  # nearly all cells are empty
        found = found.clamp(max=2)
        unknown = marks[..., 0].isinf().any(dim=1, keepdim=True)  # (B, 1)
        total = torch.where(unknown, 0, weight[found]).sum().clamp(min=0.1)
        found = torch.where(unknown, -100, found)
        loss = F.cross_entropy(counts.float().transpose(1, 2), found, weight=weight, reduction="sum") / total

        inside = inside[..., None]
        target = torch.where(inside, marks[..., :2], 0) * self.grid % 1 * self.PLACES - 0.5  # (B, K, 2)
        target = torch.arange(self.PLACES, device=target.device) - target[..., None]
        placed = cross_entropies(of_cells(places, cell), (-2 * target**2).softmax(dim=-1))
        loss = loss + masked_sum(placed, inside) / (2 * inside.sum()).clamp(min=1)

        target = marks[..., 2:4].abs() * self.bins
        known = inside & target.isfinite()  # (B, K, 2)
        # A normal distribution, a bin wide, around the value: a near miss is a small mistake.
        target = torch.arange(self.bins, device=target.device) - torch.where(known, target, 0)[..., None]
        valued = cross_entropies(of_cells(values, cell), (-0.5 * target**2).softmax(dim=-1))
        return loss + masked_sum(valued, known) / known.sum().clamp(min=1)

    def _color_loss(self, logits: torch.Tensor, seen: torch.Tensor, marks: torch.Tensor) -> torch.Tensor:
        """How likely a mark's cell points to its colour, -log: logits `(B, M, PLACES ** 2)`, seen with 3 channels."""
        cell, inside = self._cell_of(marks)
        known = inside & marks[..., 4:].isfinite().all(dim=-1)  # (B, K)
        color = torch.where(known[..., None], marks[..., 4:], 0)[:, :, None]
        distance = (of_cells(seen, cell) - color).abs().mean(dim=-1)  # (B, K, PLACES ** 2)
        likely = (of_cells(logits, cell).log_softmax(dim=-1) - distance / 0.05).logsumexp(dim=-1)
        return masked_sum(-likely, known) / known.sum().clamp(min=1)

    def _base_loss(self, logits: torch.Tensor, marks: torch.Tensor, corners: torch.Tensor) -> torch.Tensor:
        """Cross-entropy of the cells on whose marks marks stand; logits `(B, M, 1 + M)`. A mark whose place has
        another value on the axis than the mark itself stands on the one that has the difference."""
        if not marks.shape[1]:
            return logits.sum() * 0
        cell, inside = self._cell_of(marks)
        first, last = corners[:, None].float().unbind(dim=2)  # (B, 1, 4)
        slope = (last[..., 2:] - first[..., 2:]) / (last[..., :2] - first[..., :2])
        top = first[..., 2:] + (marks[..., :2] - first[..., :2]) * slope  # (B, K, 2), value of the axis at its place
        base = top - marks[..., 2:4]
        known = base.isfinite() & inside[..., None]
        base, near = torch.where(known, base, 0), 2e-3 * (last - first)[..., 2:].abs().nan_to_num()
        alone = (base.abs() <= near).all(dim=-1)  # (B, K)
        under = (top[:, None] - base[:, :, None]).abs() <= near[:, None]  # (B, K, K, 2): second is under first
        beside = (marks[:, None, :, :2] - marks[:, :, None, :2]).abs() <= 2e-3
        under = (under & beside.flip(-1) & known[:, None] & known[:, :, None]).any(dim=-1)
        target = 1 + cell.gather(1, under.int().argmax(dim=-1))
        target = torch.where(alone, 0, target)
        known = known.any(dim=-1) & (alone | under.any(dim=-1))
        loss = F.cross_entropy(of_cells(logits, cell).transpose(1, 2), target, reduction="none")
        return masked_sum(loss, known) / known.sum().clamp(min=1)

    def _character_loss(self, logits: torch.Tensor, characters: torch.Tensor) -> torch.Tensor:
        """logits `(B, M, rows * columns, CLASSES)`."""
        x, y = characters[..., 0] * self.grid, characters[..., 1] * self.grid
        inside = (x >= 0) & (x < self.grid) & (y >= 0) & (y < self.grid)
        x, y = torch.where(inside, x, 0), torch.where(inside, y, 0)
        slot = ((y % 1) * self.rows).long() * self.columns + ((x % 1) * self.columns).long()
        index = (y.long() * self.grid + x.long()) * self.rows * self.columns + slot  # (B, N)
        code = characters[..., 2].nan_to_num()
        code = torch.where((code > 32) & (code < 127), code - 32, self.CLASSES - 1).long()
        # What is no character writes behind the end.
        size = logits.shape[1] * self.rows * self.columns
        target = torch.zeros(index.shape[0], size + 1, dtype=torch.long, device=index.device)
        target = target.scatter(1, torch.where(inside, index, size), code)[:, :-1]
        weight = torch.ones(self.CLASSES, device=logits.device)
        weight[0] = 0.03  # nearly all places are empty
        known = inside.any(dim=1, keepdim=True)
        total = masked_sum(weight[target], known).clamp(min=1)
        target = torch.where(known, target, -100)
        loss = F.cross_entropy(
            logits.float().flatten(0, 2), target.flatten(), weight=weight, ignore_index=-100, reduction="sum"
        )
        return loss / total


def of_cells(values: torch.Tensor, cell: torch.Tensor) -> torch.Tensor:
    """What cells have, values `(B, M, ...)`, at some of them, cell `(B, K)`: `(B, K, ...)`."""
    flat = values.flatten(2)
    index = cell[..., None].expand(-1, -1, flat.shape[2])
    return flat.gather(1, index).unflatten(2, values.shape[2:])


def cross_entropies(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Of distributions in the last dimension, which is summed over, in float32."""
    return -(logits.float().log_softmax(dim=-1) * target).sum(dim=-1)


def masked_sum(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Sum of the values that the mask, which may be broadcast, leaves."""
    return torch.where(mask, values, 0).sum()


class C2CMolaMarkOrder(nn.Module):
    """
    Adds to the token of each mark which it is, counted from each side, among the marks of its colour, of its column
    and among all, or around the circle that they lie on, and what the mark after it says in each of these orders. The
    code lists marks in such orders, and attention alone does not find "the next one of this colour": where the reader
    of cells knew every point of a scatter, half of the programs left one out, doubled it or gave it to another series.
    Not in the paper.
    """

    ORDERS, RANKS = 14, 24  # ranks beyond the last one are told as the last one
    MARKS, SURE = 128, 0.6  # cells that are considered, and the probability above which one has a mark
    # In pixels: how far apart cells may claim the same mark, and marks may be that are in one column or row.
    NEAR, COLUMN = 7, 6
    SAME_COLOR = 0.15  # difference of a channel, up to which two marks have one colour

    def __init__(self, config: C2CMolaConfig):
        super().__init__()
        hidden_size = config.text_config.hidden_size
        self.image_size = config.image_size
        # Both start from 0: a model that was trained without them stays what it is.
        self.ranks = nn.Parameter(torch.empty(hidden_size, self.ORDERS * self.RANKS))
        self.following = nn.Parameter(torch.empty(hidden_size, self.ORDERS * hidden_size))

    def forward(
        self, visual_tokens: torch.Tensor, presence: torch.Tensor, place: torch.Tensor, color: torch.Tensor
    ) -> torch.Tensor:
        """
        visual_tokens `(B, M, d)`; presence `(B, M)`, the probability that a cell has a mark, place `(B, M, 2)`, from
        the left and from the top as shares of the picture, and color `(B, M, 3)` of it -> visual tokens `(B, M, d)`.
        """
        score, cell = presence.topk(min(self.MARKS, presence.shape[1]))  # (B, K), the likeliest first
        there, left, following = self.order(score, of_cells(place, cell) * self.image_size, of_cells(color, cell))
        ranks = F.one_hot(left.clamp(max=self.RANKS - 1), self.RANKS).flatten(2).to(visual_tokens.dtype)
        # One row more, of zeros, for what has none after it.
        tokens = F.pad(of_cells(visual_tokens, cell), (0, 0, 0, 1))  # (B, K + 1, d)
        following = of_cells(tokens, following.flatten(1)).unflatten(1, following.shape[1:]).flatten(2)
        # The mean over the orders: their sum would move tokens further in a step of training than all else does.
        told = F.linear(ranks, self.ranks) + F.linear(following, self.following) / self.ORDERS
        told = torch.where(there[..., None], told, 0).to(visual_tokens.dtype)
        return visual_tokens.scatter_add(1, cell[..., None].expand_as(told), told)

    @torch.no_grad()
    def order(
        self, score: torch.Tensor, place: torch.Tensor, color: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """
        score `(B, K)`, falling, place `(B, K, 2)` in pixels and color `(B, K, 3)` of cells -> which of them are marks
        `(B, K)`, how many marks come after each in each order, and which comes next, K for none, both
        `(B, K, ORDERS)`. Of a column of marks, or a row, the likeliest counts for all where marks from left to right,
        or from top to bottom, are counted: so one that was missed changes nothing.
        """
        count = score.shape[1]
        distance = place[:, None] - place[:, :, None]  # (B, K, K, 2), from the first to the second
        sure = score > self.SURE
        claimed = (distance.square().sum(dim=-1) < self.NEAR**2) & sure[:, None]
        there = sure & ~claimed.tril(-1).any(dim=-1)  # the likelier one keeps the mark
        pairs = there[:, None] & there[:, :, None]
        same = pairs & ((color[:, None] - color[:, :, None]).abs().amax(dim=-1) <= self.SAME_COLOR)
        column, row = (pairs & (distance[..., axis].abs() <= self.COLUMN) for axis in (0, 1))
        columns, rows = (pairs & ~line.tril(-1).any(dim=-1)[:, None] for line in (column, row))
        x, y = place.unbind(dim=-1)
        turn = self._turn(place, there)
        quarter = (turn - 0.25) % 1
        # What they are ordered by, among which, and from which difference on one comes before the other.
        orders = [(x, same, 0), (y, same, 0), (x, columns, self.COLUMN), (y, rows, self.COLUMN), (y, column, 0)]
        orders += [(turn, pairs, 0), (quarter, pairs, 0)]
        left, following = [], []
        for place, among, slack in orders:
            for key in (place, -place):
                later = among & (key[:, None] > key[:, :, None] + slack)  # the second than the first
                left.append(later.sum(dim=-1))
                first = torch.where(later, key[:, None], torch.inf).min(dim=-1)
                following.append(torch.where(left[-1] > 0, first.indices, count))
        return there, torch.stack(left, dim=-1), torch.stack(following, dim=-1)

    def _turn(self, place: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """Where marks stand on the circle of least squares through them (Kasa's), as shares of a turn from 3 o'clock,
        counterclockwise: place `(B, K, 2)` -> `(B, K)`."""
        weight = there[..., None] / there.sum(dim=1).clamp(min=1)[:, None, None]
        place = place - (weight * place).sum(dim=1, keepdim=True)
        x, y = (weight * place).unbind(dim=-1)
        (u, v), square = place.unbind(dim=-1), place.square().sum(dim=-1)
        xx, xy, yy, xs, ys = ((a * b).sum(dim=1) for a, b in ((x, u), (x, v), (y, v), (x, square), (y, square)))
        determinant = 2 * (xx * yy - xy * xy).clamp(min=1e-3)  # marks on a line have no circle
        left = (yy * xs - xy * ys) / determinant
        top = (xx * ys - xy * xs) / determinant
        return torch.atan2(top[:, None] - v, u - left[:, None]) / (2 * torch.pi) % 1


def spread(shares: torch.Tensor, places: torch.Tensor, size: int) -> torch.Tensor:
    """Lays shares on a line of `size` points, each between the two points that it is next to: shares and places
    `(..., n)` -> `(..., size)`, the sum over n. What lies beyond the last point is left out."""
    places = places.clamp(max=size)
    below = places.floor()
    after, below = places - below, below.long()
    line = shares.new_zeros(*shares.shape[:-1], size + 2)
    return line.scatter_add(-1, below, shares * (1 - after)).scatter_add(-1, below + 1, shares * after)[..., :size]


class C2CMolaPreTrainedModel(PreTrainedModel):
    config_class = C2CMolaConfig
    base_model_prefix = "model"
    input_modalities = ("image", "text")
    supports_gradient_checkpointing = True
    _no_split_modules = ["C2CMolaDecoderLayer", "SiglipEncoderLayer"]
    _skip_keys_device_placement = ["past_key_values"]
    _supports_sdpa = True
    _supports_attention_backend = True
    # Router arithmetic decides which experts are taken: rounding it flips decisions.
    _keep_in_fp32_modules_strict = ["router", "complexity"]
    _can_record_outputs = {
        "hidden_states": C2CMolaDecoderLayer,
        "attentions": OutputRecorder(C2CMolaAttention, index=1),
    }

    def save_pretrained(
        self, *args, state_dict: dict | None = None, save_original_format: bool = False, **kwargs
    ) -> None:
        """
        As in transformers, but the file has the same names whatever the model was trained with. Loading under ZeRO-3
        makes transformers 5.23 believe that every name was converted by the rules of the vision streams, which saving
        would "undo"; and the weights that DeepSpeed gives to be saved are copies, tied ones too.
        """
        if state_dict is not None:
            state_dict = {name: value for name, value in state_dict.items() if name not in self.all_tied_weights_keys}
        super().save_pretrained(*args, state_dict=state_dict, save_original_format=save_original_format, **kwargs)

    def enable_input_require_grads(self):
        """Of the decoder alone: a frozen vision stream whose input needs a gradient would keep all its activations."""
        embeddings = self.get_input_embeddings()
        self._require_grads_hook = embeddings.register_forward_hook(lambda m, i, output: output.requires_grad_(True))
        self._require_grads_hooks = [self._require_grads_hook]

    def _init_weights(self, module: nn.Module):
        super()._init_weights(module)
        if isinstance(module, MixtureOfLoraLinear):
            module.init_experts()
        elif isinstance(module, Router):
            module.init_weights(std=self.config.text_config.initializer_range)
        elif isinstance(module, ComplexityMetric):
            for parameter in (module.type_difficulty, module.raw_alpha, module.raw_beta):
                init.zeros_(parameter)
        elif isinstance(module, C2CMolaCellReader):
            init.zeros_(module.readings.weight)
            init.constant_(module.color_scale, 0.5)
            init.constant_(module.color_shift, 0.5)
        elif isinstance(module, C2CMolaMarkOrder):
            init.zeros_(module.ranks)
            init.zeros_(module.following)
        elif isinstance(module, C2CMolaCrossAttention | C2CMolaPrintedCrossAttention):
            init.constant_(module.gate, self.config.cross_attention_gate)


class C2CMolaModel(C2CMolaPreTrainedModel):
    """Vision, routing, connector and decoder, without the language modelling head."""

    def __init__(self, config: C2CMolaConfig):
        super().__init__(config)
        # The decoder is no PreTrainedModel of its own that would resolve this for its config.
        if config.text_config._attn_implementation is None:
            config.text_config._attn_implementation = config._attn_implementation
        hidden_size = config.text_config.hidden_size
        self.conv_tower = AutoBackbone.from_config(config.conv_config)
        self.vision_tower = AutoModel.from_config(config.vision_config)
        if config.vision_input == "conv":
            # Trained from nothing. SigLIP's own positions start so much weaker than the content that "in the same row"
            # is never learned, and the stream ends up as a summary of the chart that is the same in every token.
            positions = self.vision_tower.embeddings.position_embedding.weight
            if positions.dim() == 2:  # else ZeRO-3 has partitioned it already, and weights are loaded later
                grid = int(positions.shape[0] ** 0.5)
                start = sincos_position_embedding(grid, positions.shape[1], positions.device, positions.dtype)
                with torch.no_grad():
                    positions.copy_(start)
        self.conv_projection = nn.Linear(self.conv_tower.channels[-1] * config.spatial_merge_size**2, hidden_size)
        self.vision_projection = nn.Linear(config.vision_config.hidden_size, hidden_size)
        self.visual_norm = nn.LayerNorm(hidden_size)
        self.complexity = ComplexityMetric(hidden_size, len(config.chart_types))
        self.router = Router(hidden_size, config) if config.num_experts else None
        self.connector = C2CMolaConnector(config)
        self.cell_reader = C2CMolaCellReader(config) if config.mark_bins else None
        self.language_model = C2CMolaDecoder(config)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        return self.language_model.embed_tokens

    def set_input_embeddings(self, value: nn.Module):
        self.language_model.embed_tokens = value

    def train(self, mode: bool = True):
        super().train(mode)
        # What is frozen of the convolutional stream keeps its batch statistics: it computes what it computed before.
        for module in self.conv_tower.modules():
            parameters = list(module.parameters())
            if parameters and not any(parameter.requires_grad for parameter in parameters):
                module.eval()
        return self

    def get_visual_tokens(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """Eq. 4: pixel_values `(B, 3, image_size, image_size)` -> F_vis `(B, visual_grid ** 2, hidden_size)`."""
        config, grid = self.config, self.config.visual_grid
        if pixel_values.shape[-2:] != (config.image_size, config.image_size):
            raise ValueError(
                f"pixel_values are {tuple(pixel_values.shape[-2:])} pixels, the model reads "
                f"{config.image_size} x {config.image_size}: prepare them with the model's processor"
            )
        pixel_values = pixel_values.to(self.conv_projection.weight.dtype)
        # channels_last is two to three times as fast for convolutions on a CPU, and no slower on a GPU.
        conv_map = self.conv_tower(pixel_values.contiguous(memory_format=torch.channels_last)).feature_maps[-1]

        source = conv_map if config.vision_input == "conv" else pixel_values
        side = config.vision_config.image_size
        if source.shape[-1] != side:
            source = F.interpolate(source, size=(side, side), mode="bilinear", antialias=side < source.shape[-1])
        hidden = self.vision_tower(source).last_hidden_state  # (B, S, d_v)
        width = int(hidden.shape[1] ** 0.5)
        hidden = hidden[:, hidden.shape[1] - width * width :]  # without a class token, where there is one
        # Projected before it is brought to the finer grid: fewer tokens to project.
        vision_map = self.vision_projection(hidden).transpose(1, 2).unflatten(2, (width, width))  # (B, d, w, w)
        vision_tokens = resample(vision_map, grid).flatten(2).transpose(1, 2)

        merge = config.spatial_merge_size
        conv_map = F.pixel_unshuffle(resample(conv_map, grid * merge), merge)  # (B, C * merge^2, grid, grid)
        conv_tokens = self.conv_projection(conv_map.flatten(2).transpose(1, 2))
        return self.visual_norm(conv_tokens + vision_tokens)  # (B, M, d)

    def get_image_features(
        self,
        pixel_values: torch.Tensor,
        chart_type: torch.Tensor | None = None,
        num_elements: torch.Tensor | None = None,
        marks: torch.Tensor | None = None,
        corners: torch.Tensor | None = None,
        characters: torch.Tensor | None = None,
        chart_gates: torch.Tensor | None = None,
    ) -> C2CMolaImageFeatures:
        """Vision, complexity, routing and connector: everything that is computed once per chart.

        pixel_values `(B, 3, image_size, image_size)`; chart_type `(B,)` int64 index into `config.chart_types`, -1 =
        unknown; num_elements `(B,)`, < 0 = unknown; marks `(B, K, 7)`, corners `(B, 2, 4)`, characters `(B, N, 3)`:
        see [`C2CMolaCellReader`]; chart_gates `(B, E)`: in place of the router's decision, for the chart and each of
        its visual tokens.
        """
        visual_tokens = self.get_visual_tokens(pixel_values)
        complexity = self.complexity(visual_tokens, chart_type, num_elements)
        routing = self.router(visual_tokens, complexity) if self.router is not None else None
        if routing and chart_gates is not None:
            if chart_gates.shape != routing.chart_gates.shape:
                raise ValueError(
                    f"chart_gates are {tuple(chart_gates.shape)}, but {tuple(routing.chart_gates.shape)} are needed"
                )
            token_gates = chart_gates[:, None].expand_as(routing.token_gates)
            routing = routing._replace(chart_gates=chart_gates, chart_experts=None, token_gates=token_gates)

        visual_tokens = visual_tokens + sincos_position_embedding(
            self.config.visual_grid, visual_tokens.shape[-1], visual_tokens.device, visual_tokens.dtype
        )
        visual_tokens = self.connector(visual_tokens, routing.token_gates if routing else None)
        mark_loss = character_loss = None
        if self.cell_reader is not None:
            labels = (marks, corners, characters)
            visual_tokens, mark_loss, character_loss = self.cell_reader(visual_tokens, pixel_values, *labels)
        return C2CMolaImageFeatures(
            visual_tokens=visual_tokens,
            chart_gates=routing.chart_gates if routing else None,
            chart_experts=routing.chart_experts if routing else None,
            token_gates=routing.token_gates if routing else None,
            router_logits=routing.logits if routing else None,
            router_probs=routing.probs if routing else None,
            dropped_fraction=routing.dropped_fraction if routing else None,
            complexity=complexity.complexity,
            type_logits=complexity.type_logits,
            num_elements_log=complexity.num_elements_log,
            complexity_loss=self.complexity.loss(complexity, chart_type, num_elements),
            mark_loss=mark_loss,
            character_loss=character_loss,
        )

    def get_visual_key_values(self, visual_tokens: torch.Tensor) -> torch.Tensor:
        """Keys and values of all cross-modal attentions, for generation:
        visual_tokens `(B, M, hidden_size)` -> `(B, num_cross_layers, 2, num_key_value_heads, M, head_dim)`."""
        cross_attentions = (layer.cross_attn for layer in self.language_model.layers if layer.cross_attn is not None)
        pairs = [torch.stack(cross_attn.key_value(visual_tokens), dim=1) for cross_attn in cross_attentions]
        return torch.stack(pairs, dim=1)

    @merge_with_config_defaults
    @capture_outputs
    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        pixel_values: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.LongTensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: torch.Tensor | None = None,
        chart_type: torch.LongTensor | None = None,
        num_elements: torch.Tensor | None = None,
        marks: torch.Tensor | None = None,
        corners: torch.Tensor | None = None,
        characters: torch.Tensor | None = None,
        visual_key_values: torch.Tensor | None = None,
        chart_gates: torch.Tensor | None = None,
        chart_experts: torch.Tensor | None = None,
        use_cache: bool | None = None,
        **kwargs,
    ) -> C2CMolaModelOutputWithPast:
        """
        Args:
            input_ids (`(B, L)`), pixel_values (`(B, 3, image_size, image_size)`), attention_mask (`(B, L)`):
                As the processor gives them. Without `pixel_values` and `visual_key_values` the decoder reads text
                only.
            chart_type (`(B,)`), num_elements (`(B,)`), marks (`(B, K, 7)`), corners (`(B, 2, 4)`), characters
                (`(B, N, 3)`): Metadata of the chart, where known (see `get_image_features`).
            visual_key_values, chart_gates, chart_experts: What `get_visual_key_values` and `get_image_features`
                returned for these charts, in place of `pixel_values`. `chart_gates` (B, E) beside `pixel_values`
                replace the router's decision. `visual_key_values` of fewer charts than B: each is of the next
                B / charts programs.
        """
        if (input_ids is None) ^ (inputs_embeds is not None):
            raise ValueError("You must specify exactly one of input_ids or inputs_embeds")
        if inputs_embeds is None:
            inputs_embeds = self.language_model.embed_tokens(input_ids)

        features = None
        if pixel_values is not None and visual_key_values is None:
            features = self.get_image_features(
                pixel_values, chart_type, num_elements, marks, corners, characters, chart_gates=chart_gates
            )
            chart_gates, chart_experts = features.chart_gates, features.chart_experts
        if chart_experts is not None and inputs_embeds.shape[1] < GATHER_LENGTH:
            if torch.is_grad_enabled() or chart_experts.numel() > self.config.num_experts:
                chart_experts = None

        text_config = self.config.text_config
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache(config=text_config)
        # Before positions are counted: it would look for several programs in them, for which a GPU waits.
        causal_mask = create_causal_mask(
            config=text_config,
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            past_key_values=past_key_values,
            position_ids=position_ids,
        )
        if position_ids is None:
            seen = past_key_values.get_seq_length() if past_key_values is not None else 0
            position_ids = torch.arange(seen, seen + inputs_embeds.shape[1], device=inputs_embeds.device)[None]
        position_embeddings = self.language_model.rotary_emb(inputs_embeds, position_ids)
        hidden_states, cross_index = inputs_embeds, 0
        for layer in self.language_model.layers:
            key = value = None
            if layer.cross_attn is not None and visual_key_values is not None:
                key, value = visual_key_values[:, cross_index].unbind(dim=1)
                cross_index += 1
            elif layer.cross_attn is not None and features is not None:
                key, value = layer.cross_attn.key_value(features.visual_tokens)
            hidden_states = layer(
                hidden_states,
                chart_gates,
                key,
                value,
                chart_experts,
                attention_mask=causal_mask,
                position_embeddings=position_embeddings,
                past_key_values=past_key_values,
                position_ids=position_ids,
                **kwargs,
            )
        routing = {key: value for key, value in (features or {}).items() if key != "visual_tokens"}
        return C2CMolaModelOutputWithPast(
            last_hidden_state=self.language_model.norm(hidden_states),
            past_key_values=past_key_values if use_cache else None,
            **routing,
        )


def resample(feature_map: torch.Tensor, grid: int) -> torch.Tensor:
    """`(B, C, h, w)` -> `(B, C, grid, grid)`: averaged where it is finer, interpolated where it is coarser."""
    if feature_map.shape[-1] > grid:
        return F.adaptive_avg_pool2d(feature_map, grid)
    if feature_map.shape[-1] < grid:
        return F.interpolate(feature_map, size=(grid, grid), mode="bilinear")
    return feature_map


class C2CMolaForConditionalGeneration(C2CMolaPreTrainedModel, GenerationMixin, MixtureOfLoraModel):
    """
    The model with its language modelling head: chart in, matplotlib code out. Its experts can be folded, exported,
    imported and added: see [`MixtureOfLoraModel`].

    ```python
    >>> from PIL import Image
    >>> from transformers import AutoModelForImageTextToText, AutoProcessor

    >>> model = AutoModelForImageTextToText.from_pretrained(".", trust_remote_code=True)
    >>> processor = AutoProcessor.from_pretrained(".", trust_remote_code=True)
    >>> inputs = processor(images=Image.open("examples/quarterly_sales.png"), return_tensors="pt")
    >>> print(processor.batch_decode(model.generate(**inputs), skip_special_tokens=True)[0])
    ```
    """

    _tied_weights_keys = {"lm_head.weight": "model.language_model.embed_tokens.weight"}

    def __init__(self, config: C2CMolaConfig):
        super().__init__(config)
        self.model = C2CMolaModel(config)
        self.lm_head = nn.Linear(config.text_config.hidden_size, config.text_config.vocab_size, bias=False)
        self.post_init()

    @classmethod
    def from_backbones(
        cls, text: str, vision: str, conv: str, dtype: torch.dtype = torch.float32, **config_overrides
    ) -> "C2CMolaForConditionalGeneration":
        """Builds the model from pretrained repositories or folders; connector, router and experts are new.

        Args:
            text (`str`): Qwen2 causal language model, e.g. `"Qwen/Qwen2.5-Coder-0.5B"`.
            vision (`str`): vision transformer, e.g. `"google/siglip2-base-patch16-512"`.
            conv (`str`): convolutional backbone, e.g. `"facebook/convnextv2-tiny-22k-384"`; the stage that
                `out_features` of its config names is used, stride 16 (`stage3`) where it names none but the last.
            config_overrides: any field of [`C2CMolaConfig`].
        """
        decoder = AutoModelForCausalLM.from_pretrained(text, dtype=dtype)
        if decoder.config.model_type != "qwen2":
            raise ValueError(
                f"text={text!r} is a {decoder.config.model_type} model: the decoder has to be a qwen2 one"
            )
        vision_config = AutoConfig.from_pretrained(vision)
        vision_config = getattr(vision_config, "vision_config", vision_config)
        conv_config = AutoConfig.from_pretrained(conv)
        conv_config = getattr(conv_config, "vision_config", conv_config)
        if not hasattr(conv_config, "stage_names"):
            raise ValueError(f"conv={conv!r} is a {conv_config.model_type} model: it has to be a backbone with stages")
        if conv_config.out_features == [conv_config.stage_names[-1]]:
            conv_config.out_features = ["stage3"]
        config = cls.config_class(
            text_config=decoder.config, vision_config=vision_config, conv_config=conv_config, **config_overrides
        )
        model = cls._from_config(config, dtype=dtype)
        missing, unexpected = model.model.language_model.load_state_dict(decoder.model.state_dict(), strict=False)
        absent = {text: [key for key in missing if "lora_" not in key and "cross_attn" not in key] + unexpected}
        model.lm_head.load_state_dict(decoder.lm_head.state_dict())
        for tower, name in ((model.model.vision_tower, vision), (model.model.conv_tower, conv)):
            pretrained, info = type(tower).from_pretrained(
                name, config=tower.config, dtype=dtype, output_loading_info=True
            )
            # Norms of a backbone's outputs: no image classifier has them, and new ones do nothing.
            absent[name] = [key for key in info["missing_keys"] if "hidden_states_norms" not in key]
            tower.load_state_dict(pretrained.state_dict())
        for name, keys in absent.items():
            if keys:  # they would be random
                raise ValueError(f"{name} lacks {len(keys)} weights of its model, e.g. {sorted(keys)[0]}")
        for name in cls._keep_in_fp32_modules_strict:
            for module_name, module in model.named_modules():
                if module_name.endswith(name):
                    module.float()
        model.generation_config = decoder.generation_config
        return model

    def get_image_features(self, *args, **kwargs) -> C2CMolaImageFeatures:
        """See [`C2CMolaModel.get_image_features`]."""
        return self.model.get_image_features(*args, **kwargs)

    def get_output_embeddings(self) -> nn.Module:
        return self.lm_head

    @can_return_tuple
    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        pixel_values: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.LongTensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: torch.Tensor | None = None,
        labels: torch.LongTensor | None = None,
        chart_type: torch.LongTensor | None = None,
        num_elements: torch.Tensor | None = None,
        marks: torch.Tensor | None = None,
        corners: torch.Tensor | None = None,
        characters: torch.Tensor | None = None,
        visual_key_values: torch.Tensor | None = None,
        chart_gates: torch.Tensor | None = None,
        chart_experts: torch.Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | torch.Tensor = 0,
        num_items_in_batch: torch.Tensor | int | None = None,
        **kwargs,
    ) -> C2CMolaCausalLMOutputWithPast:
        """
        Args:
            labels (`(B, L)`, *optional*): Code tokens, -100 where there is no loss (prompt, padding).
            num_items_in_batch (*optional*): Number of label tokens that the summed loss is divided by (the Trainer's
                convention under gradient accumulation); without it the loss is the mean.
            The others: see [`C2CMolaModel.forward`].
        """
        outputs = self.model(
            input_ids=input_ids,
            pixel_values=pixel_values,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            chart_type=chart_type,
            num_elements=num_elements,
            marks=marks,
            corners=corners,
            characters=characters,
            visual_key_values=visual_key_values,
            chart_gates=chart_gates,
            chart_experts=chart_experts,
            use_cache=use_cache,
            **kwargs,
        )
        hidden_states = outputs.last_hidden_state
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.lm_head(hidden_states[:, kept])
        loss = None
        if labels is not None:
            loss = self.loss_function(
                logits=logits,
                labels=labels,
                vocab_size=self.config.text_config.vocab_size,
                num_items_in_batch=num_items_in_batch,
            )
        return C2CMolaCausalLMOutputWithPast(loss=loss, logits=logits, **outputs)

    @torch.no_grad()
    def generate(
        self,
        inputs: torch.Tensor | None = None,
        pixel_values: torch.Tensor | None = None,
        chart_type: torch.LongTensor | None = None,
        num_elements: torch.Tensor | None = None,
        chart_gates: torch.Tensor | None = None,
        **kwargs,
    ):
        """As `GenerationMixin.generate`; vision and routing run once per chart, before beams are expanded.
        chart_gates `(B, E)`: in place of the router's decision."""
        if pixel_values is not None:
            features = self.get_image_features(pixel_values, chart_type, num_elements, chart_gates=chart_gates)
            kwargs["visual_key_values"] = self.model.get_visual_key_values(features.visual_tokens)
            chart_gates = features.chart_gates
            if features.chart_experts is not None:
                kwargs["chart_experts"] = features.chart_experts
        if chart_gates is not None:
            kwargs["chart_gates"] = chart_gates
        return super().generate(inputs, **kwargs)

    def _expand_inputs_for_generation(self, *args, visual_key_values: torch.Tensor | None = None, **kwargs):
        # Beams and samples of a chart share its keys and values, which are far larger than all else.
        input_ids, kwargs = super()._expand_inputs_for_generation(*args, **kwargs)
        return input_ids, {**kwargs, "visual_key_values": visual_key_values}


C2CMolaForConditionalGeneration.register_for_auto_class("AutoModelForImageTextToText")
if "." not in __name__:
    AutoModel.register(C2CMolaConfig, C2CMolaForConditionalGeneration, exist_ok=True)
    AutoModelForImageTextToText.register(C2CMolaConfig, C2CMolaForConditionalGeneration, exist_ok=True)

__all__ = ["C2CMolaForConditionalGeneration", "C2CMolaModel", "C2CMolaPreTrainedModel"]
