"""Multi-level feature aggregation: the partial decoder that draws the mask."""

import torch
from torch import nn

from .layers import conv, resize_like


class MFA(nn.Module):
    """A partial decoder (CPD, CVPR 2019) of the levels at strides 8, 16 and 32.

    Deeper levels gate the shallower ones by multiplication, then two concatenations carry them down to stride 8.

    Input: x2, y3, y4 with `channels`. Output: mask logits, N x 1, and the features behind them, of x2's size.
    """

    def __init__(self, channels: tuple[int, int, int] = (32, 64, 128)):
        super().__init__()
        c2, c3, c4 = channels
        self.y4_gates_y3, self.y4_gates_x2, self.y3_gates_x2 = conv(c4, c3), conv(c4, c2), conv(c3, c2)
        self.carry_y4, self.merge3 = conv(c4, c4), conv(c3 + c4, c3 + c4)
        self.carry_b3, self.merge2 = conv(c3 + c4, c3 + c4), conv(c2 + c3 + c4, c2 + c3 + c4)
        self.classify = conv(c2 + c3 + c4, 1)

    def forward(self, x2: torch.Tensor, y3: torch.Tensor, y4: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y4_at_3 = resize_like(y4, y3)
        y4_at_2 = resize_like(y4_at_3, x2)
        a3 = self.y4_gates_y3(y4_at_3) * y3
        a2 = self.y4_gates_x2(y4_at_2) * self.y3_gates_x2(resize_like(y3, x2)) * x2
        b3 = self.merge3(torch.cat([a3, self.carry_y4(y4_at_3)], dim=1))
        b2 = self.merge2(torch.cat([a2, self.carry_b3(resize_like(b3, x2))], dim=1))
        return self.classify(b2), b2
