"""Losses as modules: `loss = CrossEntropyLoss(); loss(logits, target)` is `functional.cross_entropy(logits, target)`.

Their settings are the keyword arguments of the function; the data stay arguments of the call.
"""

from __future__ import annotations

from tinygrad_edu import functional
from tinygrad_edu.nn.functions import FunctionModule


class MSELoss(FunctionModule, function=functional.mse_loss, data=2):
    """The squared error; see `functional.mse_loss`.

    >>> MSELoss()([0.0, 2.0], [0.0, 0.0])
    Tensor(2.)
    """


class L1Loss(FunctionModule, function=functional.l1_loss, data=2):
    """The absolute error; see `functional.l1_loss`.

    >>> L1Loss()([1.0, -2.0], [0.0, 0.0])
    Tensor(1.5)
    """


class HuberLoss(FunctionModule, function=functional.huber_loss, data=2):
    """Squared up to delta, straight beyond; see `functional.huber_loss`.

    >>> HuberLoss(reduction="none")([0.5, 3.0], [0.0, 0.0])
    Tensor([0.125, 2.5  ])
    """


class SmoothL1Loss(FunctionModule, function=functional.smooth_l1_loss, data=2):
    """The absolute error, rounded within beta; see `functional.smooth_l1_loss`.

    >>> SmoothL1Loss(reduction="none", beta=2.0)([0.5, 3.0], [0.0, 0.0])
    Tensor([0.0625, 2.    ])
    """


class CrossEntropyLoss(FunctionModule, function=functional.cross_entropy, data=2):
    """−log of the probability of the right class; takes logits, without a softmax. See `functional.cross_entropy`.

    >>> CrossEntropyLoss()([[0.0, 0.0]], [1])
    Tensor(0.69314718)
    """


class NLLLoss(FunctionModule, function=functional.nll_loss, data=2):
    """Minus the entries of the right classes: cross-entropy after `LogSoftmax`. See `functional.nll_loss`.

    >>> NLLLoss()([[-0.5, -1.0], [-2.0, -0.25]], [0, 1])
    Tensor(0.375)
    """


class BCELoss(FunctionModule, function=functional.binary_cross_entropy, data=2):
    """−log of the probability of the right answer, yes or no; see `functional.binary_cross_entropy`.

    >>> BCELoss()([0.5], [1.0])
    Tensor(0.69314718)
    """


class BCEWithLogitsLoss(FunctionModule, function=functional.binary_cross_entropy_with_logits, data=2):
    """`BCELoss` of the sums before the sigmoid; see `functional.binary_cross_entropy_with_logits`.

    >>> BCEWithLogitsLoss()([0.0], [1.0])
    Tensor(0.69314718)
    """


class KLDivLoss(FunctionModule, function=functional.kl_div, data=2):
    """How far a distribution, given by its logarithms, is from the target; see `functional.kl_div`.

    >>> KLDivLoss("batchmean")([[-0.5, -1.0]], [[0.5, 0.5]])
    Tensor(0.05685282)
    """


class GaussianNLLLoss(FunctionModule, function=functional.gaussian_nll_loss, data=3):
    """−log of a normal density: called with prediction, target and variance. See `functional.gaussian_nll_loss`.

    >>> GaussianNLLLoss()([1.0], [3.0], [4.0])
    Tensor(1.19314718)
    """


class PoissonNLLLoss(FunctionModule, function=functional.poisson_nll_loss, data=2):
    """−log of a Poisson probability; see `functional.poisson_nll_loss`.

    >>> PoissonNLLLoss()([0.0], [2.0])
    Tensor(1.)
    """


class SoftMarginLoss(FunctionModule, function=functional.soft_margin_loss, data=2):
    """log(1 + e^(−target · prediction)) with targets 1 and −1; see `functional.soft_margin_loss`.

    >>> SoftMarginLoss()([0.0], [1])
    Tensor(0.69314718)
    """


class HingeEmbeddingLoss(FunctionModule, function=functional.hinge_embedding_loss, data=2):
    """Distances that are to be small, or larger than a margin; see `functional.hinge_embedding_loss`.

    >>> HingeEmbeddingLoss(reduction="none")([0.25, 0.25], [1, -1])
    Tensor([0.25, 0.75])
    """


class MarginRankingLoss(FunctionModule, function=functional.margin_ranking_loss, data=3):
    """The first is to be larger where the target is 1, the second where it is −1; see `functional.margin_ranking_loss`.

    >>> MarginRankingLoss(reduction="none")([3.0, 1.0], [2.0, 4.0], [1, 1])
    Tensor([0., 3.])
    """


class CosineEmbeddingLoss(FunctionModule, function=functional.cosine_embedding_loss, data=3):
    """Angles that are to be small, or large; see `functional.cosine_embedding_loss`.

    >>> CosineEmbeddingLoss()([[1.0, 0.0]], [[0.0, 1.0]], [1])
    Tensor(1.)
    """


class TripletMarginLoss(FunctionModule, function=functional.triplet_margin_loss, data=3):
    """The anchor nearer to the positive than to the negative, by a margin; see `functional.triplet_margin_loss`.

    >>> TripletMarginLoss(eps=0.0)([[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 5.5]])
    Tensor(0.5)
    """


class MultiMarginLoss(FunctionModule, function=functional.multi_margin_loss, data=2):
    """The hinge loss of several classes; see `functional.multi_margin_loss`.

    >>> MultiMarginLoss()([[0.1, 0.2, 0.4, 0.8]], [3])
    Tensor(0.325)
    """


class MultiLabelSoftMarginLoss(FunctionModule, function=functional.multilabel_soft_margin_loss, data=2):
    """Yes or no for each class, averaged over the classes; see `functional.multilabel_soft_margin_loss`.

    >>> MultiLabelSoftMarginLoss()([[0.0, 0.0]], [[1.0, 0.0]])
    Tensor(0.69314718)
    """


class MultiLabelMarginLoss(FunctionModule, function=functional.multilabel_margin_loss, data=2):
    """Every right class above every wrong one, by a margin; see `functional.multilabel_margin_loss`.

    >>> MultiLabelMarginLoss()([[0.1, 0.2, 0.4, 0.8]], [[3, 0, -1, 1]])
    Tensor(0.85)
    """


class TripletMarginWithDistanceLoss(FunctionModule, function=functional.triplet_margin_with_distance_loss, data=3):
    """`TripletMarginLoss` with a distance of one's own; see `functional.triplet_margin_with_distance_loss`.

    >>> loss = TripletMarginWithDistanceLoss(lambda a, b: abs(a - b).sum(axis=-1))
    >>> loss([[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 7.5]])
    Tensor(0.5)
    """


class CTCLoss(FunctionModule, function=functional.ctc_loss, data=4):
    """Labels wherever they lie in a sequence: called with log-probabilities, targets and both lengths.

    See `functional.ctc_loss`.

    >>> import numpy as np
    >>> CTCLoss()(np.log(np.full((2, 1, 2), 0.5)), [[1]], [2], [1])
    Tensor(0.28768207)
    """
