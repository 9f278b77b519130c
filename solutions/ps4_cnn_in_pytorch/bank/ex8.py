# %% right a_deeper_network_with_momentum
# three stages, SGD with Nesterov momentum, each batch turned as a whole, warm-up and cosine by hand
def fit_predict(train_images, train_labels, images):
    def to_tensor(pictures):
        return torch.tensor(pictures.transpose(0, 3, 1, 2).copy(), dtype=torch.float32) / 64 - 2

    rng = np.random.default_rng(11)
    torch.manual_seed(11)
    x, y = to_tensor(train_images), torch.tensor(train_labels)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 48, 3, padding=1, bias=False), nn.BatchNorm2d(48), nn.ReLU(),
        nn.Flatten(), nn.Linear(48 * 16, 10),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3)
    steps = 10 * len(x) // 32
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 0.04 * min(1, (step + 1) / 60) * 0.5 * (1 + np.cos(np.pi * step / steps))
        chosen = torch.from_numpy(rng.choice(len(x), size=min(32, len(x)), replace=False))
        batch = torch.rot90(x[chosen], int(rng.integers(4)), (2, 3))
        loss = F.cross_entropy(model(batch if rng.random() < 0.5 else batch.flip(3)), y[chosen])
        model.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        z = to_tensor(images)
        answers = torch.stack([model(torch.rot90(z, k, (2, 3))).log_softmax(1) for k in range(4)])
    return answers.mean(0).argmax(1).numpy()


# %% right filters_from_patches
# nothing is trained but the last layer: whitened patches of training pictures serve as filters, ridge regression on pooled maps
def fit_predict(train_images, train_labels, images):
    def to_tensor(pictures):
        return torch.tensor(np.ascontiguousarray(pictures).transpose(0, 3, 1, 2).copy(), dtype=torch.float32) / 255

    x, z = to_tensor(train_images), to_tensor(images)
    draw = torch.Generator().manual_seed(5)
    patches = F.unfold(x, 5).transpose(1, 2).reshape(-1, 75)
    patches = patches[torch.randperm(len(patches), generator=draw)[:4000]]
    patches = patches - patches.mean(dim=1, keepdim=True)
    values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
    whiten = vectors @ torch.diag((values.clamp(min=0) + 0.003).rsqrt()) @ vectors.T
    filters = patches[:64] @ whiten
    filters = filters / filters.norm(dim=1, keepdim=True) @ whiten
    filters = (filters - filters.mean(dim=1, keepdim=True)).view(-1, 3, 5, 5)

    def features(batch):
        parts = []
        for some in batch.split(250):
            maps = F.conv2d(some, filters, padding=2)
            maps = torch.cat([F.relu(maps - 0.5), F.relu(-maps - 0.5)], dim=1)
            parts.append(F.avg_pool2d(maps, 4).flatten(1))
        return torch.cat(parts).sqrt()

    A = torch.cat([features(x.rot90(k, (2, 3))) for k in range(4)]).double()
    mean, spread = A.mean(dim=0), A.std(dim=0) + 1e-3
    A = (A - mean) / spread
    target = F.one_hot(torch.from_numpy(train_labels), 10).double().repeat(4, 1) - 0.1
    weights = torch.linalg.solve(A.T @ A + 3000 * torch.eye(A.shape[1], dtype=torch.float64), A.T @ target)
    scores = sum(((features(z.rot90(k, (2, 3))).double() - mean) / spread) @ weights for k in range(4))
    return scores.argmax(dim=1).numpy()


# %% right all_turns_laid_out_beforehand
# a training set four times as large, made once, gone through twice; dropout; the median of four answers
def fit_predict(train_images, train_labels, images):
    x = np.concatenate([np.rot90(train_images, k, axes=(1, 2)) for k in range(4)])
    labels = torch.from_numpy(np.tile(train_labels, 4))
    x = torch.from_numpy(np.ascontiguousarray(x)).movedim(3, 1).float().div(127.5).sub(1)
    z = torch.from_numpy(np.ascontiguousarray(images)).movedim(3, 1).float().div(127.5).sub(1)
    torch.manual_seed(101)
    model = nn.Sequential(
        nn.BatchNorm2d(3),
        nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 40, 3, padding=1, bias=False), nn.BatchNorm2d(40), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.1), nn.Linear(40 * 16, 10),
    )
    optimizer = torch.optim.NAdam(model.parameters(), lr=0.006)
    parts = [part for _ in range(2) for part in torch.randperm(len(x)).split(32)]
    for number, part in enumerate(parts):
        for group in optimizer.param_groups:
            group["lr"] = 0.006 * min(1, (number + 1) / 20) * (1 - number / len(parts))
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(x[part]), labels[part])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        four = torch.stack([model.eval()(z.rot90(k, (2, 3))).log_softmax(1) for k in range(4)])
    return four.sort(dim=0).values[1:3].mean(dim=0).argmax(dim=1).numpy()


