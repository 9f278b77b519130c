# %% right a_counter_of_owners
# compares parameters one by one with those that were used before
def layer_table(model, shape):
    table, used, removable = [], [], []
    names = {module: name for name, module in model.named_modules()}
    training = {module: module.training for module in names}

    def look(module, _, output):
        fresh = [p for p in module.parameters() if not any(p is q for q in used)]
        used.extend(fresh)
        table.append((names[module], module.__class__.__name__, tuple(output[0].shape), sum(map(torch.numel, fresh))))

    for module in names:
        if len(list(module.children())) == 0:
            removable.append(module.register_forward_hook(look))
    for module in names:
        module.training = False
    with torch.inference_mode():
        model(torch.zeros((1,) + tuple(shape)))
    for handle in removable:
        handle.remove()
    for module, mode in training.items():
        module.training = mode
    return table


# %% right on_a_copy
# looks into a deep copy, which may keep its hooks; the network itself is never touched
def layer_table(model, shape):
    twin = copy.deepcopy(model).eval()
    calls = []
    for name, module in twin.named_modules():
        if not list(module.children()):

            def hook(module, inputs, output, name=name):
                calls.append((name, module, list(output.shape)[1:]))

            module.register_forward_hook(hook)
    with torch.no_grad():
        twin(torch.zeros(1, *shape))
    rows, counted = [], set()
    for name, module, size in calls:
        new = set(module.parameters()) - counted
        counted |= new
        rows.append((name, type(module).__name__, tuple(size), sum(p.numel() for p in new)))
    return rows


# %% right one_hook_for_all_modules
# PyTorch's hook for every module there is, for the time of one picture
def layer_table(model, shape):
    names = {id(module): name for name, module in model.named_modules()}
    rows, first = [], {}

    def everywhere(module, inputs, output):
        if id(module) in names and not module._modules:
            count = 0
            for parameter in module.parameters():
                if first.setdefault(id(parameter), len(rows)) == len(rows):
                    count += parameter.numel()
            rows.append((names[id(module)], type(module).__name__, (*output.shape[1:],), count))

    modes = [m.training for m in model.modules()]
    handle = nn.modules.module.register_module_forward_hook(everywhere)
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(1, *shape))
    finally:
        handle.remove()
        for module, mode in zip(model.modules(), modes):
            module.training = mode
    return rows


# %% wrong parameters_counted_at_each_call (passes the visible tests)
def layer_table(model, shape):
    rows, handles = [], []
    modes = [(m, m.training) for m in model.modules()]
    for name, module in model.named_modules():
        if not list(module.children()):

            def hook(module, inputs, output, name=name):
                count = sum(p.numel() for p in module.parameters())
                rows.append((name, type(module).__name__, tuple(output.shape[1:]), count))

            handles.append(module.register_forward_hook(hook))
    model.eval()
    with torch.no_grad():
        model(torch.zeros(1, *shape))
    for handle in handles:
        handle.remove()
    for module, mode in modes:
        module.training = mode
    return rows


# %% wrong a_shared_weight_counts_twice (passes the visible tests)
# remembers modules instead of parameters
def layer_table(model, shape):
    rows, handles, seen = [], [], set()
    modes = [(m, m.training) for m in model.modules()]
    for name, module in model.named_modules():
        if not list(module.children()):

            def hook(module, inputs, output, name=name):
                count = 0 if module in seen else sum(p.numel() for p in module.parameters())
                seen.add(module)
                rows.append((name, type(module).__name__, tuple(output.shape[1:]), count))

            handles.append(module.register_forward_hook(hook))
    model.eval()
    with torch.no_grad():
        model(torch.zeros(1, *shape))
    for handle in handles:
        handle.remove()
    for module, mode in modes:
        module.training = mode
    return rows


# %% wrong everything_wakes_up (passes the visible tests)
# train() at the end: parts that were frozen are no longer
def layer_table(model, shape):
    rows, handles, seen = [], [], set()
    for name, module in model.named_modules():
        if not list(module.children()):

            def hook(module, inputs, output, name=name):
                new = [p for p in module.parameters() if p not in seen]
                seen.update(new)
                rows.append((name, type(module).__name__, tuple(output.shape[1:]), sum(p.numel() for p in new)))

            handles.append(module.register_forward_hook(hook))
    model.eval()
    with torch.no_grad():
        model(torch.zeros(1, *shape))
    for handle in handles:
        handle.remove()
    model.train()
    return rows


# %% wrong hooks_stay
def layer_table(model, shape):
    rows, seen = [], set()
    modes = [(m, m.training) for m in model.modules()]
    for name, module in model.named_modules():
        if not list(module.children()):

            def hook(module, inputs, output, name=name):
                new = [p for p in module.parameters() if p not in seen]
                seen.update(new)
                rows.append((name, type(module).__name__, tuple(output.shape[1:]), sum(p.numel() for p in new)))

            module.register_forward_hook(hook)
    model.eval()
    with torch.no_grad():
        model(torch.zeros(1, *shape))
    for module, mode in modes:
        module.training = mode
    return rows


# %% wrong in_training_mode (passes the visible tests)
# two pictures, so that normalisation does not complain; its running averages move
def layer_table(model, shape):
    rows, handles, seen = [], [], set()
    for name, module in model.named_modules():
        if not list(module.children()):

            def hook(module, inputs, output, name=name):
                new = [p for p in module.parameters() if p not in seen]
                seen.update(new)
                rows.append((name, type(module).__name__, tuple(output.shape[1:]), sum(p.numel() for p in new)))

            handles.append(module.register_forward_hook(hook))
    with torch.no_grad():
        model(torch.zeros(2, *shape))
    for handle in handles:
        handle.remove()
    return rows


# %% wrong containers_have_rows_too
def layer_table(model, shape):
    rows, handles, seen = [], [], set()
    for name, module in model.named_modules():

        def hook(module, inputs, output, name=name):
            new = [p for p in module.parameters() if p not in seen]
            seen.update(new)
            rows.append((name, type(module).__name__, tuple(output.shape[1:]), sum(p.numel() for p in new)))

        handles.append(module.register_forward_hook(hook))
    model.eval()
    with torch.no_grad():
        model(torch.zeros(1, *shape))
    for handle in handles:
        handle.remove()
    return rows


# %% wrong batch_axis_included
def layer_table(model, shape):
    rows, handles = [], []
    for name, module in model.named_modules():
        if not list(module.children()):

            def hook(module, inputs, output, name=name):
                count = sum(p.numel() for p in module.parameters())
                rows.append((name, type(module).__name__, tuple(output.shape), count))

            handles.append(module.register_forward_hook(hook))
    model(torch.zeros(1, *shape))
    for handle in handles:
        handle.remove()
    return rows


# %% book layer_after_layer (passes the visible tests)
# the book's table of a stack: send a picture through the layers one by one
def layer_table(model, shape):
    x = torch.zeros(1, *shape)
    rows = []
    for name, layer in model.named_children():
        x = layer(x)
        count = sum(p.numel() for p in layer.parameters())
        rows.append((name, type(layer).__name__, tuple(x.shape[1:]), count))
    return rows
