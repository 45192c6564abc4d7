"""A recipe is a TOML file that says how a generator is trained: everything that can change its weights stands there.

``[data]``, ``[generator]`` (or ``[unet]``, the paper's network), ``[degrade]``, ``[hints]``, ``[loss]`` and
``[adversary]`` hold for the whole run; each ``[[phase]]`` is trained in turn. `train.recipe_file` reads and compares
them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from archivecolor.errors import ConfigurationError
from archivecolor.inference.torch_generator import CHROMA_STRIDE, INPUT_MULTIPLE, GeneratorShape
from train.degrade import Degradation
from train.hints import HintDraws
from train.unet import UNetShape


class Freeze(StrEnum):
    """Which part of the encoder a phase leaves as it is."""

    ENCODER = "encoder"
    """All of it, batch statistics included."""
    SHALLOW = "shallow"
    """Its layers down to 1/4 of the input, and all depthwise filters: they change least and cost most of a step."""
    ALL_BUT_BLOCKS = "all but blocks"
    """Everything but the transformer blocks, so that new ones learn to help a network that is trained."""
    NOTHING = "nothing"


class Layout(StrEnum):
    """How a corpus lies in its folder."""

    PHOTOGRAPHS = "photographs"
    """Files of pictures, and ``.tar`` shards of them, at any depth."""
    PACKED = "packed"
    """One file of coded pictures and its index, as `train.shards` packs them. The file may still be growing."""
    CIFAR10 = "cifar10"
    """The sheets of `train.cifar10`, which are fetched when they are not there."""


class AdversaryKind(StrEnum):
    """Which discriminator, and which game it plays."""

    HINGE = "hinge"
    """`PatchDiscriminator` under the hinge loss."""
    PAPER = "paper"
    """`PaperDiscriminator` under the non-saturating loss of Nazeri et al. 2018."""


@dataclass(frozen=True, slots=True)
class Data:
    """Where the pictures come from."""

    corpus: str
    """A folder, relative to the project's root."""
    layout: Layout = Layout.PHOTOGRAPHS
    members: str = ""
    """A text file, relative to the project's root, that names the pictures to take, one a line; empty takes all."""
    smallest: int = 64
    """Pictures with a shorter side, in pixels, are dropped."""
    grayest: float = 4.0
    """Pictures with a smaller mean chroma (CIE C*ab) are dropped. With both at 0, none is looked at beforehand."""
    source_weights: dict[str, float] = field(default_factory=dict)
    """How often a source is drawn, per picture, relative to 1. The source is the name up to its last underscore."""
    also: tuple[str, ...] = ()
    """Further folders of photographs, relative to the project's root."""


@dataclass(frozen=True, slots=True)
class Loss:
    """The generator's loss before any adversary: rebalanced cross-entropy over the palette plus a pixel term."""

    distribution: float = 1.0
    """Weight of the cross-entropy between the predicted and the soft-encoded true chroma."""
    palette_sigma: float = 6.0
    """Width, in a*b* units, of the soft encoding."""
    rebalance: float = 0.5
    """0 counts every pixel alike, 1 every palette entry alike (Zhang et al. 2016, equation 4)."""
    pixel: float = 0.1
    """Weight of the mean absolute a*b* error."""
    chroma_emphasis: float = 3.0
    """A pixel of chroma 100 counts 1 + this much in the pixel term."""


@dataclass(frozen=True, slots=True)
class Adversary:
    """What the generator plays against in phases with an adversarial loss."""

    kind: AdversaryKind = AdversaryKind.HINGE
    real: float = 1.0
    """What the paper's discriminator is to say of a real picture; 0.9 is one-sided label smoothing."""


