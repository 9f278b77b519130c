# %% right permuted_once_as_a_view
# a tensor that shares the array's memory; one multiplication and one addition for each picture
class PictureSet(Dataset):
    def __init__(self, images, labels, statistics=None, mirrored=False):
        self.view = torch.from_numpy(images).permute(0, 3, 1, 2)
        self.labels = [int(label) for label in labels]
        if statistics is None:
            channels = self.view.permute(1, 0, 2, 3).flatten(1).double() / 255
            statistics = channels.mean(dim=1).numpy(), channels.std(dim=1, correction=0).numpy()
        self.statistics = statistics
        mean, spread = (torch.from_numpy(np.array(part, dtype=np.float64)) for part in statistics)
        divisor = torch.where(spread < 1e-6, torch.ones_like(spread), spread)
        self.factor = (1 / (255 * divisor)).view(-1, 1, 1)
        self.shift = (mean / divisor).view(-1, 1, 1)
        self.copies = 2 if mirrored else 1

    def __len__(self):
        return self.copies * len(self.labels)

    def __getitem__(self, index):
        place = range(len(self))[index]
        picture = self.view[place % len(self.labels)].double() * self.factor - self.shift
        if place >= len(self.labels):
            picture = torch.flip(picture, [2])
        return picture.float(), self.labels[place % len(self.labels)]


# %% right counts_of_each_value
# statistics from histograms: 256 counts a channel; a table of 256 results a channel serves the pictures
class PictureSet(Dataset):
    def __init__(self, images, labels, statistics=None, mirrored=False):
        self.images, self.labels = images, labels
        self.mirrored = mirrored
        values = np.arange(256) / 255
        if statistics is None:
            counts = np.stack([np.bincount(images[..., c].ravel(), minlength=256) for c in range(images.shape[-1])])
            mean = counts @ values / counts.sum(axis=1)
            variance = (counts * (values - mean[:, None]) ** 2).sum(axis=1) / counts.sum(axis=1)
            statistics = (mean, np.sqrt(variance))
        self.statistics = statistics
        self.table = [(values - m) / (s if s >= 1e-6 else 1.0) for m, s in zip(*statistics)]

    def __len__(self):
        n = len(self.images)
        return n + n if self.mirrored else n

    def __getitem__(self, index):
        n = len(self)
        if index < 0:
            index += n
        if index < 0 or index >= n:
            raise IndexError("out of range")
        base = index if index < len(self.images) else index - len(self.images)
        picture = self.images[base]
        if base != index:
            picture = np.fliplr(picture)
        channels = [self.table[c][picture[..., c]] for c in range(picture.shape[-1])]
        return torch.tensor(np.array(channels), dtype=torch.float32), int(self.labels[base])


# %% right one_picture_after_the_other
# statistics by adding up picture by picture: no large array of floats anywhere
class PictureSet(Dataset):
    def __init__(self, images, labels, statistics=None, mirrored=False):
        if statistics is None:
            count = len(images) * images.shape[1] * images.shape[2]
            mean = sum((p / 255).sum(axis=(0, 1)) for p in images) / count
            squares = sum(((p / 255 - mean) ** 2).sum(axis=(0, 1)) for p in images)
            statistics = mean, (squares / count) ** 0.5
        self.statistics = statistics
        self.pairs = images, labels
        self.order = list(range(len(images))) + [~i for i in range(len(images))] * bool(mirrored)

    def __len__(self):
        return len(self.order)

    def __getitem__(self, index):
        images, labels = self.pairs
        entry = self.order[index]
        i = entry if entry >= 0 else ~entry
        x = images[i].astype(np.float64) / 255
        x = x[:, ::-1, :] if entry < 0 else x
        mean, spread = self.statistics
        for c in range(x.shape[-1]):
            x[..., c] -= mean[c]
            if spread[c] >= 1e-6:
                x[..., c] /= spread[c]
        return torch.from_numpy(np.moveaxis(x, -1, 0).copy()).float(), labels[i].item()


# %% wrong own_statistics_always (passes the visible tests)
# validation pictures are normalised by themselves
class PictureSet(Dataset):
    def __init__(self, images, labels, statistics=None, mirrored=False):
        self.images, self.labels, self.mirrored = images, labels, mirrored
        x = images / 255
        self.statistics = x.mean(axis=(0, 1, 2)), x.std(axis=(0, 1, 2))

    def __len__(self):
        return len(self.images) * (1 + self.mirrored)

    def __getitem__(self, index):
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        swap, i = divmod(index % len(self), len(self.images))
        x = self.images[i][:, ::-1] if swap else self.images[i]
        mean, spread = self.statistics
        x = (x / 255 - mean) / np.where(spread < 1e-6, 1, spread)
        return torch.from_numpy(x.transpose(2, 0, 1).copy()).float(), int(self.labels[i])


# %% wrong upside_down (passes the visible tests)
class PictureSet(Dataset):
    def __init__(self, images, labels, statistics=None, mirrored=False):
        self.images, self.labels, self.mirrored = images, labels, mirrored
        x = images / 255
        self.statistics = statistics or (x.mean(axis=(0, 1, 2)), x.std(axis=(0, 1, 2)))

    def __len__(self):
        return len(self.images) * (1 + self.mirrored)

    def __getitem__(self, index):
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        swap, i = divmod(index % len(self), len(self.images))
        x = self.images[i][::-1] if swap else self.images[i]
        mean, spread = self.statistics
        x = (x / 255 - mean) / np.where(spread < 1e-6, 1, spread)
        return torch.from_numpy(x.transpose(2, 0, 1).copy()).float(), int(self.labels[i])