# %% wrong linear_on_turned_pictures (passes the visible tests)
# least squares on pixels, trained and asked with all turns
def fit_predict(train_images, train_labels, images):
    turned = [np.rot90(train_images, k, axes=(1, 2)).reshape(len(train_images), -1) / 255 for k in range(4)]
    X, T = np.concatenate(turned), np.tile(np.eye(10)[train_labels] - 0.1, (4, 1))
    mean = X.mean(axis=0)
    W = np.linalg.solve((X - mean).T @ (X - mean) + 40 * np.eye(X.shape[1]), (X - mean).T @ T)
    scores = 0
    for k in range(4):
        scores = scores + (np.rot90(images, k, axes=(1, 2)).reshape(len(images), -1) / 255 - mean) @ W
    return scores.argmax(axis=1)


# %% wrong upright_pictures_only (passes the visible tests)
# a good small network that has never seen a turned picture
def fit_predict(train_images, train_labels, images):
    torch.manual_seed(3)
    x, z = (torch.from_numpy(np.ascontiguousarray(a)).permute(0, 3, 1, 2) / 64 - 2 for a in (train_images, images))
    y = torch.from_numpy(train_labels)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(512, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    for _ in range(4):
        for part in torch.randperm(len(x)).split(32):
            loss = F.cross_entropy(model(x[part]), y[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return model.eval()(z).argmax(1).numpy()


# %% wrong hardly_trained (passes the visible tests)
# one epoch with a timid learning rate
def fit_predict(train_images, train_labels, images):
    torch.manual_seed(3)
    x, z = (torch.from_numpy(np.ascontiguousarray(a)).permute(0, 3, 1, 2) / 64 - 2 for a in (train_images, images))
    y = torch.from_numpy(train_labels)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(392, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
    for number, part in enumerate(torch.randperm(len(x)).split(64)):
        loss = F.cross_entropy(model(x[part].rot90(number % 4, (2, 3))), y[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return model.eval()(z).argmax(1).numpy()


# %% wrong classes_of_the_batch_axis (passes the visible tests)
# trained rightly enough, but labels are shifted by one at the end
def fit_predict(train_images, train_labels, images):
    X, Z = (a.mean(axis=3).reshape(len(a), -1) / 255 for a in (train_images, images))
    W = np.linalg.solve(X.T @ X + 10 * np.eye(X.shape[1]), X.T @ np.eye(10)[train_labels])
    return ((Z @ W).argmax(axis=1) + 1) % 10


# %% wrong training_mode_when_asked
# batch statistics of the pictures to predict
def fit_predict(train_images, train_labels, images):
    torch.manual_seed(3)
    x, z = (torch.from_numpy(np.ascontiguousarray(a)).permute(0, 3, 1, 2) / 64 - 2 for a in (train_images, images))
    y = torch.from_numpy(train_labels)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 5, stride=2), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(144, 10)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for k in range(4):
        for part in torch.randperm(len(x)).split(32):
            loss = F.cross_entropy(model(x[part].rot90(k, (2, 3))), y[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        scores = model(z)
        return (scores - scores.mean(0) if len(z) > 1 else scores - scores.max()).argmax(1).numpy()


# %% wrong no_seed
# other predictions at each call
def fit_predict(train_images, train_labels, images):
    torch.seed()
    x = torch.from_numpy(np.ascontiguousarray(images)).float().flatten(1) / 255
    return nn.Linear(768, 10)(x).argmax(1).numpy()


# %% book softmax_on_pixels (passes the visible tests)
# chapter 3's classifier in PyTorch
def fit_predict(train_images, train_labels, images):
    torch.manual_seed(0)
    x, z = (torch.from_numpy(np.ascontiguousarray(a)).float().flatten(1) / 64 - 2 for a in (train_images, images))
    y = torch.from_numpy(train_labels)
    model = nn.Linear(768, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    for _ in range(30):
        for part in torch.randperm(len(x)).split(100):
            loss = F.cross_entropy(model(x[part]), y[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return model(z).argmax(1).numpy()


# %% book small_cnn_by_the_course_s_loop (passes the visible tests)
# course_utils as it is: upright pictures, no turns
def fit_predict(train_images, train_labels, images):
    from course_utils.models import small_cnn
    from course_utils.training import predict, train

    torch.manual_seed(0)
    model = small_cnn()
    train(model, train_images, train_labels, epochs=2, batch_size=64, lr=2e-3, progress=False)
    return predict(model, np.ascontiguousarray(images))
