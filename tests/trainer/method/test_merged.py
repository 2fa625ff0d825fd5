"""Merged weights for inference against the network that is trained; and a replayed call against a plain one."""

import pytest
import torch
from diffusers import UNet2DConditionModel

from trainer.kernels.cuda_graph import Replayed
from trainer.method.adapters import initial_values
from trainer.method.merged import merge_adapters
from trainer.method.unet import DualUNet
from trainer.optim.flat_parameters import AdapterParameters


def make_model(variant):
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=16, block_out_channels=(16, 32, 32, 32), norm_num_groups=8, cross_attention_dim=24,
        attention_head_dim=4,
    ).double().eval()  # fmt: skip
    model = DualUNet(unet, variant=variant, rank=3)
    values = initial_values({prefix: a.parts for prefix, a in model.adapters.items()}, 0)
    # No zeros: every part of the method counts.
    generator = torch.Generator().manual_seed(1)
    values = {name: value + 0.2 * torch.randn(value.shape, generator=generator) for name, value in values.items()}
    AdapterParameters(model.adapters, values, device=torch.device("cpu"), dtype=torch.float64)
    return model


def inputs(variant):
    generator = torch.Generator().manual_seed(2)

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    condition = normal(2, 4, 16, 16) if variant == "bcm" else None
    return normal(2, 2, 4, 16, 16), torch.tensor([3, 700]), normal(2, 2, 7, 24), condition


@pytest.mark.parametrize("variant", ["bcm", "dual"])
def test_merging_changes_nothing(variant):
    model = make_model(variant)
    with torch.no_grad():
        expected = model(*inputs(variant))
        merge_adapters(model)
        got = model(*inputs(variant))
    assert expected.std() > 0.1
    torch.testing.assert_close(got, expected, atol=1e-10, rtol=1e-10)


def test_merged_weights_follow_the_model():
    model = make_model("bcm")
    merge_adapters(model)
    model.to(torch.float32)
    latents, times, text, condition = inputs("bcm")
    assert model(latents.float(), times, text.float(), condition.float()).dtype == torch.float32


def test_a_call_without_a_gpu_is_a_plain_call():
    model = make_model("dual")
    replayed = Replayed(model)
    torch.testing.assert_close(replayed(*inputs("dual")), model(*inputs("dual")))


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("unknown", ["attention_mask", "temb"])
def test_what_the_method_does_not_have_is_refused(merged, unknown):
    model = make_model("dual")
    if merged:
        merge_adapters(model)
    layer = model.unet.mid_block.attentions[0].stock.transformer_blocks[0].stock.attn1
    with pytest.raises(ValueError, match="no attention mask and no time embedding"):
        layer.processor(layer, torch.zeros(2, 4, 32), **{unknown: torch.zeros(2, 4)})


def test_conditions_that_are_shared_change_nothing_but_the_rows():
    """Five samples on two backgrounds and mid-grey, their conditions once each, against five conditions."""
    model = make_model("bcm")
    merge_adapters(model)
    generator = torch.Generator().manual_seed(3)

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    seen_by = torch.tensor([0, 1, 1, 2, 1])
    first = torch.tensor([0, 2, 3])
    latents, conditions, own = normal(5, 2, 4, 16, 16), normal(3, 4, 16, 16), normal(3, 2, 7, 24)
    text, times = own[seen_by], torch.full((5,), 700)
    with torch.no_grad():
        expected = model(latents, times, text, conditions[seen_by])
        rows = []
        hook = model.unet.conv_in.register_forward_hook(lambda _module, given, _result: rows.append(len(given[0])))
        got = model(latents, times, text, conditions, seen_by, first)
        hook.remove()
        again = model(latents, times, text, conditions[seen_by])
        other = model(latents, times, text, conditions.flip(0), seen_by, first)
    assert rows == [3 + 2 * 5]
    torch.testing.assert_close(got, expected, atol=1e-10, rtol=1e-10)
    assert torch.equal(again, expected)
    assert (other - expected).abs().max() > 1e-3
