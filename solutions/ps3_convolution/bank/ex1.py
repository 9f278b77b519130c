# %% right counts_places_one_by_one
def describe_stack(layers, shape):
    channels, height, width = shape
    result = []
    for layer in layers:
        options = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
        options.update(layer)
        k, f, s, p = options["filters"], options["kernel"], options["stride"], options["padding"]
        d, g = options["dilation"], options["groups"]
        if channels % g != 0 or k % g != 0:
            raise ValueError("groups")
        reach = d * (f - 1)
        new = []
        for size in (height, width):
            places = len(range(-p, size + p - reach, s))
            if places < 1:
                raise ValueError("filter too large")
            new.append(places)
        height, width = new
        per_filter = channels // g * f * f
        result.append((k, height, width, k * (per_filter + 1), k * per_filter * height * width))
        channels = k
    return result


# %% right recursive
def describe_stack(layers, shape):
    if not layers:
        return []
    first = layers[0]
    c, h, w = shape
    g = first.get("groups", 1)
    if c % g or first["filters"] % g:
        raise ValueError(f"{g} groups")
    rest = first.get("dilation", 1) * (first["kernel"] - 1) + 1 - 2 * first.get("padding", 0)
    if h < rest or w < rest:
        raise ValueError("does not fit")
    step = first.get("stride", 1)
    size = ((h - rest) // step + 1, (w - rest) // step + 1)
    shape = (first["filters"], *size)
    weights = first["filters"] * (c // g) * first["kernel"] ** 2
    entry = (*shape, weights + first["filters"], weights * size[0] * size[1])
    return [entry, *describe_stack(layers[1:], shape)]


# %% right with_pytorch_on_a_device_without_memory
def describe_stack(layers, shape):
    import torch

    out = []
    c, h, w = shape
    for layer in layers:
        if layer.get("groups", 1) != 1 and (c % layer["groups"] or layer["filters"] % layer["groups"]):
            raise ValueError("groups")
        conv = torch.nn.Conv2d(
            c, layer["filters"], layer["kernel"], layer.get("stride", 1), layer.get("padding", 0),
            layer.get("dilation", 1), layer.get("groups", 1), device="meta",
        )
        try:
            y = conv(torch.empty(1, c, h, w, device="meta"))
        except RuntimeError as error:
            raise ValueError(str(error)) from None
        _, c, h, w = (int(value) for value in y.shape)
        weights = conv.weight.numel()
        out.append((c, h, w, weights + c, weights * h * w))
    return out


# %% wrong forgets_the_bias (passes the visible tests)
def describe_stack(layers, shape):
    c, h, w = shape
    out = []
    for layer in layers:
        k, f, s, p = layer["filters"], layer["kernel"], layer.get("stride", 1), layer.get("padding", 0)
        d, g = layer.get("dilation", 1), layer.get("groups", 1)
        span = d * (f - 1) + 1
        if c % g or k % g or span > min(h, w) + 2 * p:
            raise ValueError("does not fit")
        h, w = (h + 2 * p - span) // s + 1, (w + 2 * p - span) // s + 1
        weights = k * (c // g) * f * f
        c = k
        out.append((c, h, w, weights, weights * h * w))
    return out


# %% wrong groups_make_nothing_cheaper (passes the visible tests)
def describe_stack(layers, shape):
    c, h, w = shape
    out = []
    for layer in layers:
        k, f, s, p = layer["filters"], layer["kernel"], layer.get("stride", 1), layer.get("padding", 0)
        d, g = layer.get("dilation", 1), layer.get("groups", 1)
        span = d * (f - 1) + 1
        if c % g or k % g or span > min(h, w) + 2 * p:
            raise ValueError("does not fit")
        h, w = (h + 2 * p - span) // s + 1, (w + 2 * p - span) // s + 1
        weights = k * c * f * f
        c = k
        out.append((c, h, w, weights + k, weights * h * w))
    return out


# %% wrong dilation_times_kernel (passes the visible tests)
# a filter of 3 weights, 2 pixels apart, spans 5 pixels, not 6
def describe_stack(layers, shape):
    c, h, w = shape
    out = []
    for layer in layers:
        k, f, s, p = layer["filters"], layer["kernel"], layer.get("stride", 1), layer.get("padding", 0)
        d, g = layer.get("dilation", 1), layer.get("groups", 1)
        span = d * f
        if c % g or k % g or span > min(h, w) + 2 * p:
            raise ValueError("does not fit")
        h, w = (h + 2 * p - span) // s + 1, (w + 2 * p - span) // s + 1
        weights = k * (c // g) * f * f
        c = k
        out.append((c, h, w, weights + k, weights * h * w))
    return out


# %% wrong rounds_up (passes the visible tests)
def describe_stack(layers, shape):
    c, h, w = shape
    out = []
    for layer in layers:
        k, f, s, p = layer["filters"], layer["kernel"], layer.get("stride", 1), layer.get("padding", 0)
        d, g = layer.get("dilation", 1), layer.get("groups", 1)
        span = d * (f - 1) + 1
        if c % g or k % g or span > min(h, w) + 2 * p:
            raise ValueError("does not fit")
        h, w = -(-(h + 2 * p - span) // s) + 1, -(-(w + 2 * p - span) // s) + 1
        weights = k * (c // g) * f * f
        c = k
        out.append((c, h, w, weights + k, weights * h * w))
    return out


# %% wrong square_pictures_only (passes the visible tests)
def describe_stack(layers, shape):
    c, h, _ = shape
    out = []
    for layer in layers:
        k, f, s, p = layer["filters"], layer["kernel"], layer.get("stride", 1), layer.get("padding", 0)
        d, g = layer.get("dilation", 1), layer.get("groups", 1)
        span = d * (f - 1) + 1
        if c % g or k % g or span > h + 2 * p:
            raise ValueError("does not fit")
        h = (h + 2 * p - span) // s + 1
        weights = k * (c // g) * f * f
        c = k
        out.append((c, h, h, weights + k, weights * h * h))
    return out


# %% wrong never_refuses (passes the visible tests)
def describe_stack(layers, shape):
    c, h, w = shape
    out = []
    for layer in layers:
        k, f, s, p = layer["filters"], layer["kernel"], layer.get("stride", 1), layer.get("padding", 0)
        d, g = layer.get("dilation", 1), layer.get("groups", 1)
        span = d * (f - 1) + 1
        h, w = (h + 2 * p - span) // s + 1, (w + 2 * p - span) // s + 1
        weights = k * (c // g) * f * f
        c = k
        out.append((c, h, w, weights + k, weights * h * w))
    return out


# %% wrong channels_of_the_first_picture
# the second layer's filters are counted with the channels of the picture, and its channels are not carried along
def describe_stack(layers, shape):
    c, h, w = shape
    out = []
    for layer in layers:
        k, f, p = layer["filters"], layer["kernel"], layer.get("padding", 0)
        h, w = h + 2 * p - f, w + 2 * p - f
        out.append((c, h + 1, w + 1, k * (c * f * f + 1), k * c * f * f * h * w))
    return out


# %% book plain_formulas (passes the visible tests)
# W_out = (W - F + 2P) / S + 1 and F² C K + K, without dilation and groups
def describe_stack(layers, shape):
    channels, height, width = shape
    rows = []
    for layer in layers:
        f, s, p = layer["kernel"], layer.get("stride", 1), layer.get("padding", 0)
        height = (height - f + 2 * p) // s + 1
        width = (width - f + 2 * p) // s + 1
        parameters = f * f * channels * layer["filters"] + layer["filters"]
        products = f * f * channels * layer["filters"] * height * width
        channels = layer["filters"]
        rows.append((channels, height, width, parameters, products))
    return rows
