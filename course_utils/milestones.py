"""Published error rates in the ImageNet challenge and after: one row a result, each with its source."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Milestone:
    """A published figure.

    Attributes
    ----------
    year : int
        Of the challenge or of the publication.
    name : str
        Network or team.
    top5_error : float or None
        Per cent of pictures whose class is not among the five highest scores.
    top1_accuracy : float or None
        Per cent of pictures whose class has the highest score.
    measured_on : {"test", "validation"}
        Test pictures are the organisers'; labels of the validation pictures are public.
    what : str
        One network or several, other data, and what else one has to know to compare.
    source : str
        Key in book/references.bib.
    """

    year: int
    name: str
    top5_error: float | None
    top1_accuracy: float | None
    measured_on: str
    what: str
    source: str


#: In order of time. Russakovsky et al. 2015 list the entries up to 2014.
MILESTONES: tuple[Milestone, ...] = (
    Milestone(2010, "NEC-UIUC", 28.2, None, "test", "features by hand, winner", "russakovsky2015imagenet"),
    Milestone(2011, "XRCE", 25.8, None, "test", "features by hand, winner", "russakovsky2015imagenet"),
    Milestone(2012, "ISI", 26.2, None, "test", "features by hand, second place", "krizhevsky2012imagenet"),
    Milestone(
        2012,
        "AlexNet",
        16.4,
        None,
        "test",
        "mean of 5 networks, trained on the challenge's pictures only",
        "krizhevsky2012imagenet",
    ),
    Milestone(
        2012,
        "AlexNet, more data",
        15.3,
        None,
        "test",
        "mean of 7 networks, 2 of them first trained on all of ImageNet; winner",
        "krizhevsky2012imagenet",
    ),
    Milestone(
        2013,
        "Clarifai",
        11.7,
        None,
        "test",
        "several networks after Zeiler and Fergus, no other data; winner",
        "russakovsky2015imagenet",
    ),
    Milestone(2014, "VGG", 7.3, None, "test", "mean of 7 networks, second place", "simonyan2015very"),
    Milestone(2014, "GoogLeNet", 6.7, None, "test", "mean of 7 networks, winner", "szegedy2015going"),
    Milestone(2015, "ResNet", 3.57, None, "test", "mean of 6 networks, winner", "he2016deep"),
    Milestone(2016, "Trimps-Soushen", 2.99, None, "test", "several networks, winner", "hu2018squeeze"),
    Milestone(2017, "SENet", 2.25, None, "test", "several networks, winner", "hu2018squeeze"),
    Milestone(
        2020,
        "EfficientNet-L2, Noisy Student",
        None,
        88.4,
        "validation",
        "one network, 300 million pictures without labels besides",
        "xie2020selftraining",
    ),
)
