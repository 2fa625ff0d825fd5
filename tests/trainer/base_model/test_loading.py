"""Parts of a base model are what the trainer computes in, whatever they were saved in."""

from __future__ import annotations

import torch

from trainer.base_model.loading import PART_FILES, ModelLoader


def test_a_text_encoder_saved_in_float16_is_float32(tmp_path):
    from transformers import CLIPTextConfig, CLIPTextModel

    config = CLIPTextConfig(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        bos_token_id=0,
        eos_token_id=1,
    )
    CLIPTextModel(config).half().save_pretrained(tmp_path / "text_encoder")
    for part, file in PART_FILES.items():  # enough for a folder to count as whole
        if part != "text_encoder":
            (tmp_path / part).mkdir()
            (tmp_path / part / file).write_text("{}")
    loaded = ModelLoader(str(tmp_path), None).text_encoder()
    assert {tensor.dtype for tensor in loaded.parameters()} == {torch.float32}
