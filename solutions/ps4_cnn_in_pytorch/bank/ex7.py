# %% right rehearsed_on_copies
# loads into deep copies first; only if that works into the real ones
def checkpoint(model, optimizer, step):
    with io.BytesIO() as file:
        torch.save((model.state_dict(), optimizer.state_dict(), torch.random.get_rng_state(), int(step)), file)
        return file.getvalue()


def resume(data, model, optimizer):
    weights, memory, random_state, step = torch.load(io.BytesIO(data), weights_only=True)
    copy.deepcopy(model).load_state_dict(weights)
    copy.deepcopy(optimizer).load_state_dict(memory)
    model.load_state_dict(weights)
    optimizer.load_state_dict(memory)
    torch.random.set_rng_state(random_state)
    return step


# %% right compared_beforehand
# checks names, sizes and groups before anything is loaded; through a temporary file
import os
import tempfile


def checkpoint(model, optimizer, step):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "run.pt")
        everything = {"weights": dict(model.state_dict()), "memory": optimizer.state_dict()}
        everything.update(step=step, dice=torch.get_rng_state())
        torch.save(everything, path)
        with open(path, "rb") as file:
            return file.read()


def resume(data, model, optimizer):
    everything = torch.load(io.BytesIO(data), weights_only=True)
    mine = {name: value.shape for name, value in model.state_dict().items()}
    if mine != {name: value.shape for name, value in everything["weights"].items()}:
        raise ValueError("weights of another model")
    groups = [len(group["params"]) for group in optimizer.param_groups]
    if groups != [len(group["params"]) for group in everything["memory"]["param_groups"]]:
        raise ValueError("memory of an optimiser for other parameters")
    model.load_state_dict(everything["weights"])
    optimizer.load_state_dict(everything["memory"])
    torch.set_rng_state(everything["dice"])
    return everything["step"]


# %% right two_layers_of_bytes
# each part as bytes of its own, joined by their lengths; taken back by hand, tensor by tensor
def checkpoint(model, optimizer, step):
    parts = []
    for part in (model.state_dict(), optimizer.state_dict(), torch.get_rng_state()):
        file = io.BytesIO()
        torch.save(part, file)
        parts.append(file.getvalue())
    head = np.array([step, *map(len, parts)], dtype=np.int64)
    return head.tobytes() + b"".join(parts)


def resume(data, model, optimizer):
    step, *lengths = np.frombuffer(data[:32], dtype=np.int64).tolist()
    ends = np.cumsum([32, *lengths])
    if len(data) != ends[-1]:
        raise ValueError("damaged")
    pieces = [io.BytesIO(data[a:b]) for a, b in zip(ends, ends[1:])]
    weights, memory, random_state = (torch.load(piece, weights_only=True) for piece in pieces)
    own = model.state_dict()
    if own.keys() != weights.keys() or any(own[k].shape != weights[k].shape for k in own):
        raise ValueError("another model")
    optimizer.load_state_dict(memory)
    with torch.no_grad():
        for name in own:
            own[name].copy_(weights[name])
    torch.set_rng_state(random_state)
    return step


# %% wrong anything_may_run (passes the visible tests)
# weights_only=False
def checkpoint(model, optimizer, step):
    file = io.BytesIO()
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
    state["random"] = torch.get_rng_state()
    torch.save(state, file)
    return file.getvalue()


def resume(data, model, optimizer):
    state = torch.load(io.BytesIO(data), weights_only=False)
    old_model = {k: v.clone() for k, v in model.state_dict().items()}
    old_optimizer = copy.deepcopy(optimizer.state_dict())
    try:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
    except Exception:
        model.load_state_dict(old_model)
        optimizer.load_state_dict(old_optimizer)
        raise
    torch.set_rng_state(state["random"])
    return state["step"]


# %% wrong weights_alone (passes the visible tests)
# without the optimiser's memory
def checkpoint(model, optimizer, step):
    file = io.BytesIO()
    state = {"model": model.state_dict(), "step": step}
    state["random"] = torch.get_rng_state()
    torch.save(state, file)
    return file.getvalue()


def resume(data, model, optimizer):
    state = torch.load(io.BytesIO(data), weights_only=True)
    old_model = {k: v.clone() for k, v in model.state_dict().items()}
    old_optimizer = copy.deepcopy(optimizer.state_dict())
    try:
        model.load_state_dict(state["model"])
    except Exception:
        model.load_state_dict(old_model)
        optimizer.load_state_dict(old_optimizer)
        raise
    torch.set_rng_state(state["random"])
    return state["step"]


# %% wrong other_dice (passes the visible tests)
# without the state of PyTorch's generator: dropout takes other units out
def checkpoint(model, optimizer, step):
    file = io.BytesIO()
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
    torch.save(state, file)
    return file.getvalue()