# %% wrong converted_beforehand (passes the visible tests)
# a float copy of all pictures
class PictureSet(Dataset):
    def __init__(self, images, labels, statistics=None, mirrored=False):
        x = images / 255
        self.statistics = statistics or (x.mean(axis=(0, 1, 2)), x.std(axis=(0, 1, 2)))
        mean, spread = self.statistics
        x = (x - mean) / np.where(spread < 1e-6, 1, spread)
        if mirrored:
            x, labels = np.concatenate([x, x[:, :, ::-1]]), np.concatenate([labels, labels])
        self.x, self.labels = torch.tensor(x.transpose(0, 3, 1, 2).copy(), dtype=torch.float32), labels.tolist()

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        return self.x[index], self.labels[index]


# %% wrong divided_by_one_less (passes the visible tests)
# torch's std divides by the count minus one
class PictureSet(Dataset):
    def __init__(self, images, labels, statistics=None, mirrored=False):
        self.images, self.labels, self.mirrored = torch.from_numpy(images).permute(0, 3, 1, 2), labels, mirrored
        x = self.images.double() / 255
        self.statistics = statistics or (x.mean(dim=(0, 2, 3)).numpy(), x.std(dim=(0, 2, 3)).numpy())

    def __len__(self):
        return len(self.images) * (1 + self.mirrored)

    def __getitem__(self, index):
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        swap, i = divmod(index % len(self), len(self.images))
        mean, spread = (torch.from_numpy(part.copy()).view(-1, 1, 1) for part in self.statistics)
        x = (self.images[i] / 255 - mean) / torch.where(spread < 1e-6, 1.0, spread)
        return (x.flip(2) if swap else x).float(), int(self.labels[i])


# %% wrong an_epsilon_in_the_divisor (passes the visible tests)
class PictureSet(Dataset):
    def __init__(self, images, labels, statistics=None, mirrored=False):
        self.images, self.labels, self.mirrored = images, labels, mirrored
        x = images / 255
        self.statistics = statistics or (x.mean(axis=(0, 1, 2)), x.std(axis=(0, 1, 2)))

    def __len__(self):
        return len(self.images) * (1 + self.mirrored)

    def __getitem__(self, index):
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        swap, i = divmod(index % len(self), len(self.images))
        x = self.images[i][:, ::-1] if swap else self.images[i]
        mean, spread = self.statistics
        x = (x / 255 - mean) / (spread + 1e-3)
        return torch.from_numpy(x.transpose(2, 0, 1).copy()).float(), int(self.labels[i])


# %% wrong remainder_for_every_index
# an index that is out of range starts again: loops over the set never end
class PictureSet(Dataset):
    def __init__(self, images, labels, statistics=None, mirrored=False):
        self.images, self.labels, self.mirrored = images, labels, mirrored
        x = images / 255
        self.statistics = statistics or (x.mean(axis=(0, 1, 2)), x.std(axis=(0, 1, 2)))

    def __len__(self):
        return len(self.images) * (1 + self.mirrored)

    def __getitem__(self, index):
        swap, i = divmod(index % len(self), len(self.images))
        x = self.images[i][:, ::-1] if swap else self.images[i]
        mean, spread = self.statistics
        x = (x / 255 - mean) / np.where(spread < 1e-6, 1, spread)
        return torch.from_numpy(x.transpose(2, 0, 1).copy()).float(), int(self.labels[i])


# %% wrong reshaped_into_place
# reshape instead of transpose: channels are torn apart
class PictureSet(Dataset):
    def __init__(self, images, labels, statistics=None, mirrored=False):
        n, h, w, c = images.shape
        self.images, self.labels, self.mirrored = images.reshape(n, c, h, w), labels, mirrored
        x = self.images / 255
        self.statistics = statistics or (x.mean(axis=(0, 2, 3)), x.std(axis=(0, 2, 3)))

    def __len__(self):
        return len(self.images) * (1 + self.mirrored)

    def __getitem__(self, index):
        swap, i = divmod(index % len(self), len(self.images))
        mean, spread = (part[:, None, None] for part in self.statistics)
        x = (self.images[i] / 255 - mean) / spread
        return torch.from_numpy(x).float(), self.labels[i]


# %% wrong integers_all_the_way
# uint8 minus a mean in uint8 wraps around
class PictureSet(Dataset):
    def __init__(self, images, labels, statistics=None, mirrored=False):
        self.images, self.labels, self.mirrored = images, labels, mirrored
        self.statistics = statistics or (images.mean(axis=(0, 1, 2)) / 255, images.std(axis=(0, 1, 2)) / 255)

    def __len__(self):
        return len(self.images) * (1 + self.mirrored)

    def __getitem__(self, index):
        mean, spread = self.statistics
        x = self.images[index % len(self.images)]
        x = (x - (mean * 255).astype(np.uint8)) / 255 / spread
        return torch.from_numpy(x.transpose(2, 0, 1).copy()).float(), int(self.labels[index % len(self.images)])


# %% book scaled_pictures
# chapter 7: one scaling for all data sets, pictures as tensors
class PictureSet(Dataset):
    def __init__(self, images, labels, statistics=None, mirrored=False):
        self.images = torch.from_numpy(images)
        self.labels = torch.from_numpy(labels)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        x = self.images[i].permute(2, 0, 1).float() / 255
        return x, self.labels[i]
