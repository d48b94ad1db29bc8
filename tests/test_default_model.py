"""The trained model at the root of the repository, as a stranger uses it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
CHARTS = ["quarterly_sales", "browser_share", "web_traffic"]


@pytest.fixture(scope="module")
def default():
    from chart2code.generation import load_model

    return load_model(ROOT)


def test_weights_are_small_and_the_experts_trained(default):
    model, _ = default
    assert (ROOT / "model.safetensors").stat().st_size <= 40_000_000
    assert model.config.num_experts == 8 and model.config.num_experts_per_tok == 2
    parameters = dict(model.named_parameters())
    assert all(torch.isfinite(parameter).all() for parameter in parameters.values())
    assert all(parameter.abs().sum() > 0 for name, parameter in parameters.items() if "lora_B" in name)


def test_a_batch_of_charts_gives_what_each_gives_alone(default):
    model, processor = default
    images = [Image.open(ROOT / "examples" / f"{name}.png") for name in CHARTS]
    inputs = processor(images=images)
    together = model.generate(**inputs, max_new_tokens=60)
    uncached = model.generate(**inputs, max_new_tokens=60, use_cache=False)
    assert torch.equal(together, uncached)
    for image, tokens in zip(images, together):
        alone = model.generate(**processor(images=image), max_new_tokens=60)[0]
        assert torch.equal(alone, tokens[: len(alone)])


def test_the_readme_usage_works_from_another_folder(tmp_path):
    chart = str(ROOT / "examples" / "quarterly_sales.png")
    script = f"""
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor, pipeline

model = AutoModelForImageTextToText.from_pretrained({str(ROOT)!r}, trust_remote_code=True)
processor = AutoProcessor.from_pretrained({str(ROOT)!r}, trust_remote_code=True)
inputs = processor(images=Image.open({chart!r}), return_tensors="pt")
code = processor.batch_decode(model.generate(**inputs), skip_special_tokens=True)[0]
pipe = pipeline("image-text-to-text", model=model, processor=processor)
for text in ("", [{{"role": "user", "content": [{{"type": "image", "url": {chart!r}}}]}}]):
    images = None if text else {chart!r}
    assert pipe(images=images, text=text, return_full_text=False)[0]["generated_text"] == code
print(code)
"""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"HF_HOME": str(tmp_path)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("import matplotlib.pyplot as plt\n") and "ax." in done.stdout


def test_every_class_is_in_the_auto_map():
    assert set(json.loads((ROOT / "config.json").read_text())["auto_map"]) == {
        "AutoConfig", "AutoModel", "AutoModelForImageTextToText",
    }  # fmt: skip
    assert "AutoProcessor" in json.loads((ROOT / "processor_config.json").read_text())["auto_map"]
