# %% right one_sequence
class SeparableBlock(nn.Sequential):
    def __init__(self, in_channels, out_channels, stride=1, dilation=1):
        super().__init__(
            nn.Conv2d(in_channels, in_channels, 3, stride, dilation, dilation, groups=in_channels, bias=False),
            nn.BatchNorm2d(in_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(in_channels, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )


# %% right weights_by_hand
# parameters of its own, nine shifted copies of the padded maps, and a matrix product over channels
class SeparableBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, dilation=1):
        super().__init__()
        self.stride, self.dilation = stride, dilation
        self.taps = nn.Parameter(torch.randn(in_channels, 1, 3, 3) / 3)
        self.mix = nn.Parameter(torch.randn(out_channels, in_channels, 1, 1) / in_channels**0.5)
        self.norms = nn.ModuleList([nn.BatchNorm2d(in_channels), nn.BatchNorm2d(out_channels)])

    def forward(self, x):
        d, s = self.dilation, self.stride
        height, width = x.shape[2:]
        padded = F.pad(x, (d, d, d, d))
        out = 0
        for i in range(3):
            for j in range(3):
                seen = padded[:, :, i * d : i * d + height : s, j * d : j * d + width : s]
                out = out + seen * self.taps[:, 0, i, j].view(1, -1, 1, 1)
        out = F.relu(self.norms[0](out))
        out = torch.tensordot(out, self.mix[:, :, 0, 0], dims=([1], [1])).permute(0, 3, 1, 2)
        return self.norms[1](out)


# %% right channel_by_channel
# the 3 × 3 layer as one convolution for all channels stacked as pictures, each with a filter picked out by unfold
class SeparableBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, dilation=1):
        super().__init__()
        self.settings = {"kernel_size": 3, "stride": stride, "padding": dilation, "dilation": dilation}
        self.depthwise = nn.Conv2d(in_channels, in_channels, groups=in_channels, bias=False, **self.settings)
        self.pointwise = nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=False)
        self.bn_out, self.bn_in = nn.BatchNorm2d(out_channels), nn.BatchNorm2d(in_channels)

    def forward(self, x):
        n, c, h, w = x.shape
        stride = self.settings["stride"]
        patches = F.unfold(x, **self.settings).view(n, c, 9, -1)
        maps = (patches * self.depthwise.weight.view(1, c, 9, 1)).sum(dim=2)
        maps = maps.view(n, c, (h - 1) // stride + 1, (w - 1) // stride + 1)
        maps = self.bn_in(maps).clamp(min=0)
        return self.bn_out(self.pointwise(maps))


# %% wrong bias_kept (passes the visible tests)
class SeparableBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, dilation=1):
        super().__init__()
        self.depthwise = nn.Conv2d(in_channels, in_channels, 3, stride, dilation, dilation, groups=in_channels)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1)
        self.bn1, self.bn2 = nn.BatchNorm2d(in_channels), nn.BatchNorm2d(out_channels)

    def forward(self, x):
        return self.bn2(self.pointwise(F.relu(self.bn1(self.depthwise(x)))))


# %% wrong relu_at_the_end (passes the visible tests)
class SeparableBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, dilation=1):
        super().__init__()
        self.depthwise = nn.Conv2d(
            in_channels, in_channels, 3, stride, dilation, dilation, groups=in_channels, bias=False
        )
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(in_channels), nn.BatchNorm2d(out_channels)

    def forward(self, x):
        return F.relu(self.bn2(self.pointwise(F.relu(self.bn1(self.depthwise(x))))))


# %% wrong stride_in_the_wrong_layer (passes the visible tests)
class SeparableBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, dilation=1):
        super().__init__()
        d = dilation
        self.depthwise = nn.Conv2d(in_channels, in_channels, 3, 1, d, d, groups=in_channels, bias=False)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(in_channels), nn.BatchNorm2d(out_channels)

    def forward(self, x):
        return self.bn2(self.pointwise(F.relu(self.bn1(self.depthwise(x)))))


# %% wrong dilation_forgotten (passes the visible tests)
class SeparableBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, dilation=1):
        super().__init__()
        self.depthwise = nn.Conv2d(in_channels, in_channels, 3, stride, 1, groups=in_channels, bias=False)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(in_channels), nn.BatchNorm2d(out_channels)

    def forward(self, x):
        return self.bn2(self.pointwise(F.relu(self.bn1(self.depthwise(x)))))


# %% wrong every_channel_sees_all (passes the visible tests)
# without groups
class SeparableBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, dilation=1):
        super().__init__()
        self.depthwise = nn.Conv2d(in_channels, in_channels, 3, stride, dilation, dilation, bias=False)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(in_channels), nn.BatchNorm2d(out_channels)

    def forward(self, x):
        return self.bn2(self.pointwise(F.relu(self.bn1(self.depthwise(x)))))


# %% wrong frozen_statistics_in_training (passes the visible tests)
# running averages even in training mode
class SeparableBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, dilation=1):
        super().__init__()
        d = dilation
        self.depthwise = nn.Conv2d(in_channels, in_channels, 3, stride, d, d, groups=in_channels, bias=False)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(in_channels).eval(), nn.BatchNorm2d(out_channels).eval()

    def train(self, mode=True):
        return super().train(False)

    def forward(self, x):
        return self.bn2(self.pointwise(F.relu(self.bn1(self.depthwise(x)))))


# %% wrong padding_without_dilation
class SeparableBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, dilation=1):
        super().__init__()
        self.depthwise = nn.Conv2d(
            in_channels, in_channels, 3, stride, padding=1, dilation=dilation, groups=in_channels, bias=False
        )
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(in_channels), nn.BatchNorm2d(out_channels)

    def forward(self, x):
        return self.bn2(self.pointwise(F.relu(self.bn1(self.depthwise(x)))))


# %% wrong relu_into_the_input
# works in place on what it was given
class SeparableBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, dilation=1):
        super().__init__()
        d = dilation
        self.depthwise = nn.Conv2d(in_channels, in_channels, 3, stride, d, d, groups=in_channels, bias=False)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(in_channels), nn.BatchNorm2d(out_channels)

    def forward(self, x):
        x = self.depthwise(x.relu_())
        return self.bn2(self.pointwise(self.bn1(x)))


# %% book convolution_normalisation_relu (passes the visible tests)
# chapter 7's stage: a plain 3 × 3 convolution
class SeparableBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, dilation=1):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, x):
        return torch.relu(self.norm(self.conv(x)))
