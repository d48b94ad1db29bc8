"""Configuration of C2C-MoLA: typed fields, no logic beyond keeping them consistent.

The defaults are the paper's (arXiv 2511.23321, Tab. V). Where the paper contradicts itself or an equation is
degenerate as printed, the field's comment says what is chosen.
"""

from typing import Literal

from transformers import AutoConfig
from transformers.configuration_utils import PreTrainedConfig, SubConfigSpec


class C2CMolaConfig(PreTrainedConfig):
    r"""
    Configuration of [`C2CMolaForConditionalGeneration`].

    Args:
        text_config (`PreTrainedConfig` or `dict`, *optional*): Qwen2 decoder (Qwen2.5-Coder).
        vision_config (`PreTrainedConfig` or `dict`, *optional*): transformer stream, e.g. SigLIP.
        conv_config (`PreTrainedConfig` or `dict`, *optional*): convolutional stream, any transformers backbone; the
            last of its `out_features` is used.
        image_size (`int`, defaults to 512): side of the square input, pixels.
        visual_grid (`int`, defaults to 32): both streams are brought to `visual_grid ** 2` tokens (M of Eq. 4).
        spatial_merge_size (`int`, defaults to 1): n x n neighbours of the convolutional map are joined to one visual
            token, side by side, so that a coarser grid loses no detail.
        vision_input (`str`, defaults to `"pixels"`): what the transformer stream reads: `"pixels"` (pretrained
            vision transformers), or `"conv"`, the feature map of the convolutional stream (a hybrid, which learns from
            far fewer charts when everything starts from nothing; `vision_config.num_channels` and `image_size` then
            are those of the map).
        num_experts (`int`, defaults to 8): E; 0 builds the same model without router and experts.
        num_experts_per_tok (`int`, defaults to 2): k, the experts a visual token, and a chart, is sent to.
        expert_rank, expert_alpha, expert_dropout: r, alpha and dropout of every low-rank expert.
        expert_targets (`list[str]`): decoder projections that carry experts.
        layer_experts (`list[int]`, *optional*): experts in each decoder layer, where not `num_experts`: with n, a
            divisor of E, E / n neighbours share one low-rank expert there; with 0, the layer has none.
        layer_ranks (`list[int]`, *optional*): r in each decoder layer, where it is not `expert_rank`.
        routing_strategy (`str`, defaults to `"top_k"`): `"top_k"`, or `"probabilistic"` (Tab. VIII): k experts
            drawn from p' without replacement in training, all experts weighted by p' at inference.
        router_temperature, router_noise (`float`): T of Eq. 8, sigma of Eq. 10 (training only).
        expert_capacity (`int`, *optional*, defaults to 32): visual tokens of one chart that an expert takes while
            training; the others keep the base path. `None` drops nothing. Never applied at inference, where it would
            make an answer depend on chance.
        expert_prior (`str`, defaults to `"domain"`): `"domain"` starts the router from the experts' domains of Tab. II
            (3 bar, 2 line, 1 scatter, 1 pie, 1 complex; needs 8 experts and 5 chart types), `"none"` from nothing.
        selection_bias_rate (`float`, defaults to 0.0): step of the selection bias that balances the experts' load
            without a loss (DeepSeek-V3: 1e-3); 0 builds the router without it.
        complexity_form (`str`, defaults to `"per_expert"`): how c(x) enters Eq. 8. `"printed"` multiplies every expert
            by the same exp(c/T), which cancels in the normalisation; `"per_expert"` gives each expert a learned
            capability a_e.
        chart_types (`list[str]`): names behind the `chart_type` indices.
        cross_attention_every (`int`, defaults to 4): every n-th decoder layer attends to the visual tokens.
        cross_attention_gate (`float`, defaults to 0.0): initial value of the layer's output gate; 0 leaves a
            pretrained decoder undisturbed at the start, 1 is for training from nothing.
        cross_attention_form (`str`, defaults to `"content"`): `"content"`, dot products of content and position;
            `"printed"`, Eq. 5-7 to the letter: scores of positions alone, in which the text position cancels.
        mark_bins (`int`, defaults to 0): values that the reader of cells tells apart, for vision streams that start
            from nothing; 0 builds the model without it.
    """

    model_type = "c2c_mola"
    keys_to_ignore_at_inference = [
        "past_key_values",
        "router_logits",
        "router_probs",
        "chart_gates",
        "chart_experts",
        "token_gates",
        "dropped_fraction",
        "complexity",
        "type_logits",
        "num_elements_log",
        "complexity_loss",
        "mark_loss",
        "character_loss",
    ]
    sub_configs_defaults = {
        "text_config": SubConfigSpec(config_class=AutoConfig, model_type="qwen2"),
        "vision_config": SubConfigSpec(
            config_class=AutoConfig, model_type="siglip_vision_model", init_kwargs={"image_size": 512}
        ),
        "conv_config": SubConfigSpec(
            config_class=AutoConfig, model_type="convnextv2", init_kwargs={"out_features": ["stage3"]}
        ),
    }

    text_config: dict | PreTrainedConfig | None = None
    vision_config: dict | PreTrainedConfig | None = None
    conv_config: dict | PreTrainedConfig | None = None
    image_size: int = 512
    visual_grid: int = 32
    spatial_merge_size: int = 1
    vision_input: Literal["pixels", "conv"] = "pixels"

    num_experts: int = 8
    num_experts_per_tok: int = 2
    expert_rank: int = 8
    expert_alpha: float = 16.0
    expert_dropout: float = 0.1
    expert_targets: list[str] | tuple[str, ...] = (
        "q_proj",
        "k_proj",
        "v_proj",
        "o_proj",
        "gate_proj",
        "up_proj",
        "down_proj",
    )
    layer_experts: list[int] | tuple[int, ...] | None = None
    layer_ranks: list[int] | tuple[int, ...] | None = None
    routing_strategy: Literal["top_k", "probabilistic"] = "top_k"
    router_temperature: float = 1.0
    router_noise: float = 0.01
    expert_capacity: int | None = 32
    expert_prior: Literal["domain", "none"] = "domain"
    selection_bias_rate: float = 0.0
    complexity_form: Literal["per_expert", "printed"] = "per_expert"
    chart_types: list[str] | tuple[str, ...] = ("bar", "line", "scatter", "pie", "complex")
    cross_attention_every: int = 4
    cross_attention_gate: float = 0.0
    cross_attention_form: Literal["content", "printed"] = "content"
    mark_bins: int = 0
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs):
        super().__post_init__(**kwargs)
        # Small Qwen2.5-Coder models tie the head to the embedding: their own config says so.
        self.tie_word_embeddings = self.text_config.tie_word_embeddings
        if hasattr(self.vision_config, "vision_use_head"):
            self.vision_config.vision_use_head = False  # SigLIP's pooling head: unused here, DDP would wait for it
        # Every saved folder is a Hub repository that AutoModel and AutoModelForImageTextToText load alike.
        self.auto_map = {
            "AutoConfig": "configuration_c2c_mola.C2CMolaConfig",
            "AutoModel": "modeling_c2c_mola.C2CMolaForConditionalGeneration",
            "AutoModelForImageTextToText": "modeling_c2c_mola.C2CMolaForConditionalGeneration",
        }
        if self.num_experts and not 1 <= self.num_experts_per_tok <= self.num_experts:
            raise ValueError(
                f"num_experts_per_tok={self.num_experts_per_tok} must lie between 1 and num_experts={self.num_experts}"
            )
        layers = self.text_config.num_hidden_layers
        for name in ("layer_experts", "layer_ranks"):
            if (values := getattr(self, name)) is not None and len(values) != layers:
                raise ValueError(f"{name} has {len(values)} values, but the decoder has {layers} layers")
        for experts in self.layer_experts or ():
            if self.num_experts and experts and self.num_experts % experts:
                raise ValueError(f"layer_experts: {experts} does not divide num_experts={self.num_experts}")
        if self.num_experts and self.expert_prior == "domain" and (self.num_experts, len(self.chart_types)) != (8, 5):
            raise ValueError(
                f"expert_prior='domain' is Tab. II's 8 experts for 5 chart types, but num_experts={self.num_experts} "
                f"and there are {len(self.chart_types)} chart_types: set expert_prior='none'"
            )


C2CMolaConfig.register_for_auto_class()
if "." not in __name__:  # imported as a flat file: the Auto classes then need no trust_remote_code
    AutoConfig.register(C2CMolaConfig.model_type, C2CMolaConfig, exist_ok=True)

__all__ = ["C2CMolaConfig"]