def resume(data, model, optimizer):
    state = torch.load(io.BytesIO(data), weights_only=True)
    old_model = {k: v.clone() for k, v in model.state_dict().items()}
    old_optimizer = copy.deepcopy(optimizer.state_dict())
    try:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
    except Exception:
        model.load_state_dict(old_model)
        optimizer.load_state_dict(old_optimizer)
        raise
    return state["step"]


# %% wrong parameters_without_buffers (passes the visible tests)
# running means are no parameters
def checkpoint(model, optimizer, step):
    file = io.BytesIO()
    state = {"model": {k: p.detach() for k, p in model.named_parameters()}, "optimizer": optimizer.state_dict(), "step": step}
    state["random"] = torch.get_rng_state()
    torch.save(state, file)
    return file.getvalue()


def resume(data, model, optimizer):
    state = torch.load(io.BytesIO(data), weights_only=True)
    old_model = {k: v.clone() for k, v in model.state_dict().items()}
    old_optimizer = copy.deepcopy(optimizer.state_dict())
    try:
        model.load_state_dict(state["model"], strict=False)
        optimizer.load_state_dict(state["optimizer"])
    except Exception:
        model.load_state_dict(old_model)
        optimizer.load_state_dict(old_optimizer)
        raise
    torch.set_rng_state(state["random"])
    return state["step"]


# %% wrong half_a_model_stays (passes the visible tests)
# nothing is put back
def checkpoint(model, optimizer, step):
    file = io.BytesIO()
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
    state["random"] = torch.get_rng_state()
    torch.save(state, file)
    return file.getvalue()


def resume(data, model, optimizer):
    state = torch.load(io.BytesIO(data), weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["random"])
    return state["step"]


# %% wrong put_back_by_reference (passes the visible tests)
# the copies kept for the worst case share their memory with the model
def checkpoint(model, optimizer, step):
    file = io.BytesIO()
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
    state["random"] = torch.get_rng_state()
    torch.save(state, file)
    return file.getvalue()


def resume(data, model, optimizer):
    state = torch.load(io.BytesIO(data), weights_only=True)
    old_model = dict(model.state_dict())
    old_optimizer = copy.deepcopy(optimizer.state_dict())
    try:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
    except Exception:
        model.load_state_dict(old_model)
        optimizer.load_state_dict(old_optimizer)
        raise
    torch.set_rng_state(state["random"])
    return state["step"]


# %% wrong the_new_learning_rate (passes the visible tests)
# keeps the new optimiser's settings
def checkpoint(model, optimizer, step):
    file = io.BytesIO()
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
    state["random"] = torch.get_rng_state()
    torch.save(state, file)
    return file.getvalue()


def resume(data, model, optimizer):
    state = torch.load(io.BytesIO(data), weights_only=True)
    old_model = {k: v.clone() for k, v in model.state_dict().items()}
    old_optimizer = copy.deepcopy(optimizer.state_dict())
    try:
        model.load_state_dict(state["model"])
        packed = {"state": state["optimizer"]["state"], "param_groups": optimizer.state_dict()["param_groups"]}
        optimizer.load_state_dict(packed)
    except Exception:
        model.load_state_dict(old_model)
        optimizer.load_state_dict(old_optimizer)
        raise
    torch.set_rng_state(state["random"])
    return state["step"]


# %% wrong step_after_next
def checkpoint(model, optimizer, step):
    file = io.BytesIO()
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}
    state["random"] = torch.get_rng_state()
    torch.save(state, file)
    return file.getvalue()


def resume(data, model, optimizer):
    state = torch.load(io.BytesIO(data), weights_only=True)
    old_model = {k: v.clone() for k, v in model.state_dict().items()}
    old_optimizer = copy.deepcopy(optimizer.state_dict())
    try:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
    except Exception:
        model.load_state_dict(old_model)
        optimizer.load_state_dict(old_optimizer)
        raise
    torch.set_rng_state(state["random"])
    return state["step"]


# %% wrong failures_are_silent
def checkpoint(model, optimizer, step):
    file = io.BytesIO()
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
    state["random"] = torch.get_rng_state()
    torch.save(state, file)
    return file.getvalue()


def resume(data, model, optimizer):
    try:
        state = torch.load(io.BytesIO(data), weights_only=True)
    except Exception:
        return 0
    old_model = {k: v.clone() for k, v in model.state_dict().items()}
    old_optimizer = copy.deepcopy(optimizer.state_dict())
    try:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
    except Exception:
        model.load_state_dict(old_model)
        optimizer.load_state_dict(old_optimizer)
        return 0
    torch.set_rng_state(state["random"])
    return state["step"]


# %% book weights_to_a_file (passes the visible tests)
# chapter 7 saves a model: its state, and nothing of the run
def checkpoint(model, optimizer, step):
    file = io.BytesIO()
    torch.save({"model": model.state_dict(), "step": step}, file)
    return file.getvalue()


def resume(data, model, optimizer):
    saved = torch.load(io.BytesIO(data), weights_only=True)
    model.load_state_dict(saved["model"])
    return saved["step"]
