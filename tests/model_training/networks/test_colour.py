"""Shape apart from colour."""

from __future__ import annotations

from dataclasses import replace

import torch

from model_training.networks.layers.colour import ColourStem, luminance
from model_training.networks.refseg import ReferringSegmentation
from tests.model_training import tiny


def test_the_stem_gives_a_map_for_each_level() -> None:
    stem = ColourStem(7, (8, 16, 16)).eval()
    maps = stem(torch.randn(2, 3, 48, 64))
    assert [tuple(part.shape) for part in maps] == [(2, 7, 6, 8), (2, 7, 3, 4), (2, 7, 3, 4)]
    assert [tuple(part.shape) for part in ColourStem(5, (8, 8, 8))(torch.randn(1, 3, 16, 16))] == [(1, 5, 2, 2)] * 3


def test_shape_does_not_hang_on_colour() -> None:
    model = tiny.network()
    generator = torch.Generator().manual_seed(0)
    grey = torch.randint(60, 190, (1, 48, 64, 1), generator=generator, dtype=torch.uint8).expand(-1, -1, -1, 3)
    mean, std = (getattr(model.encoder, name).flatten() for name in ("mean", "std"))
    shift = (torch.tensor([40.0, -40.0, 0.0]) * std / std.mean()).round()
    painted = (grey + shift).to(torch.uint8)  # another colour of the same luminance, but for rounding
    assert torch.allclose(
        *(luminance(((p.float() - mean) / std).permute(0, 3, 1, 2)) for p in (grey, painted)), atol=0.02
    )
    with torch.no_grad():
        for one, other, shape in zip(
            model.encoder(grey).features, model.encoder(painted).features, model.encoder.shape_channels, strict=True
        ):
            assert one.shape[1] == shape + tiny.NETWORK.colour_channels
            change = (one - other).abs().amax((0, 2, 3))
            assert change[:shape].max() < 0.05 * change[shape:].max()


def test_without_a_stem_the_backbone_sees_colours() -> None:
    torch.manual_seed(0)
    model = ReferringSegmentation(replace(tiny.NETWORK, colour_channels=0)).eval()
    assert model.encoder.channels == model.encoder.shape_channels
    red, blue = torch.zeros(2, 1, 48, 64, 3, dtype=torch.uint8)
    red[..., 0], blue[..., 2] = 200, 200
    with torch.no_grad():
        assert (model.encoder(red).features[0] - model.encoder(blue).features[0]).abs().max() > 1e-3