@dataclass(frozen=True, slots=True)
class Plateau:
    """When a learning rate is lowered by itself."""

    pictures: int
    """The pixel loss is averaged over windows of this many pictures."""
    patience: int = 3
    """The rate is lowered when this many windows in a row were no better than the best."""
    least_gain: float = 0.002
    """A window is better when its loss is lower by this share."""
    divide_by: float = 10.0

    def __post_init__(self) -> None:
        if self.pictures < 1 or self.patience < 1 or self.divide_by <= 1:
            raise ConfigurationError("plateau: pictures and patience must be 1 or more, divide_by above 1")


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of training under one set of conditions."""

    name: str
    pictures: int
    """How many pictures are shown in it."""
    crop: int
    """Side of the square crops, a multiple of 32."""
    batch: int
    learning_rate: float
    final_learning_rate: float
    """The rate falls from one to the other along half a cosine, or step by step where ``plateau`` is given."""
    freeze: Freeze = Freeze.NOTHING
    encoder_share: float = 1.0
    """The encoder's learning rate relative to the rest's. ImageNet's features are worth keeping: 0.1 does."""
    hold_statistics: bool = False
    """Normalize by the running batch statistics, as the trained generator will, and leave them as they are."""
    smallest_crop: float = 0.5
    """Crops cover at least this share of the picture's short side."""
    adversarial: float = 0.0
    """Weight of the generator's adversarial loss; 0 trains without a discriminator."""
    discriminator_learning_rate: float = 2e-4
    plateau: Plateau | None = None
    """Lower both networks' rates when the pixel loss saturates, instead of along a cosine."""

    def __post_init__(self) -> None:
        if self.crop < INPUT_MULTIPLE or self.crop % INPUT_MULTIPLE:
            raise ConfigurationError(f"phase '{self.name}': crop is {self.crop}, no multiple of {INPUT_MULTIPLE}")
        if self.pictures < 1 or self.batch < 1:
            raise ConfigurationError(f"phase '{self.name}': has no pictures or an empty batch")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A whole training run."""

    name: str
    data: Data
    phase: tuple[Phase, ...]
    seed: int = 1
    temperature: float = 0.5
    """Temperature of the distribution that the chroma is taken from."""
    weight_decay: float = 1e-2
    beta1: float = 0.9
    """Of the generator's Adam."""
    gradient_clip: float = 5.0
    """Largest norm of the generator's gradient; 0 leaves it as it is."""
    ema: float = 0.999
    """Decay of the running mean of the weights, which is what is exported; 0 keeps the weights themselves."""
    generator: GeneratorShape = field(default_factory=GeneratorShape)
    unet: UNetShape | None = None
    """Train the paper's network in place of ``generator``."""
    degrade: Degradation = field(default_factory=Degradation)
    hints: HintDraws = field(default_factory=HintDraws)
    """What hints are drawn when ``generator.hints`` says that it takes them."""
    loss: Loss = field(default_factory=Loss)
    adversary: Adversary = field(default_factory=Adversary)

    def __post_init__(self) -> None:
        for phase in self.phase:
            if phase.freeze is Freeze.ALL_BUT_BLOCKS and not any(self.generator.blocks):
                raise ConfigurationError(
                    f"phase '{phase.name}': leaves nothing to train, for the generator has no transformer blocks",
                    hint="set [generator] blocks",
                )
        if self.unet is None:
            return
        if len(self.unet.widths) < 2 or len(self.unet.dropout) >= len(self.unet.widths):
            raise ConfigurationError("unet: give two widths or more, and fewer dropouts than widths")
        if not self.unet.palette and self.loss.distribution:
            raise ConfigurationError(
                "unet: has no palette to predict a distribution over", hint="set [loss] distribution = 0"
            )
        for phase in self.phase:
            if phase.freeze is not Freeze.NOTHING:
                raise ConfigurationError(f"phase '{phase.name}': the U-Net has no pretrained encoder to freeze")

    @property
    def hint_draws(self) -> HintDraws | None:
        """How hints are drawn; None for a network that takes none."""
        return self.hints if self.unet is None and self.generator.hints else None

    @property
    def network(self) -> GeneratorShape | UNetShape:
        """The shape of the network that is trained."""
        return self.unet or self.generator

    @property
    def chroma_stride(self) -> int:
        """Pixels of luma per pixel of chroma, in each direction."""
        return 1 if self.unet else CHROMA_STRIDE
