"""Layers, losses, convolutions, attention."""

from tests.catalogue import mistake, section

section("Networks and losses")

mistake(
    "loss-shapes",
    """A loss compares prediction and target element by element. (n, 1) against (n,) would broadcast to (n, n) and
    train on nonsense without a word, the most reported trap of all.""",
    wrong="""
        model = tg.nn.MLP([2, 3, 1])
        prediction = model(np.ones((4, 2)))
        tg.functional.mse_loss(prediction, np.zeros(4))
    """,
    right="""
        model = tg.nn.MLP([2, 3, 1])
        prediction = model(np.ones((4, 2)))
        tg.functional.mse_loss(prediction, np.zeros((4, 1)))
    """,
)
mistake(
    "classification-shapes",
    """Logits have one row per sample with one number per class; the target has one label per sample, or a row of
    probabilities.""",
    wrong="""
        logits = tg.Tensor(np.zeros((2, 3)), name="logits")
        tg.functional.cross_entropy(logits, np.array([0, 1, 2]))
    """,
    right="""
        logits = tg.Tensor(np.zeros((2, 3)), name="logits")
        tg.functional.cross_entropy(logits, np.array([0, 2]))
    """,
)
mistake(
    "label-out-of-range",
    "A label is the number of a class, and classes are counted from 0.",
    wrong="""
        logits = tg.Tensor(np.zeros((2, 3)), name="logits")
        tg.functional.cross_entropy(logits, np.array([1, 3]))
    """,
    right="""
        logits = tg.Tensor(np.zeros((2, 3)), name="logits")
        tg.functional.cross_entropy(logits, np.array([0, 2]))
    """,
)
mistake(
    "labels-not-whole-numbers",
    "A label is the number of a class, so it is a whole number.",
    wrong="""
        tg.data.one_hot(np.array([0.5, 1.0]))
    """,
    right="""
        tg.data.one_hot(np.array([0, 1]))
    """,
)
mistake(
    "loss-weight-shape",
    "A weight belongs to a class, or to an element of the prediction, and has that shape.",
    wrong="""
        logits = tg.Tensor(np.zeros((2, 3)), name="logits")
        tg.functional.cross_entropy(logits, np.array([0, 2]), weight=np.ones(2))
    """,
    right="""
        logits = tg.Tensor(np.zeros((2, 3)), name="logits")
        tg.functional.cross_entropy(logits, np.array([0, 2]), weight=np.ones(3))
    """,
)
mistake(
    "layer-input",
    "The last side of a linear layer's input is its number of inputs.",
    wrong="""
        layer = tg.nn.Linear(784, 10)
        layer(np.ones((32, 28, 28)))
    """,
    right="""
        layer = tg.nn.Linear(784, 10)
        layer(np.ones((32, 28 * 28)))
    """,
)
mistake(
    "too-few-sizes",
    "A network has at least the size of its input and that of its output.",
    wrong="""
        tg.nn.MLP([784])
    """,
    right="""
        tg.nn.MLP([784, 10])
    """,
)
mistake(
    "not-a-parameter",
    """A parameter is a leaf that requires grad: it has a value of its own that an optimiser can change. A computed
    tensor has none.""",
    wrong="""
        w = tg.Tensor([1.0, 2.0], requires_grad=True)
        tg.optim.SGD([w * 2], lr=0.1)
    """,
    right="""
        w = tg.Tensor([1.0, 2.0], requires_grad=True)
        tg.optim.SGD([w], lr=0.1)
    """,
)
mistake(
    "buffer-requires-grad",
    "A buffer is a value that a module keeps but nobody optimises, such as a running mean; a parameter is a leaf.",
    wrong="""
        class Net(tg.nn.Module):
            def __init__(self):
                self.register_buffer("mean", tg.Tensor([0.0], requires_grad=True))

        Net()
    """,
    right="""
        class Net(tg.nn.Module):
            def __init__(self):
                self.register_buffer("mean", tg.Tensor([0.0]))

        Net()
    """,
)
mistake(
    "state-names",
    "A saved state has the names of the model it was taken from.",
    wrong="""
        small, large = tg.nn.MLP([2, 1]), tg.nn.MLP([2, 3, 1])
        large.load_state_dict(small.state_dict())
    """,
    right="""
        small, large = tg.nn.MLP([2, 1]), tg.nn.MLP([2, 3, 1])
        large.load_state_dict(tg.nn.MLP([2, 3, 1], rng=1).state_dict())
    """,
)
mistake(
    "state-shape",
    """A saved parameter has the shape it had in the model it was taken from; a model that refuses it is left as it
    was.""",
    wrong="""
        narrow, wide = tg.nn.Linear(2, 3), tg.nn.Linear(2, 4)
        wide.load_state_dict(narrow.state_dict())
    """,
    right="""
        narrow, wide = tg.nn.Linear(2, 3), tg.nn.Linear(2, 4)
        wide.load_state_dict(tg.nn.Linear(2, 4, rng=1).state_dict())
    """,
)
mistake(
    "state-dtype",
    "Whole numbers are no weights: something else was put under this name.",
    wrong="""
        layer = tg.nn.Linear(2, 1)
        layer.load_state_dict({"weight": np.ones((2, 1), int), "bias": np.zeros(1)})
    """,
    right="""
        layer = tg.nn.Linear(2, 1)
        layer.load_state_dict({"weight": np.ones((2, 1)), "bias": np.zeros(1)})
    """,
)
mistake(
    "parameter-shape",
    """A weight, bias or statistic given to the function has one number per channel, or per element of the normalised
    shape.""",
    wrong="""
        x = tg.Tensor(np.ones((4, 3)), name="x")
        tg.functional.layer_norm(x, (3,), weight=np.ones(4))
    """,
    right="""
        x = tg.Tensor(np.ones((4, 3)), name="x")
        tg.functional.layer_norm(x, (3,), weight=np.ones(3))
    """,
)
mistake(
    "norm-input",
    "`normalized_shape` names the last sides of the input, so they must be equal.",
    wrong="""
        x = tg.Tensor(np.ones((4, 3)), name="x")
        tg.functional.layer_norm(x, (4,))
    """,
    right="""
        x = tg.Tensor(np.ones((4, 3)), name="x")
        tg.functional.layer_norm(x, (3,))
    """,
)
mistake(
    "no-running-statistics",
    """Outside of training batch norm uses the mean and variance that were collected in training; they have to be
    given.""",
    wrong="""
        x = tg.Tensor(np.ones((4, 3)), name="x")
        tg.functional.batch_norm(x, None, None)
    """,
    right="""
        x = tg.Tensor(np.arange(12.0).reshape(4, 3), name="x")
        tg.functional.batch_norm(x, None, None, training=True)
    """,
)
mistake(
    "no-variance",
    "One number has no spread: normalised, it would always be 0.",
    wrong="""
        x = tg.Tensor(np.ones((1, 3)), name="x")
        tg.functional.batch_norm(x, None, None, training=True)
    """,
    right="""
        x = tg.Tensor(np.arange(6.0).reshape(2, 3), name="x")
        tg.functional.batch_norm(x, None, None, training=True)
    """,
)
mistake(
    "no-generator",
    "Random draws take a generator: the same program then gives the same numbers, and a check can repeat them.",
    wrong="""
        tg.functional.dropout(tg.ones(4), p=0.5)
    """,
    right="""
        tg.functional.dropout(tg.ones(4), p=0.5, rng=np.random.default_rng(0))
    """,
)
mistake(
    "conv-channels",
    "The weight of a convolution, (out, in, …), is for so many channels of the input, (n, in, …).",
    wrong="""
        x, w = tg.ones((1, 3, 8, 8)), tg.ones((6, 1, 3, 3))
        tg.functional.conv2d(x, w)
    """,
    right="""
        x, w = tg.ones((1, 3, 8, 8)), tg.ones((6, 3, 3, 3))
        tg.functional.conv2d(x, w)
    """,
)
mistake(
    "conv-groups",
    "Groups split the outputs evenly.",
    wrong="""
        x, w = tg.ones((1, 4, 8, 8)), tg.ones((6, 1, 3, 3))
        tg.functional.conv2d(x, w, groups=4)
    """,
    right="""
        x, w = tg.ones((1, 4, 8, 8)), tg.ones((8, 1, 3, 3))
        tg.functional.conv2d(x, w, groups=4)
    """,
)
mistake(
    "conv-kernel-too-large",
    "The kernel, with its dilation, doesn't fit into the padded input even once.",
    wrong="""
        x, w = tg.ones((1, 1, 4, 4)), tg.ones((1, 1, 5, 5))
        tg.functional.conv2d(x, w)
    """,
    right="""
        x, w = tg.ones((1, 1, 4, 4)), tg.ones((1, 1, 5, 5))
        tg.functional.conv2d(x, w, padding=1)
    """,
)
mistake(
    "output-padding-too-large",
    """Several input sizes have the same convolution; output_padding chooses between them, and there are only stride
    many.""",
    wrong="""
        x, w = tg.ones((1, 1, 4, 4)), tg.ones((1, 1, 3, 3))
        tg.functional.conv_transpose2d(x, w, stride=2, output_padding=2)
    """,
    right="""
        x, w = tg.ones((1, 1, 4, 4)), tg.ones((1, 1, 3, 3))
        tg.functional.conv_transpose2d(x, w, stride=2, output_padding=1)
    """,
)
mistake(
    "pool-window-too-large",
    "The window doesn't fit into the padded input even once.",
    wrong="""
        tg.functional.max_pool2d(tg.ones((1, 1, 4, 4)), 5)
    """,
    right="""
        tg.functional.max_pool2d(tg.ones((1, 1, 4, 4)), 4)
    """,
)
mistake(
    "pool-padding-too-large",
    "With padding of more than half the window a window could lie in the padding alone.",
    wrong="""
        tg.functional.max_pool2d(tg.ones((1, 1, 4, 4)), 2, padding=2)
    """,
    right="""
        tg.functional.max_pool2d(tg.ones((1, 1, 4, 4)), 2, padding=1)
    """,
)
mistake(
    "recurrent-state",
    "The state of a recurrent layer has a row for each layer and sample; that of an LSTM is a pair of such, (h, c).",
    wrong="""
        lstm = tg.nn.LSTM(2, 3)
        lstm(np.ones((5, 7, 2)), np.zeros((1, 5, 3)))
    """,
    right="""
        lstm = tg.nn.LSTM(2, 3)
        lstm(np.ones((5, 7, 2)), (np.zeros((1, 5, 3)), np.zeros((1, 5, 3))))
    """,
)
mistake(
    "label-is-blank",
    "In connectionist temporal classification one class stands for no label, so no target can hold it.",
    wrong="""
        logs = tg.log_softmax(tg.zeros((5, 1, 3)))
        tg.functional.ctc_loss(logs, [[1, 0]], input_lengths=[5], target_lengths=[2])
    """,
    right="""
        logs = tg.log_softmax(tg.zeros((5, 1, 3)))
        tg.functional.ctc_loss(logs, [[1, 2]], input_lengths=[5], target_lengths=[2])
    """,
)
mistake(
    "sequence-lengths",
    "Each sequence and each target has a length, which is not more than there are places, or labels.",
    wrong="""
        logs = tg.log_softmax(tg.zeros((5, 1, 3)))
        tg.functional.ctc_loss(logs, [[1, 2]], input_lengths=[6], target_lengths=[2])
    """,
    right="""
        logs = tg.log_softmax(tg.zeros((5, 1, 3)))
        tg.functional.ctc_loss(logs, [[1, 2]], input_lengths=[5], target_lengths=[2])
    """,
)
mistake(
    "bag-offsets",
    "Bags that lie in one row of indices begin at their offsets; the first begins at 0.",
    wrong="""
        tg.functional.embedding_bag([0, 2, 1], tg.ones((3, 4)), offsets=[1, 2])
    """,
    right="""
        tg.functional.embedding_bag([0, 2, 1], tg.ones((3, 4)), offsets=[0, 2])
    """,
)
mistake(
    "grid-shapes",
    "A grid holds one place for each element of the result: two numbers, (x, y), for images.",
    wrong="""
        tg.functional.grid_sample(tg.ones((1, 3, 8, 8)), tg.zeros((1, 4, 4)))
    """,
    right="""
        tg.functional.grid_sample(tg.ones((1, 3, 8, 8)), tg.zeros((1, 4, 4, 2)))
    """,
)
mistake(
    "gradients-not-finite",
    "A gradient that holds nan or inf has no length to be cut to.",
    wrong="""
        w = tg.Tensor([0.0, 1.0], requires_grad=True)
        tg.sqrt(w).sum().backward()
        tg.nn.utils.clip_grad_norm_([w], 1.0, error_if_nonfinite=True)
    """,
    right="""
        w = tg.Tensor([0.0, 1.0], requires_grad=True)
        tg.sqrt(w + 1e-12).sum().backward()
        tg.nn.utils.clip_grad_norm_([w], 1.0, error_if_nonfinite=True)
    """,
)
mistake(
    "parameter-vector",
    "A vector of all parameters has as many numbers as they have together.",
    wrong="""
        model = tg.nn.Linear(2, 3)
        tg.nn.utils.vector_to_parameters(np.zeros(6), model.parameters())
    """,
    right="""
        model = tg.nn.Linear(2, 3)
        tg.nn.utils.vector_to_parameters(np.zeros(9), model.parameters())
    """,
)
mistake(
    "unpool-indices",
    """An index says where among the elements of the larger image a number goes: there is one per number, and it lies
    inside. A pool that left a rest needs `output_size`.""",
    wrong="""
        x, indices = tg.ones((1, 1, 1)), np.array([[[2]]])
        tg.functional.max_unpool1d(x, indices, 2)
    """,
    right="""
        x, indices = tg.ones((1, 1, 1)), np.array([[[2]]])
        tg.functional.max_unpool1d(x, indices, 2, output_size=3)
    """,
)
mistake(
    "unpool-sides",
    "Only sides that differ by less than a stride have the same number of windows.",
    wrong="""
        x, indices = tg.ones((1, 1, 2)), np.array([[[1, 3]]])
        tg.functional.max_unpool1d(x, indices, 2, output_size=8)
    """,
    right="""
        x, indices = tg.ones((1, 1, 2)), np.array([[[1, 3]]])
        tg.functional.max_unpool1d(x, indices, 2, output_size=5)
    """,
)
mistake(
    "fold-columns",
    "Columns are as long as the kernel has elements, times the channels, and there is one for each place.",
    wrong="""
        tg.functional.fold(tg.ones((1, 4, 9)), output_size=(3, 3), kernel_size=2)
    """,
    right="""
        tg.functional.fold(tg.ones((1, 4, 9)), output_size=(4, 4), kernel_size=2)
    """,
)
mistake(
    "pad-too-wide",
    "A border of mirrored or repeated elements can't be wider than what it is made of.",
    wrong="""
        tg.functional.pad(tg.ones((1, 3)), (3, 0), mode="reflect")
    """,
    right="""
        tg.functional.pad(tg.ones((1, 3)), (2, 0), mode="reflect")
    """,
)
mistake(
    "attention-shapes",
    "Each query is compared with each key, so they have the same width; each key has a value.",
    wrong="""
        q, k, v = tg.ones((5, 8)), tg.ones((7, 8)), tg.ones((6, 8))
        tg.functional.scaled_dot_product_attention(q, k, v)
    """,
    right="""
        q, k, v = tg.ones((5, 8)), tg.ones((7, 8)), tg.ones((7, 8))
        tg.functional.scaled_dot_product_attention(q, k, v)
    """,
)
mistake(
    "no-forward",
    "Calling a module calls its `forward`, which says what it computes, and this class has none.",
    wrong="""
        class Net(tg.nn.Module):
            def __init__(self):
                self.layer = tg.nn.Linear(2, 1)

        Net()(np.ones((4, 2)))
    """,
    right="""
        class Net(tg.nn.Module):
            def __init__(self):
                self.layer = tg.nn.Linear(2, 1)

            def forward(self, x):
                return self.layer(x)

        Net()(np.ones((4, 2)))
    """,
)
mistake(
    "unknown-argument",
    """A layer that stands for a function takes the function's settings, and the data only when it is called.""",
    wrong="""
        tg.nn.LeakyReLU(slope=0.1)
    """,
    right="""
        tg.nn.LeakyReLU(negative_slope=0.1)
    """,
)
mistake(
    "not-a-module",
    "ModuleList and ModuleDict are there for modules, whose parameters they let the network find.",
    wrong="""
        tg.nn.ModuleList([tg.nn.Linear(2, 3), tg.relu])
    """,
    right="""
        tg.nn.ModuleList([tg.nn.Linear(2, 3), tg.nn.ReLU()])
    """,
)
mistake(
    "module-key",
    "The key of a module becomes a part of its parameters' names, such as `heads.actor.weight`.",
    wrong="""
        tg.nn.ModuleDict({"actor.first": tg.nn.Linear(2, 3)})
    """,
    right="""
        tg.nn.ModuleDict({"actor_first": tg.nn.Linear(2, 3)})
    """,
)
mistake(
    "no-such-module",
    "No module is held at this place, or under this key.",
    wrong="""
        heads = tg.nn.ModuleDict({"actor": tg.nn.Linear(2, 3)})
        heads["critic"]
    """,
    right="""
        heads = tg.nn.ModuleDict({"actor": tg.nn.Linear(2, 3)})
        heads["actor"]
    """,
)
mistake(
    "module-hook",
    """A backward hook is called once all gradients of the module's outputs are there, and can change the gradient of
    one input. Where that can't be told apart, hooks on the tensors themselves do what is meant.""",
    wrong="""
        class Split(tg.nn.Module):
            def __init__(self):
                self.weight = tg.Tensor(2.0, requires_grad=True)

            def forward(self, x):
                return x * self.weight, x + self.weight

        split = Split()
        split.register_full_backward_hook(print)
        split(3.0)
    """,
    right="""
        class Split(tg.nn.Module):
            def __init__(self):
                self.weight = tg.Tensor(2.0, requires_grad=True)

            def forward(self, x):
                return x * self.weight, x + self.weight

        split = Split()
        for output in split(3.0):
            output.register_hook(print)
    """,
)
