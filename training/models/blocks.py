"""Building blocks that several families share."""

from __future__ import annotations

from torch import Tensor, nn


def conv_norm(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1, activate: bool = True
) -> nn.Sequential:
    """Convolution that keeps the size (divided by `stride`, rounded up), batch norm and, if `activate`, ReLU."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if activate else nn.Sequential(*layers)


class InvertedResidual(nn.Module):
    """1x1 expansion, 3x3 depthwise, linear 1x1 projection; with a shortcut where the shape stays.

    Source: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018 (ReLU for ReLU6).
    """

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1, expansion: int = 4) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.shortcut = stride == 1 and inputs == outputs
        self.branch = nn.Sequential(
            conv_norm(inputs, hidden, 1),
            conv_norm(hidden, hidden, 3, stride=stride, groups=hidden),
            conv_norm(hidden, outputs, 1, activate=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W)` to `(B, D, ceil(H / stride), ceil(W / stride))`."""
        found: Tensor = self.branch(x)
        return x + found if self.shortcut else found


def residuals(inputs: int, outputs: int, depth: int, expansion: int) -> nn.Sequential:
    """`depth` inverted residuals, the first of stride 2."""
    first = InvertedResidual(inputs, outputs, stride=2, expansion=expansion)
    rest = (InvertedResidual(outputs, outputs, expansion=expansion) for _ in range(depth - 1))
    return nn.Sequential(first, *rest)


def start_unsure(head: nn.Conv2d) -> None:
    """Give a head small weights and a bias towards background, as most pixels are, so that training starts gently."""
    nn.init.normal_(head.weight, std=0.01)
    assert head.bias is not None
    nn.init.constant_(head.bias, -1.0)


def start_kernels(module: nn.Module) -> None:
    """He initialisation of convolutions."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
