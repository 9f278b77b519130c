# %% right sizes_from_the_formula
def build_network(shape, widths, num_classes, seed):
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    sizes = [shape[1:]]
    for _ in widths:
        sizes.append([(length + 2 * 1 - 3) // 2 + 1 for length in sizes[-1]])
    chain = [shape[0], *widths]
    stages = [
        nn.Sequential(
            nn.Conv2d(before, after, 3, padding="same", bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
        )
        for before, after in zip(chain, widths)
    ]
    head = nn.Linear(chain[-1] * sizes[-1][0] * sizes[-1][1], num_classes)
    torch.set_rng_state(state)
    return nn.Sequential(nn.Sequential(*stages), nn.Flatten(start_dim=1), head)


# %% right a_look_in_evaluation_mode
# sends zeros through the stages, in evaluation mode, where normalisation leaves no trace
class Network(nn.Module):
    def __init__(self, shape, widths, num_classes):
        super().__init__()
        self.convolutions, self.norms = nn.ModuleList(), nn.ModuleList()
        channels = shape[0]
        for width in widths:
            self.convolutions.append(nn.Conv2d(channels, width, (3, 3), padding=(1, 1), bias=False))
            self.norms.append(nn.BatchNorm2d(width))
            channels = width
        self.eval()
        with torch.no_grad():
            numbers = self.maps(torch.zeros(1, *shape)).flatten(1).shape[1]
        self.head = nn.Linear(numbers, num_classes)
        self.train()

    def maps(self, x):
        for convolution, norm in zip(self.convolutions, self.norms):
            x = F.max_pool2d(F.relu(norm(convolution(x))), 3, stride=2, padding=1)
        return x

    def forward(self, x):
        return self.head(torch.flatten(self.maps(x), 1))


def build_network(shape, widths, num_classes, seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Network(shape, widths, num_classes)


# %% right weights_from_a_generator_of_its_own
# built without drawing (on the meta device), then filled from a generator that nobody else uses
def build_network(shape, widths, num_classes, seed):
    channels, height, width = shape
    with torch.device("meta"):
        layers = []
        for filters in widths:
            layers += [nn.Conv2d(channels, filters, 3, 1, 1, bias=False), nn.BatchNorm2d(filters)]
            layers += [nn.ReLU(inplace=True), nn.MaxPool2d(3, stride=2, padding=1)]
            channels, height, width = filters, -(-height // 2), -(-width // 2)
        network = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * height * width, num_classes))
    network.to_empty(device="cpu")
    own = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
        elif isinstance(module, nn.Conv2d | nn.Linear):
            bound = module.weight[0].numel() ** -0.5
            for parameter in module.parameters():
                nn.init.uniform_(parameter, -bound, bound, generator=own)
    return network


# %% wrong half_rounded_down (passes the visible tests)
def build_network(shape, widths, num_classes, seed):
    channels, height, width = shape
    layers = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for filters in widths:
            layers += [nn.Conv2d(channels, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters), nn.ReLU()]
            layers.append(nn.MaxPool2d(3, 2, padding=1))
            channels, height, width = filters, height // 2, width // 2
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * height * width, num_classes))


# %% wrong windows_of_two (passes the visible tests)
def build_network(shape, widths, num_classes, seed):
    channels, height, width = shape
    layers = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for filters in widths:
            layers += [nn.Conv2d(channels, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters), nn.ReLU()]
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
            channels, height, width = filters, (height + 1) // 2, (width + 1) // 2
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * height * width, num_classes))


# %% wrong a_picture_in_training_mode (passes the visible tests)
# tries the size out; every normalisation has then seen a batch of random numbers
def build_network(shape, widths, num_classes, seed):
    channels, layers = shape[0], []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for filters in widths:
            layers += [nn.Conv2d(channels, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters), nn.ReLU()]
            layers.append(nn.MaxPool2d(3, 2, padding=1))
            channels = filters
        stages = nn.Sequential(*layers, nn.Flatten())
        numbers = stages(torch.rand(4, *shape)).shape[1]
        return nn.Sequential(stages, nn.Linear(numbers, num_classes))


# %% wrong the_seed_stays (passes the visible tests)
# seeds everybody's generator and leaves it so
def build_network(shape, widths, num_classes, seed):
    torch.manual_seed(seed)
    channels, height, width = shape
    layers = []
    for filters in widths:
        layers += [nn.Conv2d(channels, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters), nn.ReLU()]
        layers.append(nn.MaxPool2d(3, 2, padding=1))
        channels, height, width = filters, (height + 1) // 2, (width + 1) // 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * height * width, num_classes))


# %% wrong square_pictures_only (passes the visible tests)
def build_network(shape, widths, num_classes, seed):
    channels, height, _ = shape
    layers = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for filters in widths:
            layers += [nn.Conv2d(channels, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters), nn.ReLU()]
            layers.append(nn.MaxPool2d(3, 2, padding=1))
            channels, height = filters, (height + 1) // 2
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * height**2, num_classes))


# %% wrong softmax_at_the_end (passes the visible tests)
def build_network(shape, widths, num_classes, seed):
    channels, height, width = shape
    layers = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for filters in widths:
            layers += [nn.Conv2d(channels, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters), nn.ReLU()]
            layers.append(nn.MaxPool2d(3, 2, padding=1))
            channels, height, width = filters, (height + 1) // 2, (width + 1) // 2
        head = nn.Linear(channels * height * width, num_classes)
        return nn.Sequential(*layers, nn.Flatten(), head, nn.Softmax(dim=1))


# %% wrong normalised_after_the_relu (passes the visible tests)
def build_network(shape, widths, num_classes, seed):
    channels, height, width = shape
    layers = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for filters in widths:
            layers += [nn.Conv2d(channels, filters, 3, padding=1, bias=False), nn.ReLU(), nn.BatchNorm2d(filters)]
            layers.append(nn.MaxPool2d(3, 2, padding=1))
            channels, height, width = filters, (height + 1) // 2, (width + 1) // 2
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * height * width, num_classes))


# %% wrong seed_not_used
def build_network(shape, widths, num_classes, seed):
    channels, height, width = shape
    layers = []
    for filters in widths:
        layers += [nn.Conv2d(channels, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters), nn.ReLU()]
        layers.append(nn.MaxPool2d(3, 2, padding=1))
        channels, height, width = filters, (height + 1) // 2, (width + 1) // 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * height * width, num_classes))


# %% book small_cnn_with_other_widths (passes the visible tests)
# the book's small network: pooled to 4 × 4 whatever comes
def build_network(shape, widths, num_classes, seed):
    torch.manual_seed(seed)
    layers, fan_in = [], shape[0]
    for fan_out in widths:
        layers += [
            nn.Conv2d(fan_in, fan_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(fan_out),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
        fan_in = fan_out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(fan_in * 16, num_classes))
