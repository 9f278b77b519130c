# %% right weights_of_the_pieces
# means of the pieces, each weighted by its share of the pictures; the norm by hand
def accumulated_step(model, optimizer, x, y, pieces, max_norm):
    n = len(y)
    loss = 0.0
    for p in model.parameters():
        p.grad = None
    for index in np.array_split(np.arange(n), min(pieces, n)):
        index = torch.from_numpy(index)
        part = F.cross_entropy(model(x[index]), y[index]) * (len(index) / n)
        part.backward()
        loss += float(part.detach())
    slopes = [p.grad for p in model.parameters() if p.grad is not None]
    norm = torch.sqrt(sum(g.pow(2).sum() for g in slopes))
    if norm > max_norm:
        for g in slopes:
            g *= max_norm / norm
    optimizer.step()
    return loss, float(norm)


# %% right gradients_collected_outside
# torch.autograd.grad for each piece; sums are kept apart from the parameters until the end
def accumulated_step(model, optimizer, x, y, pieces, max_norm):
    learning = [p for p in model.parameters() if p.requires_grad]
    sums = [torch.zeros_like(p) for p in learning]
    total = 0.0
    size = (len(x) + pieces - 1) // pieces
    for start in range(0, len(x), size):
        scores = model(x[start : start + size])
        cost = F.nll_loss(F.log_softmax(scores, dim=1), y[start : start + size], reduction="sum")
        total += cost.item()
        for kept, new in zip(sums, torch.autograd.grad(cost, learning)):
            kept += new
    optimizer.zero_grad()
    for p, kept in zip(learning, sums):
        p.grad = kept / len(x)
    norm = float(torch.cat([p.grad.flatten() for p in learning]).norm())
    for p in learning:
        p.grad *= min(1.0, max_norm / norm) if norm else 1.0
    optimizer.step()
    return total / len(x), norm


# %% right divided_at_the_end
# gradients of sums add up; one division by N at the end, through a scaled clip
def accumulated_step(model, optimizer, x, y, pieces, max_norm):
    optimizer.zero_grad(set_to_none=False)
    losses = []
    for some, labels in zip(torch.chunk(x, pieces), torch.chunk(y, pieces)):
        each = F.cross_entropy(model(some), labels, reduction="none")
        each.sum().backward()
        losses += each.tolist()
    for group in optimizer.param_groups:
        for p in group["params"]:
            if p.grad is not None:
                p.grad.div_(len(losses))
    norm = nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
    nn.utils.clip_grads_with_norm_(model.parameters(), max_norm, norm)
    optimizer.step()
    return sum(losses) / len(losses), norm.item()


# %% wrong mean_of_means (passes the visible tests)
# right only if the pieces are equally long
def accumulated_step(model, optimizer, x, y, pieces, max_norm):
    size = -(-len(x) // pieces)
    parts = list(zip(x.split(size), y.split(size)))
    optimizer.zero_grad()
    total = 0.0
    for some, labels in parts:
        loss = F.cross_entropy(model(some), labels) / len(parts)
        loss.backward()
        total += loss.item()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return total, norm.item()


# %% wrong old_gradients_stay (passes the visible tests)
# cleared after the step instead of before
def accumulated_step(model, optimizer, x, y, pieces, max_norm):
    size = -(-len(x) // pieces)
    total = 0.0
    for some, labels in zip(x.split(size), y.split(size)):
        loss = F.cross_entropy(model(some), labels, reduction="sum") / len(x)
        loss.backward()
        total += loss.item()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    optimizer.zero_grad()
    return total, norm.item()


# %% wrong each_weight_clipped_by_itself (passes the visible tests)
def accumulated_step(model, optimizer, x, y, pieces, max_norm):
    size = -(-len(x) // pieces)
    total = 0.0
    optimizer.zero_grad()
    for some, labels in zip(x.split(size), y.split(size)):
        loss = F.cross_entropy(model(some), labels, reduction="sum") / len(x)
        loss.backward()
        total += loss.item()
    norm = sum(float(p.grad.norm()) ** 2 for p in model.parameters() if p.grad is not None) ** 0.5
    nn.utils.clip_grad_value_(model.parameters(), max_norm)
    optimizer.step()
    return total, norm


# %% wrong clipped_after_the_step (passes the visible tests)
def accumulated_step(model, optimizer, x, y, pieces, max_norm):
    size = -(-len(x) // pieces)
    total = 0.0
    optimizer.zero_grad()
    for some, labels in zip(x.split(size), y.split(size)):
        loss = F.cross_entropy(model(some), labels, reduction="sum") / len(x)
        loss.backward()
        total += loss.item()
    optimizer.step()
    return total, nn.utils.clip_grad_norm_(model.parameters(), max_norm).item()


# %% wrong norm_after_scaling (passes the visible tests)
def accumulated_step(model, optimizer, x, y, pieces, max_norm):
    size = -(-len(x) // pieces)
    total = 0.0
    optimizer.zero_grad()
    for some, labels in zip(x.split(size), y.split(size)):
        loss = F.cross_entropy(model(some), labels, reduction="sum") / len(x)
        loss.backward()
        total += loss.item()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    norm = sum(float(p.grad.norm()) ** 2 for p in model.parameters() if p.grad is not None) ** 0.5
    optimizer.step()
    return total, norm


# %% wrong as_many_pieces_as_asked (passes the visible tests)
# with more pieces than pictures some are empty, and the mean of nothing is NaN
def accumulated_step(model, optimizer, x, y, pieces, max_norm):
    total = 0.0
    optimizer.zero_grad()
    for some, labels in zip(x.tensor_split(pieces), y.tensor_split(pieces)):
        loss = F.cross_entropy(model(some), labels) * len(some) / len(x)
        loss.backward()
        total += loss.item()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return total, norm.item()


# %% wrong a_step_for_each_piece
def accumulated_step(model, optimizer, x, y, pieces, max_norm):
    size = -(-len(x) // pieces)
    total, norm = 0.0, 0.0
    for some, labels in zip(x.split(size), y.split(size)):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(some), labels)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm).item()
        optimizer.step()
        total += loss.item() * len(some) / len(x)
    return total, norm


# %% wrong gradients_forgotten_between_pieces
def accumulated_step(model, optimizer, x, y, pieces, max_norm):
    size = -(-len(x) // pieces)
    total = 0.0
    for some, labels in zip(x.split(size), y.split(size)):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(some), labels, reduction="sum") / len(x)
        loss.backward()
        total += loss.item()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return total, norm.item()


# %% book one_step_of_the_loop
# the loop of chapter 7: the whole batch at once, no clipping
def accumulated_step(model, optimizer, x, y, pieces, max_norm):
    loss = F.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    norm = sum(float(p.grad.norm()) ** 2 for p in model.parameters()) ** 0.5
    return loss.item(), norm
